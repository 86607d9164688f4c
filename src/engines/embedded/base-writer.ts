/**
 * Base files out of plain rows (docs/spec/merge.md M18): one per bucket, sorted by the whole key.
 * Text sorts by its UTF-8 bytes, which is DuckDB's own order. Rows wait in a stage table; when they
 * become many they are put by as a sorted run in the stage folder, and `finish` reads each bucket's
 * part of the runs. So memory is bounded, and each row is read once more, not once per bucket.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import { present } from '../../kernel/assert.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { Bucketing, FileWriter, WriteTarget } from '../../ports/row-engine.ts';
import { copyToRun, rowColumn, runRelation } from '../../sql/parquet-statements.ts';
import { bucketsOf } from './buckets.ts';
import { runAll } from './duckdb-instance.ts';
import { dataEntry, dropStaged, stageFile, tableColumns, uploadFiles } from './parquet-writer.ts';
import type { FileContext, StagedFile, StageLimits } from './parquet-writer.ts';
import {
  batchBytes,
  fedColumns,
  openStageTable,
  stageColumns,
  stagedValue,
} from './stage-table.ts';
import type { OpenEngine, StageTable } from './stage-table.ts';
import type { FedColumn } from './vector-feeder.ts';

/** What a base writer needs. */
export interface BaseWriterRequest {
  readonly open: () => Promise<OpenEngine>;
  readonly files: FileContext;
  readonly target: WriteTarget;
  readonly schema: TableSchema;
  readonly bucketing: Bucketing;
  readonly limits: StageLimits;
}

const BUCKET = 'bucket';

/** A writer of one base's files. */
export function createBaseWriter(request: BaseWriterRequest): FileWriter<RowBatch> {
  return new BaseWriter(request);
}

class BaseWriter implements FileWriter<RowBatch> {
  readonly #request: BaseWriterRequest;
  readonly #order: string;
  #table: StageTable | null = null;
  #tableRows = 0;
  #tableBytes = 0;
  #runs: string[] = [];
  #buckets = new Set<number>();
  #rowCount = 0;
  #sizeBytes = 0;

  constructor(request: BaseWriterRequest) {
    this.#request = request;
    this.#order = keyOrder(request.target.icebergSchema, request.schema);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(batch: RowBatch): Promise<void> {
    if (batch.rowCount === 0) return;
    const { target, bucketing, limits } = this.#request;
    const { icebergSchema } = target;
    const own = bucketColumn(batch, bucketing, this.#buckets);
    const fed = fedColumns({ batch, schema: icebergSchema, fields: icebergSchema.fields });
    const table = await this.#openTable();
    await table.append([...fed, own], batch.rowCount);
    const bytes = batchBytes(batch);
    this.#rowCount += batch.rowCount;
    this.#sizeBytes += bytes;
    this.#tableRows += batch.rowCount;
    this.#tableBytes += bytes;
    if (this.#tableRows >= limits.rowsMax || this.#tableBytes >= limits.bytesMax) {
      await this.#putBy(table);
    }
  }

  async finish(): Promise<readonly DataFile[]> {
    const staged: StagedFile[] = [];
    try {
      if (this.#rowCount > 0) await this.#stageBuckets(staged);
      const written = await uploadFiles(this.#request.files, staged);
      await this.discard();
      return written;
    } catch (error) {
      await dropStaged(staged);
      throw error;
    }
  }

  async discard(): Promise<void> {
    this.#closeTable();
    for (const run of this.#runs) await rm(run, { force: true });
    this.#runs = [];
    this.#buckets = new Set();
    this.#rowCount = 0;
    this.#sizeBytes = 0;
  }

  async #openTable(): Promise<StageTable> {
    if (this.#table === null) {
      const { open, target } = this.#request;
      this.#table = await openStageTable(await open(), [
        ...stageColumns(target.icebergSchema.fields),
        { name: BUCKET, type: { kind: 'int' } },
      ]);
    }
    return this.#table;
  }

  #closeTable(): void {
    this.#table?.close();
    this.#table = null;
    this.#tableRows = 0;
    this.#tableBytes = 0;
  }

  /** Writes the stage table as a run, sorted by bucket and key. */
  async #putBy(table: StageTable): Promise<void> {
    const { filesFolder, clock, random } = this.#request.files;
    const path = join(filesFolder, `${uuidV7(clock, random)}.run`);
    this.#runs.push(path);
    await table.flush();
    const order = `rows.${BUCKET}, ${this.#order}`;
    await runAll(table.connection, [copyToRun({ table: table.name, order, path })]);
    this.#closeTable();
  }

  async #stageBuckets(staged: StagedFile[]): Promise<void> {
    const { files, target } = this.#request;
    if (this.#runs.length > 0 && this.#table !== null) await this.#putBy(this.#table);
    const table = await this.#openTable();
    await table.flush();
    const rows = this.#runs.length > 0 ? runRelation(this.#runs) : table.name;
    for (const bucket of [...this.#buckets].toSorted((left, right) => left - right)) {
      const file = await stageFile(files, table.connection, {
        columns: tableColumns(target.icebergSchema, stagedValue),
        source: `FROM ${rows} AS rows WHERE rows.${BUCKET} = ${bucket} ORDER BY ${this.#order}`,
        dataFolder: target.dataFolder,
        width: this,
        entry: dataEntry(target, [bucket]),
      });
      staged.push(file);
    }
  }
}

/** The bucket of each row; the buckets met are added to `met`. */
function bucketColumn(batch: RowBatch, bucketing: Bucketing, met: Set<number>): FedColumn {
  const index = batch.schema.columns.findIndex(({ name }) => name === bucketing.columnName);
  const vector = present(batch.columns[index], `column ${bucketing.columnName}`);
  const values = bucketsOf(vector, batch.rowCount, bucketing.count);
  for (const bucket of values) met.add(bucket);
  return { type: { kind: 'int' }, vector: { kind: 'int32', values, validity: null } };
}

/** The whole key of the relation `rows`, as a list to sort by. */
export function keyOrder(icebergSchema: IcebergSchema, schema: TableSchema): string {
  const columns = keyColumns(schema).map((column) => {
    const field = icebergSchema.fields.find(({ name }) => name === column.name);
    return rowColumn(present(field?.id, `field ${column.name}`));
  });
  return columns.join(', ');
}

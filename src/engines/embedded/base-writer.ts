/**
 * Base files out of plain rows (docs/spec/merge.md M18): one per bucket, sorted by the whole key.
 * Text sorts by its UTF-8 bytes, which is DuckDB's own order. Rows wait as vectors, each bucket's
 * by themselves, and go from there into their file; rows that came in key order are not sorted
 * again. When they become many they are put by as a sorted run in the stage folder, and `finish`
 * reads each bucket's part of the runs. So memory is bounded, and no row is in a table on its way.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { NestedField } from '../../iceberg/iceberg-type.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import { present } from '../../kernel/assert.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { Bucketing, FileWriter, WriteTarget } from '../../ports/row-engine.ts';
import { columnAlias, copyToRun, rowColumn, runRelation } from '../../sql/parquet-statements.ts';
import { bucketsOf } from './buckets.ts';
import { runAll } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { gatherRows, isAscending } from '../../model/gather-rows.ts';
import type { OpenEngine } from './open-engine.ts';
import { dataEntry, dropStaged, stageFile, tableColumns, uploadFiles } from './parquet-writer.ts';
import type { FileContext, StagedFile, StageLimits } from './parquet-writer.ts';
import type { FedRows, RelationColumn } from './row-feed.ts';
import { batchBytes, columnTypeOf, fedColumns, stageColumns, stagedValue } from './stage-table.ts';
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

/** What one bucket holds, and whether it came in key order. */
type BucketRows = Map<number, FedRows[]>;

class BaseWriter implements FileWriter<RowBatch> {
  readonly #request: BaseWriterRequest;
  readonly #order: string;
  #rows: BucketRows = new Map();
  #heldRows = 0;
  #heldBytes = 0;
  #types = '';
  #columns: readonly RelationColumn[] = [];
  #runs: string[] = [];
  #buckets = new Set<number>();
  #lastKey: readonly ColumnVector[] | null = null;
  #isSorted = true;
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
    const { target, limits } = this.#request;
    const { icebergSchema } = target;
    const fed = fedColumns({ batch, schema: icebergSchema, fields: icebergSchema.fields });
    await this.#useTypes(fed);
    this.#watchOrder(batch);
    this.#spread(batch, fed);
    const bytes = batchBytes(batch);
    this.#rowCount += batch.rowCount;
    this.#sizeBytes += bytes;
    this.#heldRows += batch.rowCount;
    this.#heldBytes += bytes;
    if (this.#heldRows >= limits.rowsMax || this.#heldBytes >= limits.bytesMax) await this.#putBy();
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
    this.#letGo();
    for (const run of this.#runs) await rm(run, { force: true });
    this.#runs = [];
    this.#buckets = new Set();
    this.#lastKey = null;
    this.#isSorted = true;
    this.#rowCount = 0;
    this.#sizeBytes = 0;
  }

  #letGo(): void {
    this.#rows = new Map();
    this.#heldRows = 0;
    this.#heldBytes = 0;
  }

  /** Rows that are held together have the same types; wider ones make the earlier ones a run. */
  async #useTypes(fed: readonly FedColumn[]): Promise<void> {
    const types = JSON.stringify(fed.map(({ type }) => type));
    if (types === this.#types) return;
    if (this.#heldRows > 0) await this.#putBy();
    this.#types = types;
    const names = stageColumns(this.#request.target.icebergSchema.fields);
    this.#columns = names.map(({ name, type }, index) => ({
      name,
      type: fed[index]?.type ?? type,
    }));
  }

  #watchOrder(batch: RowBatch): void {
    const keys = keyColumns(batch.schema).map(({ id }) => {
      const index = batch.schema.columns.findIndex((column) => column.id === id);
      return present(batch.columns[index], 'a key column');
    });
    this.#isSorted &&= isAscending(keys, batch.rowCount, this.#lastKey);
    const last = Int32Array.of(batch.rowCount - 1);
    this.#lastKey = keys.map((vector) => gatherRows(vector, last));
  }

  /** Each row to those of its bucket. */
  #spread(batch: RowBatch, fed: readonly FedColumn[]): void {
    const { bucketing } = this.#request;
    for (const [bucket, rows] of rowsByBucket(batch, bucketing)) {
      const columns =
        rows === null
          ? fed
          : fed.map(({ type, vector }): FedColumn => {
              return { type, vector: vector === null ? null : gatherRows(vector, rows) };
            });
      const held = this.#rows.get(bucket);
      const own = { columns, rowCount: rows?.length ?? batch.rowCount };
      if (held === undefined) this.#rows.set(bucket, [own]);
      else held.push(own);
      this.#buckets.add(bucket);
    }
  }

  /** Writes what is held as a run: by bucket, and by key within it. */
  async #putBy(): Promise<void> {
    const { filesFolder, clock, random } = this.#request.files;
    const path = join(filesFolder, `${uuidV7(clock, random)}.run`);
    this.#runs.push(path);
    const rows = ascending(this.#rows.keys()).flatMap((bucket) => {
      const own: FedColumn['type'] = { kind: 'int' };
      return (this.#rows.get(bucket) ?? []).map(({ columns, rowCount }): FedRows => {
        const values = new Int32Array(rowCount).fill(bucket);
        const vector = { kind: 'int32', values, validity: null } as const;
        return { columns: [...columns, { type: own, vector }], rowCount };
      });
    });
    const columns = [...this.#columns, { name: BUCKET, type: { kind: 'int' } } as const];
    const order = this.#isSorted ? '' : `ORDER BY rows.${BUCKET}, ${this.#order}`;
    const fields = this.#request.target.icebergSchema.fields.filter(isStaged);
    await this.#read(columns, rows, async (connection, relation) => {
      const list = fields.map((field) => `${this.#value(field)} AS ${columnAlias(field.id)}`);
      const select = [...list, `rows.${BUCKET}`].join(', ');
      const source = `SELECT ${select} FROM ${relation} AS rows ${order}`;
      await runAll(connection, [copyToRun({ source, path, columns: list.length + 1 })]);
    });
    this.#letGo();
  }

  async #stageBuckets(staged: StagedFile[]): Promise<void> {
    if (this.#runs.length > 0 && this.#heldRows > 0) await this.#putBy();
    const order = this.#isSorted ? '' : `ORDER BY ${this.#order}`;
    for (const bucket of ascending(this.#buckets)) {
      const held = this.#rows.get(bucket) ?? [];
      await this.#read(this.#columns, held, async (connection, relation) => {
        const source =
          this.#runs.length > 0
            ? `FROM ${runRelation(this.#runs)} AS rows WHERE rows.${BUCKET} = ${bucket} ${order}`
            : `FROM ${relation} AS rows ${order}`;
        staged.push(await this.#stage(connection, { bucket, source }));
      });
      this.#rows.delete(bucket);
    }
  }

  #stage(
    connection: Api.DuckDBConnection,
    { bucket, source }: { readonly bucket: number; readonly source: string },
  ): Promise<StagedFile> {
    const { files, target } = this.#request;
    return stageFile(files, connection, {
      columns: tableColumns(target.icebergSchema, (field) => this.#value(field)),
      source,
      dataFolder: target.dataFolder,
      hashedLayout: target.hashedLayout === true,
      width: this,
      entry: dataEntry(target, [bucket]),
    });
  }

  /** A field's value out of what is held or put by, in the field's own type. */
  #value(field: NestedField): string {
    const value = stagedValue(field);
    return isStaged(field) ? `CAST(${value} AS ${duckdbTypeName(field.type)})` : value;
  }

  async #read(
    columns: readonly RelationColumn[],
    rows: readonly FedRows[],
    work: (connection: Api.DuckDBConnection, relation: string) => Promise<void>,
  ): Promise<void> {
    const { instance, rows: feed } = await this.#request.open();
    const held = feed.hold(columns, rows);
    try {
      const connection = await instance.connect();
      try {
        await work(connection, held.relation);
      } finally {
        connection.closeSync();
      }
    } finally {
      held.release();
    }
  }
}

function isStaged(field: NestedField): boolean {
  return columnTypeOf(field.type) !== null;
}

function ascending(numbers: Iterable<number>): readonly number[] {
  return [...numbers].toSorted((left, right) => left - right);
}

/** The rows of each bucket, in their order; `null`: all. */
function rowsByBucket(
  batch: RowBatch,
  bucketing: Bucketing,
): ReadonlyMap<number, Int32Array | null> {
  // Hashing each key costs as much as reading a column of them.
  if (bucketing.count === 1) return new Map([[0, null]]);
  const index = batch.schema.columns.findIndex(({ name }) => name === bucketing.columnName);
  const vector = present(batch.columns[index], `column ${bucketing.columnName}`);
  const buckets = bucketsOf(vector, batch.rowCount, bucketing.count);
  const counts = new Map<number, number>();
  for (const bucket of buckets) counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  const rows = new Map([...counts].map(([bucket, count]) => [bucket, new Int32Array(count)]));
  const filled = new Map<number, number>();
  for (let row = 0; row < batch.rowCount; row++) {
    const bucket = buckets[row] ?? 0;
    const at = filled.get(bucket) ?? 0;
    const own = rows.get(bucket);
    if (own !== undefined) own[at] = row;
    filled.set(bucket, at + 1);
  }
  return rows;
}

/** The whole key of the relation `rows`, as a list to sort by. */
export function keyOrder(icebergSchema: IcebergSchema, schema: TableSchema): string {
  const columns = keyColumns(schema).map((column) => {
    const field = icebergSchema.fields.find(({ name }) => name === column.name);
    return rowColumn(present(field?.id, `field ${column.name}`));
  });
  return columns.join(', ');
}

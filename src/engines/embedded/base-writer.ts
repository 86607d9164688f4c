/**
 * Base files out of plain rows (docs/spec/merge.md M18): one per bucket, sorted by the whole key.
 * Text sorts by its UTF-8 bytes, which is DuckDB's own order. Rows wait in a stage table that
 * spills when it must, because one sorted file per bucket needs all of a bucket's rows.
 */
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import { present } from '../../kernel/assert.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { Bucketing, FileWriter, WriteTarget } from '../../ports/row-engine.ts';
import { rowColumn } from '../../sql/parquet-statements.ts';
import { bucketsOf } from './buckets.ts';
import { dataEntry, dropStaged, stageFile, tableColumns, uploadFiles } from './parquet-writer.ts';
import type { FileContext, StagedFile } from './parquet-writer.ts';
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
}

const BUCKET = 'bucket';

/** A writer of one base's files. */
export function createBaseWriter(request: BaseWriterRequest): FileWriter<RowBatch> {
  const { files, target, bucketing } = request;
  const { icebergSchema } = target;
  const buckets = new Set<number>();
  let table: StageTable | null = null;
  let rowCount = 0;
  let sizeBytes = 0;
  const reset = (): void => {
    table?.close();
    table = null;
    buckets.clear();
    rowCount = 0;
    sizeBytes = 0;
  };
  const writeBuckets = async (staged: StagedFile[]): Promise<void> => {
    if (table === null) return;
    await table.flush();
    const order = keyOrder(icebergSchema, request.schema);
    for (const bucket of [...buckets].toSorted((left, right) => left - right)) {
      staged.push(
        await stageFile(files, table.connection, {
          columns: tableColumns(icebergSchema, stagedValue),
          source: `FROM ${table.name} AS rows WHERE rows.${BUCKET} = ${bucket} ORDER BY ${order}`,
          dataFolder: target.dataFolder,
          entry: dataEntry(target, [bucket]),
        }),
      );
    }
  };
  return {
    get rowCount() {
      return rowCount;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    async append(batch) {
      if (batch.rowCount === 0) return;
      const columns = stageColumns(icebergSchema.fields);
      table ??= await openStageTable(await request.open(), [
        ...columns,
        { name: BUCKET, type: { kind: 'int' } },
      ]);
      const own = bucketColumn(batch, bucketing, buckets);
      const { fields } = icebergSchema;
      const fed = fedColumns({ batch, schema: icebergSchema, fields });
      await table.append([...fed, own], batch.rowCount);
      rowCount += batch.rowCount;
      sizeBytes += batchBytes(batch);
    },
    async finish(): Promise<readonly DataFile[]> {
      const staged: StagedFile[] = [];
      try {
        await writeBuckets(staged);
        const written = await uploadFiles(files, staged);
        reset();
        return written;
      } catch (error) {
        await dropStaged(staged);
        throw error;
      }
    },
    async discard() {
      reset();
    },
  };
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
  const aliases = keyColumns(schema).map((column) => {
    const field = icebergSchema.fields.find(({ name }) => name === column.name);
    return rowColumn(present(field?.id, `field ${column.name}`));
  });
  return aliases.join(', ');
}

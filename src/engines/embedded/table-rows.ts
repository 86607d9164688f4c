/**
 * Live rows of a table's data files as relations, and such rows written again as one sorted file
 * per bucket: what compaction does, and a merge for the files it rewrites along with its new rows.
 */
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { IcebergType } from '../../iceberg/iceberg-type.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { assert, present } from '../../kernel/assert.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { groupBySize } from '../../merge/choose-rewrites.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { Bucketing, WriteTarget } from '../../ports/row-engine.ts';
import { columnAlias, rowColumn } from '../../sql/parquet-statements.ts';
import { keyOrder } from './base-writer.ts';
import { bucketExpression } from './buckets.ts';
import { readRows, runAll } from './duckdb-instance.ts';
import { fileRows, schemaColumns } from './query/file-rows.ts';
import type { HeldFiles } from './query/file-rows.ts';
import { holdFiles } from './local-files.ts';
import { nameDamage } from './query/damaged-files.ts';
import { dataEntry, dropStaged, stageFile, tableColumns, uploadFiles } from './parquet-writer.ts';
import type { FileContext, StagedFile } from './parquet-writer.ts';
import { deleteFilesOf, loadDeletes } from './position-deletes.ts';
import { columnTypeOf } from './stage-table.ts';
import {
  LAST_UPDATED_ALIAS,
  ROW_ID_ALIAS,
  keepsRowIds,
  lastUpdatedOf,
  rewrittenSchema,
  rowIdOf,
} from './v3/row-lineage.ts';

/** Rows that are in no file of the table yet. */
export interface NewRows {
  /** Their buckets. */
  readonly buckets: readonly number[];
  /** With column aliases and `bucket`; rows of one are sorted at a time. */
  readonly relations: readonly string[];
}

/** What is written again. */
export interface RewriteRequest {
  readonly schema: TableSchema;
  readonly target: WriteTarget;
  readonly bucketing: Bucketing;
  /** Files whose live rows are written again. */
  readonly held: HeldFiles;
  /** Table `(fi, pos)` of dead rows; `fi` is a file's place in `places`. */
  readonly dead: string;
  /** Place of each of the held files in the numbering of `dead`. */
  readonly places: readonly number[];
  readonly added: NewRows;
  /** Bytes of files whose rows are sorted at a time. */
  readonly sortBytesMax: number;
  /** Rows and bytes of files that the rows come from. */
  readonly width: ReturnType<typeof widthOf>;
}

/** About what rows of files take in memory: Parquet is several times smaller. */
export function widthOf(files: readonly ScanFile[]): {
  readonly rowCount: number;
  readonly sizeBytes: number;
} {
  const sum = { rowCount: 0, sizeBytes: 0 };
  for (const { file } of files) {
    sum.rowCount += toSafeNumber(file.recordCount);
    sum.sizeBytes += toSafeNumber(file.fileSizeBytes) * PARQUET_FACTOR;
  }
  return sum;
}

const PARQUET_FACTOR = 4;

/**
 * Writes rows as sorted files, of each bucket one; more where the rows of a bucket are too many to
 * be sorted in memory at a time. The connection's table `moved` is used up by it. When it fails, no
 * staged file is left.
 */
export async function stageBuckets(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: RewriteRequest,
): Promise<readonly StagedFile[]> {
  const { target, schema, added, held, width } = request;
  const icebergSchema = rewrittenSchema(target);
  const native = held.files.every(({ file }) => file.specId === target.specId);
  if (!native) await createMoved(connection, request);
  const buckets = new Set(added.buckets);
  for (const bucket of native ? held.files.map(bucketOf) : await movedBuckets(connection)) {
    buckets.add(bucket);
  }
  const staged: StagedFile[] = [];
  try {
    for (const bucket of ascending(buckets)) {
      for (const rows of parts(request, bucket, native)) {
        const file = await stageFile(context, connection, {
          columns: tableColumns(icebergSchema, ({ id }) => rowColumn(id)),
          source: `FROM (${rows}) AS rows ORDER BY ${keyOrder(icebergSchema, schema)}`,
          dataFolder: target.dataFolder,
          hashedLayout: target.hashedLayout === true,
          width,
          entry: dataEntry(target, [bucket]),
        });
        staged.push(file);
      }
    }
  } catch (error) {
    await dropStaged(staged);
    throw error;
  }
  if (!native) await runAll(connection, ['DROP TABLE moved']);
  const empty = staged.filter(({ file }) => file.recordCount === 0n);
  await dropStaged(empty);
  return staged.filter((file) => !empty.includes(file));
}

/** The rows of one bucket, a query for each file to write. */
function parts(request: RewriteRequest, bucket: number, native: boolean): readonly string[] {
  const { target, added, held, sortBytesMax } = request;
  const aliases = rewrittenSchema(target)
    .fields.map(({ id }) => columnAlias(id))
    .join(', ');
  const fresh = added.buckets.includes(bucket)
    ? added.relations.map((rows) => `SELECT ${aliases} FROM ${rows} WHERE bucket = ${bucket}`)
    : [];
  const own = held.files.filter((scan) => bucketOf(scan) === bucket);
  const kept = native
    ? groupBySize(own, fileBytes, sortBytesMax).map((files) => selectLive(request, files))
    : [`SELECT * EXCLUDE bucket FROM moved WHERE bucket = ${bucket}`];
  const all = [...fresh, ...kept];
  return fresh.length <= 1 && kept.length <= 1 ? [all.join(' UNION ALL ')] : all;
}

/** SQL of a row's bucket over column aliases. */
function bucketOfField(schema: IcebergSchema, bucketing: Bucketing): string {
  const field = present(
    schema.fields.find(({ name }) => name === bucketing.columnName),
    `field ${bucketing.columnName}`,
  );
  return bucketExpression(columnAlias(field.id), plainType(field.type), bucketing.count);
}

function plainType(type: IcebergType): NonNullable<ReturnType<typeof columnTypeOf>> {
  return present(columnTypeOf(type), 'a type that a key can have');
}

/** Files of another number of buckets: their rows spread anew. */
async function createMoved(
  connection: Api.DuckDBConnection,
  request: RewriteRequest,
): Promise<void> {
  const bucket = bucketOfField(request.target.icebergSchema, request.bucketing);
  const rows = selectLive(request, request.held.files);
  const sql = `CREATE TEMP TABLE moved AS SELECT *, ${bucket} AS bucket FROM (${rows})`;
  await runAll(connection, [sql]);
}

async function movedBuckets(connection: Api.DuckDBConnection): Promise<readonly number[]> {
  const rows = await readRows(connection, 'SELECT DISTINCT bucket FROM moved');
  return rows.map(([bucket]) => {
    assert(typeof bucket === 'number', 'a bucket is an integer');
    return bucket;
  });
}

/** Bytes of a file. */
export function fileBytes({ file }: ScanFile): number {
  return toSafeNumber(file.fileSizeBytes);
}

function bucketOf({ file }: ScanFile): number {
  const [bucket] = file.partition;
  assert(typeof bucket === 'number', 'a base file lies in a bucket');
  return bucket;
}

/** Live rows of some of the held files, by column alias. */
function selectLive(request: RewriteRequest, files: readonly ScanFile[]): string {
  const { held, places, target, dead } = request;
  const columns = schemaColumns(rewrittenSchema(target));
  const relation = fileRows({ files, local: held.local }, columns);
  const numbers = files.map((scan) => present(places[held.files.indexOf(scan)], 'a place'));
  const place = `list_extract([${numbers.join(', ')}]::BIGINT[], file_index::BIGINT + 1)`;
  const values = target.icebergSchema.fields.map(({ id }) => rowColumn(id));
  if (keepsRowIds(target)) {
    values.push(`${rowIdOf(files)} AS ${ROW_ID_ALIAS}`);
    values.push(`${lastUpdatedOf(files)} AS ${LAST_UPDATED_ALIAS}`);
  }
  return `SELECT ${values.join(', ')} FROM ${relation} AS rows ANTI JOIN ${dead} AS dead
    ON ${place} = dead.fi AND rows.file_row_number = dead.pos`;
}

function ascending(numbers: Iterable<number>): readonly number[] {
  return [...numbers].toSorted((left, right) => left - right);
}

/** What a compaction needs. */
export interface CompactRequest {
  readonly schema: TableSchema;
  readonly target: WriteTarget;
  readonly bucketing: Bucketing;
  readonly files: readonly ScanFile[];
}

const NOTHING_NEW: NewRows = { buckets: [], relations: [] };

/** Rewrites the live rows of files as one sorted file per bucket; no file where no row lives. */
export async function compactFiles(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: CompactRequest,
): Promise<readonly DataFile[]> {
  const { files } = request;
  const read = [...files.map(({ file }) => file), ...deleteFilesOf(files)];
  const local = await holdFiles(context.store, read);
  let staged: readonly StagedFile[] = [];
  try {
    await local.examine(connection);
    await loadDeletes(connection, { name: 'dead', files, local, shared: false });
    const places = files.map((_, index) => index);
    const held = { files, local };
    staged = await stageBuckets(context, connection, {
      ...request,
      held,
      dead: 'dead',
      places,
      added: NOTHING_NEW,
      // What becomes one file was chosen by whoever asks.
      sortBytesMax: Infinity,
      width: widthOf(files),
    });
    return await uploadFiles(context, staged);
  } catch (error) {
    await dropStaged(staged);
    throw await nameDamage(connection, [{ files, local }], error);
  } finally {
    await local.release();
  }
}

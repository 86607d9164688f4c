/**
 * A temporary table that takes batches of column vectors: rows wait in it, in DuckDB's memory or
 * spilled to its folder, until they are written as files. It belongs to one connection and vanishes
 * with it.
 */
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { IcebergType, NestedField } from '../../iceberg/iceberg-type.ts';
import { assert } from '../../kernel/assert.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { columnAlias, rowColumn } from '../../sql/parquet-statements.ts';
import { quoteIdentifier } from '../../sql/quoting.ts';
import { guarded } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import type { OpenEngine } from './open-engine.ts';
import type { RelationColumn } from './row-feed.ts';
import type { FedColumn } from './vector-feeder.ts';

/** A table that rows are appended to and read from in the order they came. */
export interface StageTable {
  readonly connection: Api.DuckDBConnection;
  /** Its name in SQL. */
  readonly name: string;
  /** Appends `rowCount` rows; one fed column per table column. Narrower types are widened. */
  append(columns: readonly FedColumn[], rowCount: number): Promise<void>;
  /** Makes everything appended visible to statements of its connection. */
  flush(): Promise<void>;
  /** Drops the table and its connection. Idempotent. */
  close(): void;
}

const TABLE = 'staged';

/** Rows that an appender holds outside of what DuckDB can spill. */
const FLUSH_ROWS = 16_384;

/** Opens an empty stage table on a connection of its own. */
export async function openStageTable(
  { instance, feed }: Pick<OpenEngine, 'instance' | 'feed'>,
  columns: readonly RelationColumn[],
): Promise<StageTable> {
  const connection = await instance.connect();
  const definitions = columns.map(
    ({ name, type }) => `${quoteIdentifier(name)} ${duckdbTypeName(type)}`,
  );
  await guarded(() => connection.run(`CREATE TEMP TABLE ${TABLE} (${definitions.join(', ')})`));
  const appender = await guarded(() => connection.createAppender(TABLE, 'main', 'temp'));
  let open = true;
  let unflushed = 0;
  const flush = (): void => {
    appender.flushSync();
    unflushed = 0;
  };
  return {
    connection,
    name: TABLE,
    append: (fed, rowCount) =>
      guarded(() => {
        feed(appender, fed, rowCount);
        unflushed += rowCount;
        if (unflushed >= FLUSH_ROWS) flush();
      }),
    flush: () => guarded(flush),
    close() {
      if (!open) return;
      open = false;
      // Closing alone would flush what is left, and nobody wants that any more.
      appender.clear();
      appender.closeSync();
      connection.closeSync();
    },
  };
}

/** A type of a table as a column type; `null` for one that no source column has. */
export function columnTypeOf(type: IcebergType): ColumnType | null {
  switch (type.kind) {
    case 'struct':
    case 'list':
    case 'map':
    case 'time':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'unknown':
      return null;
    default:
      return type;
  }
}

/** The stage columns for fields of a table, called by their aliases. */
export function stageColumns(fields: readonly NestedField[]): readonly RelationColumn[] {
  return fields.flatMap((field) => {
    const type = columnTypeOf(field.type);
    return type === null ? [] : [{ name: columnAlias(field.id), type }];
  });
}

/** How a field is read from a stage table called `rows`; one that is never staged is NULL. */
export function stagedValue(field: NestedField): string {
  if (columnTypeOf(field.type) === null) return `CAST(NULL AS ${duckdbTypeName(field.type)})`;
  return rowColumn(field.id);
}

/** Which columns to feed from a batch. */
export interface FedRequest {
  readonly batch: RowBatch;
  readonly schema: IcebergSchema;
  /** The fields that the stage table was made for. */
  readonly fields: readonly NestedField[];
  /** Columns that do not come from the batch's own, by name. */
  readonly own?: ReadonlyMap<string, FedColumn>;
}

/**
 * A batch's columns by name for {@link stageColumns} of the same fields; a field that the batch
 * does not have is NULL. Each column of the batch must have its field: none is lost.
 */
export function fedColumns(request: FedRequest): readonly FedColumn[] {
  const { batch, schema } = request;
  const byName = new Map<string, FedColumn>(request.own);
  for (const [index, column] of batch.schema.columns.entries()) {
    const known = schema.fields.some((field) => field.name === column.name);
    assert(known, `column ${column.name} must have a field in the table's schema`);
    byName.set(column.name, { type: column.type, vector: batch.columns[index] ?? null });
  }
  return request.fields.flatMap((field): readonly FedColumn[] => {
    const type = columnTypeOf(field.type);
    if (type === null) return [];
    return [byName.get(field.name) ?? { type, vector: null }];
  });
}

/** Bytes that a batch's vectors take. */
export function batchBytes(batch: RowBatch): number {
  let sum = 0;
  for (const vector of batch.columns) {
    const validity = vector.validity?.byteLength ?? 0;
    sum += validity + (vector.kind === 'bytes' ? bytesOf(vector) : vector.values.byteLength);
  }
  return sum;
}

function bytesOf(vector: { readonly data: Uint8Array; readonly offsets: Uint32Array }): number {
  return vector.data.byteLength + vector.offsets.byteLength;
}

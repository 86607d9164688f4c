/**
 * A merge window in DuckDB: the newest change per key, found from the ledger's narrow columns
 * (docs/spec/merge.md M7 to M10). Values stay in the ledger's files until they are written.
 */
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import { encodeSingleValue } from '../../iceberg/single-value.ts';
import type { PresentValue } from '../../iceberg/single-value.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { assert, present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { formatTableName, keyColumns } from '../../model/table-schema.ts';
import type { Column, TableSchema } from '../../model/table-schema.ts';
import type { Bucketing, MergeRules, MergeWindowSummary } from '../../ports/row-engine.ts';
import {
  countOverruled,
  countWindow,
  createChanges,
  createDoubles,
  createLateKeys,
  createWinners,
  insertOlder,
  insertRepeats,
  insertWindow,
  keyName,
  selectConflicts,
  selectTruncate,
} from '../../sql/merge-statements.ts';
import type { ChangeSource, WinnerRequest } from '../../sql/merge-statements.ts';
import { columnAlias } from '../../sql/parquet-statements.ts';
import type { ParquetColumn } from '../../sql/parquet-statements.ts';
import { bucketExpression } from './buckets.ts';
import { readRow, readRows, runAll } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { fileRows } from './query/file-rows.ts';
import { nameDamage } from './query/damaged-files.ts';
import type { HeldFiles } from './query/file-rows.ts';
import { holdFiles } from './local-files.ts';
import type { LocalFiles } from './local-files.ts';
import type { FileContext } from './parquet-writer.ts';

/** What a window is read from. */
export interface WindowRequest {
  readonly schema: TableSchema;
  readonly bucketing: Bucketing;
  readonly ledgerSchema: IcebergSchema;
  readonly window: readonly ScanFile[];
  readonly older: () => Promise<readonly ScanFile[]>;
  readonly rules: MergeRules;
}

/** A window that was read: table `winners` of the connection, and the files its values lie in. */
export interface MergeWindow {
  readonly summary: MergeWindowSummary;
  readonly ledger: HeldFiles;
}

/**
 * Reads a window and finds its winners. The window's files stay held until the caller releases
 * them.
 *
 * @throws FirnError MERGE-IDENTITY-CONFLICT
 */
export async function openWindow(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: WindowRequest,
): Promise<MergeWindow> {
  const local = await holdFiles(
    context.store,
    request.window.map(({ file }) => file),
  );
  try {
    await local.examine(connection);
    const ledger = { files: request.window, local };
    const counts = await readChanges(context, connection, { ...request, ledger });
    await refuseConflicts(connection, request, ledger);
    const truncate = await findTruncate(connection);
    const keyCount = request.schema.keyColumnIds.length;
    const bucket = bucketOfKey(request.schema, request.bucketing);
    await runAll(connection, [createWinners({ keyCount, truncate: truncate.newest, bucket })]);
    const { from } = request.rules;
    const overruled =
      from === null || counts.late === 0
        ? 0
        : await countOf(connection, countOverruled(keyCount, from));
    const summary = await summarise(connection, request.schema, {
      events: counts.events,
      repeats: counts.repeats,
      overruled,
      truncated: truncate.applies,
    });
    await runAll(connection, ['DROP TABLE changes']);
    return { summary, ledger };
  } catch (error) {
    const told = await nameDamage(connection, [{ files: request.window, local }], error);
    await local.release();
    throw told;
  }
}

interface WindowCounts {
  readonly events: number;
  readonly repeats: number;
  readonly late: number;
}

/** Fills `changes`. Rows below the watermark are only read for keys that have late re-reads. */
async function readChanges(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: WindowRequest & { readonly ledger: HeldFiles },
): Promise<WindowCounts> {
  const { schema, ledgerSchema, rules, older } = request;
  const source = changeSource(schema, ledgerSchema, request.ledger);
  const keyTypes = keyColumns(schema).map(({ type }) => duckdbTypeName(type));
  const [events, repeats, late] = await readRow(connection, countWindow(source, rules));
  const counts = { events: countIn(events), repeats: countIn(repeats), late: countIn(late) };
  await runAll(connection, [createChanges(keyTypes), insertWindow(source, rules)]);
  if (counts.late === 0) return counts;
  await runAll(connection, [createLateKeys(source, rules), insertRepeats(source, rules)]);
  const files = await older();
  const local = await holdFiles(
    context.store,
    files.map(({ file }) => file),
  );
  try {
    await local.examine(connection);
    const olderSource = changeSource(schema, ledgerSchema, { files, local });
    await runAll(connection, [insertOlder(olderSource, rules), 'DROP TABLE late_keys']);
  } finally {
    await local.release();
  }
  return counts;
}

/** Columns of a ledger that decide which change counts, read from files. */
export function changeSource(
  schema: TableSchema,
  ledgerSchema: IcebergSchema,
  held: HeldFiles,
): ChangeSource {
  const own = (name: string, type: string): ParquetColumn => ({
    fieldId: fieldIdOf(ledgerSchema, name),
    type,
  });
  const columns = [
    own('_firn_op', 'VARCHAR'),
    own('_firn_epoch', 'INTEGER'),
    own('_firn_seq', 'BIGINT'),
    own('_firn_row', 'INTEGER'),
    own('_firn_schema', 'INTEGER'),
    ...keyColumns(schema).map(({ name, type }) => own(name, duckdbTypeName(type))),
  ];
  const names = columns.map(({ fieldId }) => columnAlias(fieldId));
  const [op = '', epoch = '', seq = '', row = '', schemaVersion = '', ...keys] = names;
  const fileSequences = held.files.map(({ dataSequenceNumber }) => dataSequenceNumber);
  return {
    relation: fileRows(held, columns),
    op,
    epoch,
    seq,
    row,
    schemaVersion,
    keys,
    fileSequences,
  };
}

/** Two rows of one identity must say the same; a ledger that contradicts itself is not merged. */
async function refuseConflicts(
  connection: Api.DuckDBConnection,
  { schema, ledgerSchema }: WindowRequest,
  ledger: HeldFiles,
): Promise<void> {
  const keyCount = schema.keyColumnIds.length;
  await runAll(connection, [createDoubles(keyCount)]);
  if ((await countOf(connection, 'SELECT count(*) FROM doubles')) > 0) {
    const columns = valueColumns(schema, ledgerSchema);
    const conflict = await readRow(
      connection,
      selectConflicts({
        keyCount,
        relation: fileRows(ledger, columns),
        values: columns.map(({ fieldId }) => columnAlias(fieldId)),
      }),
    );
    if (conflict.length > 0) {
      const [epoch, seq, row] = conflict.map(String);
      throw new FirnError('MERGE-IDENTITY-CONFLICT', {
        what: `Two ledger rows at ${epoch}:${seq}, row ${row}, have the same key and differ.`,
        where: formatTableName(schema.table),
      });
    }
  }
  await runAll(connection, ['DROP TABLE doubles']);
}

/** The source's columns that the ledger has. */
function valueColumns(schema: TableSchema, ledgerSchema: IcebergSchema): readonly ParquetColumn[] {
  return schema.columns.flatMap((column) => {
    const field = ledgerSchema.fields.find(({ name }) => name === column.name);
    return field === undefined ? [] : [{ fieldId: field.id, type: duckdbTypeName(field.type) }];
  });
}

interface Truncate {
  readonly newest: WinnerRequest['truncate'];
  readonly applies: boolean;
}

async function findTruncate(connection: Api.DuckDBConnection): Promise<Truncate> {
  const [epoch, seq, row, applies] = await readRow(connection, selectTruncate());
  if (typeof epoch !== 'number' || typeof seq !== 'bigint' || typeof row !== 'number') {
    return { newest: null, applies: false };
  }
  return { newest: { epoch, seq, row }, applies: applies === true };
}

async function summarise(
  connection: Api.DuckDBConnection,
  schema: TableSchema,
  counts: Pick<MergeWindowSummary, 'events' | 'repeats' | 'overruled' | 'truncated'>,
): Promise<MergeWindowSummary> {
  const first = present(keyColumns(schema)[0], 'a key');
  const key = keyName(0);
  const sql = `SELECT count(*), min(${key}), max(${key}) FROM winners`;
  const [keys, lower, upper] = await readRow(connection, sql);
  const buckets = await readRows(connection, 'SELECT DISTINCT bucket FROM winners ORDER BY bucket');
  const low = keyBound(first.type, lower);
  const high = keyBound(first.type, upper);
  return {
    ...counts,
    keys: countIn(keys),
    buckets: buckets.map(([bucket]) => {
      assert(typeof bucket === 'number', 'a bucket is an integer');
      return bucket;
    }),
    keyBounds: low === null || high === null ? null : { lower: low, upper: high },
  };
}

/** A key value as Iceberg bound. */
function keyBound(type: ColumnType, value: Api.DuckDBValue | undefined): Uint8Array | null {
  if (value === null || value === undefined) return null;
  return encodeSingleValue(type, keyValue(value));
}

function keyValue(value: Exclude<Api.DuckDBValue, null>): PresentValue {
  if (typeof value !== 'object') return value;
  if ('micros' in value && typeof value.micros === 'bigint') return value.micros;
  if ('days' in value && typeof value.days === 'number') return value.days;
  if ('scale' in value && 'value' in value && typeof value.value === 'bigint') return value.value;
  if ('bytes' in value && value.bytes instanceof Uint8Array) return value.bytes;
  const hex = value.toString().replaceAll('-', '');
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function bucketOfKey(schema: TableSchema, bucketing: Bucketing): string {
  const keys: readonly Column[] = keyColumns(schema);
  const index = keys.findIndex(({ name }) => name === bucketing.columnName);
  const column = present(keys[index], `key column ${bucketing.columnName}`);
  return bucketExpression(keyName(index), column.type, bucketing.count);
}

function fieldIdOf(schema: IcebergSchema, name: string): number {
  return present(
    schema.fields.find((field) => field.name === name)?.id,
    `field ${name} of a ledger`,
  );
}

async function countOf(connection: Api.DuckDBConnection, sql: string): Promise<number> {
  const [count] = await readRow(connection, sql);
  return countIn(count);
}

function countIn(value: Api.DuckDBValue | undefined): number {
  assert(typeof value === 'bigint', 'a count is an integer');
  return toSafeNumber(value);
}

/** The files' local copies, for whoever closes the window. */
export function windowFiles(window: MergeWindow): LocalFiles {
  return window.ledger.local;
}

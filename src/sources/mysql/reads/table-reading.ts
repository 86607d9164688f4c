/**
 * How one table's rows are read: the statement's parts, and a reader of the text of each column.
 * Sessions that read tables see committed rows only, of one moment per statement.
 */
import { chooseTable } from '../../../config/table-choice.ts';
import type { TableRule } from '../../../config/pipeline-config.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { RowBatch } from '../../../model/change-batch.ts';
import { ColumnBuilder } from '../../../model/column-builder.ts';
import { formatTableName, keyColumns } from '../../../model/table-schema.ts';
import type { Column, TableSchema } from '../../../model/table-schema.ts';
import type { SourcePosition } from '../../../model/source-position.ts';
import type { SourceMark } from '../../../ports/source.ts';
import type { MysqlFlavour } from '../../../mysql/mysql-column.ts';
import { keyLiteral } from '../../../mysql/parameter-text.ts';
import { quoteMysqlName } from '../../../mysql/quote-name.ts';
import { selectExpression, textReader } from '../../../mysql/text-reader.ts';
import type { ValueReader } from '../../../mysql/value-reader.ts';
import { parseSourceType } from '../../../mysql/source-type.ts';
import { serverErrorNumber } from '../connection-failure.ts';
import type { MysqlConnection } from '../connection.ts';
import type { DecodedColumn } from './row-decoder.ts';
import { quoteText } from '../../../mysql/table-statements.ts';
import type { ReadKey, ReadTable } from '../../../mysql/table-statements.ts';

/** Marks around a read, as the source makes them. */
export interface ReadMarks {
  readonly low: (epoch: number) => Promise<SourceMark>;
  readonly high: (epoch: number) => Promise<SourceMark>;
  /**
   * The mark of exactly the snapshot that is open on this connection; `null` when its server cannot
   * tell.
   */
  readonly ofSnapshot: (connection: MysqlConnection, epoch: number) => Promise<SourceMark | null>;
}

/** What reading tables needs from the source. */
export interface TableReadParts {
  readonly open: () => Promise<MysqlConnection>;
  readonly clock: Clock;
  readonly rules: readonly TableRule[];
  readonly marks: ReadMarks;
  /**
   * Proves that a read over this connection sees everything up to a place.
   *
   * @throws {FirnError} BOOTSTRAP-OTHER-SOURCE
   */
  readonly prove: (connection: MysqlConnection, place: SourcePosition) => Promise<void>;
  /** Connections that one bootstrap reads with at a time, from 1. */
  readonly connections: number;
  /** Awaited before each statement of a bootstrap: waits while the source is under load. */
  readonly pace: (signal: AbortSignal) => Promise<void>;
}

/** One table, ready to be read. */
export interface TableReading {
  readonly schema: TableSchema;
  readonly flavour: MysqlFlavour;
  readonly statement: ReadTable;
  readonly readers: readonly ValueReader[];
}

/** Rows of other statements than this one's moment are never mixed in, and none is cut off. */
const READ_SESSION = [
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'SET SESSION sql_select_limit = 18446744073709551615',
];

/** Labels of an ENUM that a condition lists. */
const LABELS_MAX = 500;

/** Unknown column: the table is not the one whose schema is known. */
const UNKNOWN_COLUMN = 1054;

/** A connection whose statements each see one moment. */
export async function openReadConnection(parts: TableReadParts): Promise<MysqlConnection> {
  const connection = await parts.open();
  try {
    for (const statement of READ_SESSION) await connection.query(statement);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/**
 * Prepares reading of a table.
 *
 * @throws {FirnError} SOURCE-TABLE-MISSING when no rule takes it
 */
export async function planReading(
  connection: MysqlConnection,
  rules: readonly TableRule[],
  schema: TableSchema,
): Promise<TableReading> {
  const { flavour } = connection.server;
  const where = formatTableName(schema.table);
  const choice = chooseTable(rules, where);
  if (choice === null) {
    throw new FirnError('SOURCE-TABLE-MISSING', { what: `No rule takes ${where}`, where });
  }
  const keys = keyColumns(schema);
  const list = (columns: readonly Column[]): string =>
    columns.map((column) => selectExpression(column, flavour)).join(', ');
  return {
    schema,
    flavour,
    statement: {
      name: `${quoteMysqlName(schema.table.namespace)}.${quoteMysqlName(schema.table.table)}`,
      list: list(schema.columns),
      keyList: list(keys),
      keys: keys.map(readKeyOf),
      index: await findIndex(connection, schema),
    },
    readers: schema.columns.map((column) => {
      const policy = choice.onMisfit(column.sourceName);
      return textReader(column, policy === 'null' ? 'null' : 'halt');
    }),
  };
}

/** Fresh builders for all columns of a table. */
export function columnsOf(reading: TableReading): readonly DecodedColumn[] {
  return reading.schema.columns.map(({ type }, index) => {
    return { read: readerAt(reading, index), builder: new ColumnBuilder(type) };
  });
}

/** Fresh builders for the key columns alone, in key order. */
export function keyColumnsOf(reading: TableReading): readonly DecodedColumn[] {
  const { schema } = reading;
  return keyColumns(schema).map((key) => {
    const index = schema.columns.findIndex(({ id }) => id === key.id);
    return { read: readerAt(reading, index), builder: new ColumnBuilder(key.type) };
  });
}

/** The key of one row of a batch as literals, in key order. */
export function keyLiteralsAt(
  reading: Pick<TableReading, 'flavour'>,
  batch: RowBatch,
  row: number,
): readonly string[] {
  const { schema, columns } = batch;
  return keyColumns(schema).map((key) => {
    const vector = columns[schema.columns.findIndex(({ id }) => id === key.id)];
    if (vector === undefined) throw new TypeError('keys hold the key columns');
    return keyLiteral(key, vector, row, reading.flavour);
  });
}

/** Tells of a table that is not as its schema says by a code of that table. */
export function tableError(error: unknown, schema: TableSchema): unknown {
  if (serverErrorNumber(error) !== UNKNOWN_COLUMN) return error;
  return new FirnError('SOURCE-TABLE-CHANGED', {
    what: 'A column is not there any more',
    where: formatTableName(schema.table),
    cause: error,
  });
}

function readKeyOf({ sourceName, sourceType }: Column): ReadKey {
  const { name, labels } = parseSourceType(sourceType);
  // Lists of thousands are no search, and a label that is no text cannot be listed: the servers
  // show it with a question mark, as the digits of its bytes, or cut off.
  const isText = labels.every((label) => label !== '' && !/[?\ufffd]|x[0-9a-f]{2}/i.test(label));
  const listed = name === 'enum' && labels.length <= LABELS_MAX && isText;
  return { name: quoteMysqlName(sourceName), labels: listed ? labels : null };
}

function readerAt(reading: TableReading, index: number): ValueReader {
  const reader = reading.readers[index];
  if (reader === undefined) throw new TypeError('a reader for each column');
  return reader;
}

/** The index that orders the table by just its key. */
async function findIndex(connection: MysqlConnection, schema: TableSchema): Promise<string | null> {
  const { namespace, table } = schema.table;
  const usable = connection.server.flavour === 'mysql' ? "IS_VISIBLE = 'YES'" : "IGNORED = 'NO'";
  const rows = await connection.query(
    `SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = ${quoteText(namespace)} AND TABLE_NAME = ${quoteText(table)}
        AND NON_UNIQUE = 0 AND SUB_PART IS NULL AND ${usable}
      ORDER BY INDEX_NAME = 'PRIMARY' DESC, INDEX_NAME, SEQ_IN_INDEX`,
  );
  const wanted = JSON.stringify(keyColumns(schema).map(({ sourceName }) => sourceName));
  const names = new Set(rows.map(([name]) => name ?? ''));
  for (const name of names) {
    const own = rows.filter(([index]) => index === name).map(([, column]) => column);
    if (JSON.stringify(own) === wanted) return name;
  }
  return null;
}

/**
 * What a server holds or does that Debezium carries wrongly or not at all (Debezium 3.6, "MySQL
 * connector"): dates that Java does not know, transactions in two phases, compressed ones, files of
 * the log past 4 GiB, names that differ only in case. Reads only.
 */
import type { TableRule } from '../../config/pipeline-config.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableName } from '../../model/table-schema.ts';
import { quoteMysqlName } from '../../mysql/quote-name.ts';
import type { HiddenChanges } from '../../model/hidden-changes.ts';
import type { Finding } from '../../ports/source.ts';
import type { MysqlConnection } from './connection.ts';
import { chooseShapes, readShapes } from './discover.ts';
import type { TableShape } from './discover.ts';
import { accountOf } from './server-settings.ts';
import type { TextRow } from './text-answer.ts';

/** Offsets in the log have 32 bits in the events themselves. */
const LOG_FILE_BYTES_MAX = 2n ** 32n;

/** Types whose values can have a month or a day 0. */
const DATED = new Set(['DATE', 'DATETIME', 'TIMESTAMP']);

/** How long a table is looked through for such values. */
const LOOK_S_MAX = 5;

/** What is looked at. */
export interface DebeziumCheck {
  readonly tables: readonly TableRule[];
  readonly readsRows: boolean;
  /** The line of a pipeline file with which it would be carried. */
  readonly instead: string;
}

/** Everything there is to say. */
export async function checkDebezium(
  connection: MysqlConnection,
  { tables, readsRows, instead }: DebeziumCheck,
): Promise<readonly Finding[]> {
  const shapes = await readShapes(connection, tables);
  const chosen = chooseShapes(shapes, tables).chosen.map(({ shape }) => shape);
  const findings = [...(await twinFindings(connection, chosen)), ...slashFindings(chosen)];
  findings.push(...(await compressedFindings(connection, chosen)));
  const settings = await settingsOf(connection);
  findings.push(...settingFindings(settings), ...(await findHidden(connection, instead)));
  const dated = chosen.filter((shape) => datedColumns(shape).length > 0);
  const lacks = ['NO_ZERO_DATE', 'NO_ZERO_IN_DATE'].filter(
    (mode) => settings.get('sql_mode')?.split(',').includes(mode) !== true,
  );
  for (const shape of dated) {
    if (lacks.length > 0) findings.push(zeroAllowed(shape.table, lacks));
    else if (readsRows) findings.push(...(await zeroHeld(connection, { shape, instead })));
  }
  return findings;
}

const VARIABLES = ['sql_mode', 'binlog_transaction_compression', 'log_bin_compress'] as const;

async function settingsOf(connection: MysqlConnection): Promise<ReadonlyMap<string, string>> {
  const names = VARIABLES.map((name) => `'${name}'`).join(', ');
  const rows = await connection.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`);
  return new Map(rows.map(([name, value]) => [(name ?? '').toLowerCase(), value ?? '']));
}

/** Debezium's lists of tables match without regard to case: the other's changes come along. */
async function twinFindings(
  connection: MysqlConnection,
  chosen: readonly TableShape[],
): Promise<readonly Finding[]> {
  if (chosen.length === 0) return [];
  const spaces = [...new Set(chosen.map(({ table }) => textOf(table.namespace)))].join(', ');
  const rows = await connection.query(
    `SELECT LOWER(CONCAT(TABLE_SCHEMA, '.', TABLE_NAME)) FROM information_schema.TABLES
      WHERE LOWER(TABLE_SCHEMA) IN (${spaces}) GROUP BY 1 HAVING COUNT(*) > 1`,
  );
  const twins = new Set(rows.map(([name]) => name));
  return chosen.flatMap(({ table }): Finding[] => {
    if (!twins.has(formatTableName(table).toLowerCase())) return [];
    const message =
      'Another table’s name differs from its name only in case, and Debezium does not tell the two apart.';
    return [{ severity: 'error', code: 'CLUSTER-TABLE', table, message, fix: null }];
  });
}

function textOf(name: string): string {
  return `'${name.toLowerCase().replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** Catalogs of Java take a name with a slash for a path. */
function slashFindings(chosen: readonly TableShape[]): readonly Finding[] {
  return chosen.flatMap(({ table }): Finding[] => {
    if (!formatTableName(table).includes('/')) return [];
    const message = 'Its name has a slash in it, which catalogs in Java take for a folder.';
    return [{ severity: 'error', code: 'CLUSTER-TABLE', table, message, fix: null }];
  });
}

/**
 * Tables of others with columns whose type Debezium does not know: it stops at their first change.
 * Captured ones are refused by their columns; those that the user may not see are not found.
 */
async function compressedFindings(
  connection: MysqlConnection,
  chosen: readonly TableShape[],
): Promise<readonly Finding[]> {
  if (connection.server.flavour !== 'mariadb') return [];
  const captured = new Set(chosen.map(({ table }) => formatTableName(table)));
  const rows = await connection.query(
    `SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.COLUMNS
      WHERE COLUMN_TYPE LIKE '%COMPRESSED*/%' ORDER BY 1, 2`,
  );
  return rows.flatMap(([namespace, name]): Finding[] => {
    const table = { namespace: namespace ?? '', table: name ?? '' };
    if (captured.has(formatTableName(table))) return [];
    const message =
      'It is not captured, but has a COMPRESSED column: its first change in the log stops Debezium for all tables of the server.';
    return [{ severity: 'warning', code: 'debezium-column', table, message, fix: null }];
  });
}

function settingFindings(settings: ReadonlyMap<string, string>): readonly Finding[] {
  const about = { severity: 'error', table: null } as const;
  if (settings.get('binlog_transaction_compression') === 'ON') {
    const message =
      'Transactions are compressed in the log: Debezium gives all changes of one the same place.';
    const fix = 'SET PERSIST binlog_transaction_compression = OFF;';
    return [{ ...about, code: 'debezium-compression', message, fix }];
  }
  if ((settings.get('log_bin_compress') ?? 'OFF') === 'OFF') return [];
  const message = 'Changes are compressed in the log, and Debezium leaves compressed ones out.';
  const fix = 'SET GLOBAL log_bin_compress = OFF;   -- and in the configuration';
  return [{ ...about, code: 'debezium-compression', message, fix }];
}

async function findHidden(
  connection: MysqlConnection,
  instead: string,
): Promise<readonly Finding[]> {
  try {
    return hiddenFindings(await readHidden(connection), instead);
  } catch (error) {
    if (!isFirnError(error, 'SOURCE-PRIVILEGE')) throw error;
    const { code, what: message, remedy: fix } = error;
    return [{ severity: 'error', code, table: null, message, fix }];
  }
}

/** What has happened since the server started. */
function hiddenFindings(hidden: HiddenChanges, fix: string): readonly Finding[] {
  const { xaPrepared, compressed, logFileBytesMax } = hidden;
  const found: Finding[] = [];
  const add = (code: string, message: string): void => {
    found.push({ severity: 'error', code, table: null, message, fix });
  };
  if (xaPrepared > 0n) {
    const message = `${xaPrepared} XA transactions were prepared since the server started: Debezium sends their changes whether they are committed or not.`;
    add('debezium-xa', message);
  }
  if (compressed !== null && compressed > 0n) {
    const message = `${compressed} transactions were compressed in the log since the server started: Debezium gives all changes of one the same place.`;
    add('debezium-compressed', message);
  }
  if (logFileBytesMax > LOG_FILE_BYTES_MAX) {
    const message =
      'A file of the log is longer than 4 GiB: Debezium’s places in it begin again at 0.';
    add('debezium-log-file', message);
  }
  return found;
}

function datedColumns({ columns }: TableShape): readonly string[] {
  return columns.flatMap(({ name, dataType }) => (DATED.has(dataType.toUpperCase()) ? [name] : []));
}

const ZERO_WORDS =
  'Debezium sends NULL for a date with a month or day 0, or 1970-01-01 where the column is NOT NULL';

function zeroAllowed(table: TableName, lacks: readonly string[]): Finding {
  const message = `The server’s sql_mode lacks ${lacks.join(' and ')}, so the table can get such dates: ${ZERO_WORDS}.`;
  const fix = "SET PERSIST sql_mode = CONCAT(@@GLOBAL.sql_mode, ',NO_ZERO_DATE,NO_ZERO_IN_DATE');";
  return { severity: 'error', code: 'debezium-zero-dates', table, message, fix };
}

/** Whether a row holds such a date; a large table is looked through for a bounded time. */
async function zeroHeld(
  connection: MysqlConnection,
  { shape, instead }: { readonly shape: TableShape; readonly instead: string },
): Promise<readonly Finding[]> {
  const { table } = shape;
  const from = `${quoteMysqlName(table.namespace)}.${quoteMysqlName(table.table)}`;
  const isZero = datedColumns(shape).map((name) => {
    const column = quoteMysqlName(name);
    return `DAYOFMONTH(${column}) = 0 OR MONTH(${column}) = 0`;
  });
  const rows = `FROM ${from} WHERE ${isZero.join(' OR ')} LIMIT 1`;
  const bounded =
    connection.server.flavour === 'mysql'
      ? `SELECT /*+ MAX_EXECUTION_TIME(${LOOK_S_MAX * 1000}) */ 1 ${rows}`
      : `SET STATEMENT max_statement_time = ${LOOK_S_MAX} FOR SELECT 1 ${rows}`;
  try {
    const found = await connection.query(bounded);
    if (found.length === 0) return [];
    const message = `A row holds a date with a month or day 0: ${ZERO_WORDS}.`;
    const fix = `Give the column another value there, or take the table into a file with ${instead}.`;
    return [{ severity: 'error', code: 'debezium-zero-dates', table, message, fix }];
  } catch (error) {
    if (!isFirnError(error)) throw error;
    const message = `It could not be looked through in ${LOOK_S_MAX} seconds for dates with a month or day 0: ${ZERO_WORDS}.`;
    const code = 'debezium-zero-dates';
    return [{ severity: 'warning', code, table, message, fix: null }];
  }
}

/**
 * What the server has done so far that Debezium carries wrongly.
 *
 * @throws {FirnError} SOURCE-PRIVILEGE when the user may not see it, and what a query throws
 */
export async function readHidden(connection: MysqlConnection): Promise<HiddenChanges> {
  const rows = await connection.query(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Com_xa_prepare')",
  );
  const status = new Map(rows.map(([name, value]) => [(name ?? '').toLowerCase(), value]));
  const files = await connection.query('SHOW BINARY LOGS');
  const lengths = files.map(([, length]) => integerOf(length));
  return {
    uptimeS: integerOf(status.get('uptime')),
    xaPrepared: integerOf(status.get('com_xa_prepare')),
    compressed: await compressedCount(connection),
    logFileBytesMax: lengths.reduce((max, length) => (length > max ? length : max), 0n),
  };
}

const COUNTS = 'performance_schema.binary_log_transaction_compression_stats';

/** The version of MySQL that first could compress transactions. */
const COUNTS_SINCE = 80_020;

async function compressedCount(connection: MysqlConnection): Promise<bigint | null> {
  const { flavour, version } = connection.server;
  if (flavour !== 'mysql' || version < COUNTS_SINCE) return null;
  let rows: readonly TextRow[];
  try {
    rows = await connection.query(
      `SELECT COALESCE(SUM(TRANSACTION_COUNTER), 0)
         FROM ${COUNTS}
        WHERE COMPRESSION_TYPE <> 'NONE' AND LOG_TYPE = 'BINARY'`,
    );
  } catch (error) {
    if (!isFirnError(error, 'SOURCE-PRIVILEGE')) throw error;
    throw new FirnError('SOURCE-PRIVILEGE', {
      what: 'The user may not see how many transactions are compressed in the log, which Debezium carries wrongly.',
      remedy: `GRANT SELECT ON ${COUNTS} TO ${await accountOf(connection)};`,
      cause: error,
    });
  }
  return integerOf(rows[0]?.[0]);
}

function integerOf(text: string | null | undefined): bigint {
  return /^\d+$/.test(text ?? '') ? BigInt(text ?? '') : 0n;
}

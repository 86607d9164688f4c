/**
 * What a server has of the tables that the pipeline asks for: columns with their types in the lake,
 * keys, and why a table is refused or can only have a ledger. A handful of statements, however many
 * tables there are. Reads only.
 */
import { chooseTable, tablesNamed } from '../../config/table-choice.ts';
import type { TableChoice } from '../../config/table-choice.ts';
import type { TableRule } from '../../config/pipeline-config.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { present } from '../../kernel/assert.ts';
import type { SourceTable } from '../../model/source-event.ts';
import type { TableName } from '../../model/table-schema.ts';
import { formatTableName } from '../../model/table-schema.ts';
import { isMigrationHelper } from '../../mysql/statement.ts';
import { mapColumn } from '../../mysql/column-mapping.ts';
import type { MysqlColumn, MysqlFlavour } from '../../mysql/mysql-column.ts';
import { parseSourceType } from '../../mysql/source-type.ts';
import { quoteText } from '../../mysql/table-statements.ts';
import type { MysqlConnection } from './connection.ts';
import type { TextRow } from './text-answer.ts';

/** A unique key of a table. */
export interface UniqueKey {
  readonly name: string;
  /** Columns in key order; `null` stands for an expression. */
  readonly columns: readonly (string | null)[];
  /** Some column counts with its first letters only. */
  readonly hasPrefix: boolean;
  /** The server may be told to use it: it is neither invisible nor ignored. */
  readonly isUsable: boolean;
}

/** A table as the server describes it. */
export interface TableShape {
  readonly table: TableName;
  /** Storage engine; `null` when the server does not say. */
  readonly engine: string | null;
  readonly kind: 'table' | 'system-versioned';
  readonly columns: readonly MysqlColumn[];
  /** The primary key first, then by name. */
  readonly uniqueKeys: readonly UniqueKey[];
  readonly rowsEstimate: bigint | null;
}

/** A table that a rule takes and that cannot be captured. */
export interface RefusedTable {
  readonly table: TableName;
  readonly code: ErrorCode;
  /** A sentence without values. */
  readonly reason: string;
}

/** What a server has for a pipeline. */
export interface Discovery {
  readonly tables: readonly SourceTable[];
  readonly refused: readonly RefusedTable[];
}

/** Schemas of the servers themselves. */
const SYSTEM_SCHEMAS = ['information_schema', 'mysql', 'performance_schema', 'sys'];

/** Engines whose rows are not in the log as rows, or not on this server. */
const UNSUPPORTED_ENGINES = new Set(['BLACKHOLE', 'FEDERATED', 'CONNECT', 'SPIDER', 'MRG_MYISAM']);

/** Everything that the rules take. */
export async function discoverTables(
  connection: MysqlConnection,
  rules: readonly TableRule[],
): Promise<Discovery> {
  const { flavour } = connection.server;
  const tables: SourceTable[] = [];
  const refused: RefusedTable[] = [];
  const { chosen } = chooseShapes(await readShapes(connection, rules), rules);
  for (const { shape, choice } of chosen) {
    const found = sourceTableOf(shape, choice, flavour);
    if ('reason' in found) refused.push(found);
    else tables.push(found);
  }
  return { tables, refused };
}

/** A table that a rule takes, and what the rule says of it. */
export interface ChosenShape {
  readonly shape: TableShape;
  readonly choice: TableChoice;
}

/**
 * What the rules take. A pattern does not take what a migration tool keeps beside a table while it
 * works (`_orders_gho`), which comes and goes; a rule that names such a table does.
 */
export function chooseShapes(
  shapes: readonly TableShape[],
  rules: readonly TableRule[],
): { readonly chosen: readonly ChosenShape[]; readonly helpers: readonly TableName[] } {
  const named = new Set(tablesNamed(rules).map((name) => name.toLowerCase()));
  const chosen: ChosenShape[] = [];
  const helpers: TableName[] = [];
  for (const shape of shapes) {
    const { table } = shape;
    const name = formatTableName(table);
    const choice = chooseTable(rules, name);
    if (choice === null) continue;
    const isHelper =
      table.table.startsWith('_') &&
      !named.has(name.toLowerCase()) &&
      shapes.some((other) => isMigrationHelper(table, other.table));
    if (isHelper) helpers.push(table);
    else chosen.push({ shape, choice });
  }
  return { chosen, helpers };
}

/** Tables that rules may take, as the server describes them, by name. */
export async function readShapes(
  connection: MysqlConnection,
  rules: readonly TableRule[],
): Promise<readonly TableShape[]> {
  if (rules.length === 0) return [];
  const where = rules.map(({ pattern }) => `(${patternCondition(pattern)})`).join(' OR ');
  const system = SYSTEM_SCHEMAS.map(quoteText).join(', ');
  const chosen = `TABLE_SCHEMA NOT IN (${system}) AND (${where})`;
  const isMysql = connection.server.flavour === 'mysql';
  const rows = await connection.query(
    `SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS
       FROM information_schema.TABLES WHERE ${chosen}
        AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`,
  );
  const columns = groupRows(
    await connection.query(
      `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME,
          COLLATION_NAME, IS_NULLABLE, GENERATION_EXPRESSION, EXTRA
         FROM information_schema.COLUMNS WHERE ${chosen}
        ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`,
    ),
  );
  const keys = groupRows(
    await connection.query(
      `SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART,
          ${isMysql ? "IS_VISIBLE = 'YES'" : "IGNORED = 'NO'"}
         FROM information_schema.STATISTICS WHERE ${chosen} AND NON_UNIQUE = 0
        ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME = 'PRIMARY' DESC, INDEX_NAME, SEQ_IN_INDEX`,
    ),
  );
  const shapes = rows.map(([namespace, table, kind, engine, estimate]): TableShape => {
    const name = { namespace: namespace ?? '', table: table ?? '' };
    const id = mapKey(namespace, table);
    return {
      table: name,
      engine: engine ?? null,
      kind: kind === 'SYSTEM VERSIONED' ? 'system-versioned' : 'table',
      columns: (columns.get(id) ?? []).map(columnOf),
      uniqueKeys: uniqueKeysOf(keys.get(id) ?? []),
      rowsEstimate: typeof estimate === 'string' ? BigInt(estimate) : null,
    };
  });
  const ordered = shapes.map((shape) => ({ shape, name: formatTableName(shape.table) }));
  ordered.sort((left, right) => (left.name < right.name ? -1 : 1));
  return ordered.map(({ shape }) => shape);
}

/** One table as the source contract describes it, or why it is refused. */
export function sourceTableOf(
  shape: TableShape,
  choice: TableChoice,
  flavour: MysqlFlavour,
): SourceTable | RefusedTable {
  const refuse = (code: ErrorCode, reason: string): RefusedTable => {
    return { table: shape.table, code, reason };
  };
  const unsupported = (reason: string): RefusedTable => refuse('SOURCE-TABLE-UNSUPPORTED', reason);
  const names = [
    shape.table.namespace,
    shape.table.table,
    ...shape.columns.map(({ name }) => name),
  ];
  if (names.some((name) => name.includes('\0'))) return unsupported('a name of it holds NUL');
  if (shape.kind === 'system-versioned') return unsupported('it keeps its own history of rows');
  if (shape.engine !== null && UNSUPPORTED_ENGINES.has(shape.engine.toUpperCase())) {
    return unsupported(`rows of the storage engine ${shape.engine} are not in the log`);
  }
  const captured = shape.columns.filter(({ name }) => !choice.isExcluded(name));
  if (captured.length === 0) return unsupported('it has no column that is captured');
  const columns: SourceTable['columns'][number][] = [];
  const columnNotes = new Map<string, string>();
  for (const column of captured) {
    const lakeName = choice.lakeName(column.name);
    if (/^_firn_/i.test(lakeName)) {
      return refuse('SOURCE-RESERVED-COLUMN', `column ${column.name} would be called ${lakeName}`);
    }
    const mapping = mapColumn(column, flavour, choice.onMisfit(column.name));
    if (mapping.kind === 'refused') return unsupported(`column ${column.name}: ${mapping.reason}`);
    const { type, sourceType, note } = mapping;
    if (note !== null) columnNotes.set(column.name, note);
    columns.push({ sourceName: column.name, type, sourceType });
  }
  const key = chooseKey(shape, choice, columns);
  return {
    table: shape.table,
    columns,
    keyColumns: key.columns,
    ledgerOnlyReason: key.reason,
    rowsEstimate: shape.rowsEstimate,
    columnNotes,
  };
}

/** The key of a table in the lake, or why it has none. */
interface KeyChoice {
  readonly columns: readonly string[];
  readonly reason: string | null;
}

/** The primary key, else the first unique key by name that the lake can carry. */
function chooseKey(
  shape: TableShape,
  choice: TableChoice,
  columns: SourceTable['columns'],
): KeyChoice {
  let reason: string | null = null;
  for (const key of shape.uniqueKeys) {
    const obstacle = keyObstacle(key, shape, { choice, columns });
    if (obstacle === null) {
      return { columns: key.columns.map((name) => present(name, 'a column')), reason: null };
    }
    // What is wrong with the primary key says more than what is wrong with another one.
    reason ??= key.name === 'PRIMARY' ? obstacle : null;
  }
  const none = 'it has no primary key and no unique key of whole NOT NULL columns';
  return { columns: [], reason: reason ?? none };
}

function keyObstacle(
  key: UniqueKey,
  shape: TableShape,
  context: { readonly choice: TableChoice; readonly columns: SourceTable['columns'] },
): string | null {
  if (key.hasPrefix) return `its key ${key.name} holds only the beginning of a column`;
  for (const name of key.columns) {
    if (name === null) return `its key ${key.name} holds an expression`;
    const own = shape.columns.find((column) => column.name === name);
    const mapped = context.columns.find(({ sourceName }) => sourceName === name);
    if (own === undefined || mapped === undefined) return `key column ${name} is excluded`;
    if (own.nullable) return `key column ${name} may be NULL`;
    if (context.choice.onMisfit(name) === 'null') {
      return `key column ${name} may be NULL in the lake by its onMisfit`;
    }
    const { name: typeName, labels } = parseSourceType(mapped.sourceType);
    if (labels.includes(''))
      return `key column ${name} is ${typeName.toUpperCase()} with an empty label`;
    const { kind } = mapped.type;
    if (kind === 'float' || kind === 'double' || kind === 'boolean') {
      return `key column ${name} is ${kind === 'boolean' ? 'a boolean' : 'a floating-point number'}`;
    }
  }
  return null;
}

/** A first choice by the server; rules are matched exactly afterwards. */
function patternCondition(pattern: string): string {
  const dot = pattern.indexOf('.');
  const star = pattern.indexOf('*');
  // A star before the dot may stand for any run, and a database in backticks has dots of its own.
  if (dot < 0 || (star >= 0 && star < dot) || pattern.startsWith('`')) return '1 = 1';
  const [schema, table] = [pattern.slice(0, dot), pattern.slice(dot + 1)];
  return `TABLE_SCHEMA = ${quoteText(schema)} AND TABLE_NAME ${nameCondition(table)}`;
}

function nameCondition(pattern: string): string {
  if (!pattern.includes('*')) return `= ${quoteText(pattern)}`;
  const like = pattern.replaceAll(/[%_|]/g, '|$&').replaceAll('*', '%');
  return `LIKE ${quoteText(like)} ESCAPE '|'`;
}

function groupRows(rows: readonly TextRow[]): ReadonlyMap<string, readonly TextRow[]> {
  const groups = new Map<string, TextRow[]>();
  for (const [namespace, table, ...rest] of rows) {
    const key = mapKey(namespace, table);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [rest]);
    else group.push(rest);
  }
  return groups;
}

function mapKey(namespace: string | null | undefined, table: string | null | undefined): string {
  return JSON.stringify([namespace, table]);
}

function columnOf(row: TextRow): MysqlColumn {
  const [name, dataType, columnType, charset, collation, nullable, expression, extra] = row;
  const words = extra?.toUpperCase() ?? '';
  return {
    name: name ?? '',
    dataType: dataType?.toLowerCase() ?? '',
    columnType: columnType ?? '',
    charset: charset ?? null,
    collation: collation ?? null,
    nullable: nullable === 'YES',
    // DEFAULT_GENERATED is an ordinary column with an expression as its default.
    generated: /\b(?:VIRTUAL|STORED|PERSISTENT)\b/.test(words) && (expression ?? '') !== '',
    invisible: /\bINVISIBLE\b/.test(words),
  };
}

function uniqueKeysOf(rows: readonly TextRow[]): readonly UniqueKey[] {
  const byName = new Map<string, TextRow[]>();
  for (const [name, ...rest] of rows) {
    const parts = byName.get(name ?? '');
    if (parts === undefined) byName.set(name ?? '', [rest]);
    else parts.push(rest);
  }
  return [...byName].map(([name, parts]) => ({
    name,
    columns: parts.map(([column]) => column ?? null),
    hasPrefix: parts.some(([, prefix]) => (prefix ?? null) !== null),
    isUsable: parts.every(([, , usable]) => usable === '1'),
  }));
}

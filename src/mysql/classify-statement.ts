/**
 * Classifies the text of a Query event by its first words. Never throws: what is not known, or not
 * read to its end, is `unknown` (docs/spec/source-mysql.md Y10, Y11).
 */
import { Buffer } from 'node:buffer';
import type { TableName } from '../model/table-schema.ts';
import { readAlter } from './alter-statement.ts';
import { readSqlTokens } from './sql-tokens.ts';
import type { SqlDialect, SqlToken } from './sql-tokens.ts';
import { changed } from './statement.ts';
import type { Statement, TableEffect } from './statement.ts';
import { TokenCursor } from './token-cursor.ts';

/** A statement as the log has it. */
export interface LoggedText {
  readonly sql: string;
  /** Default database of the session; empty when it had none. */
  readonly database: string;
  /** `sql_mode` of the session; `null` when the log does not say. */
  readonly sqlMode: bigint | null;
}

/** Bits of `sql_mode` that change how text is read, the same on both servers. */
const ANSI_QUOTES = 1n << 2n;
const NO_BACKSLASH_ESCAPES = 1n << 20n;

/** Statements that change no rows of tables and no table's name, whatever follows. */
const HARMLESS = new Set(
  `BACKUP BINLOG CACHE CHANGE CHECK CHECKSUM CLONE DEALLOCATE DESC DESCRIBE EXPLAIN FLUSH GET GRANT
  HELP INSTALL KILL LOCK OPTIMIZE PREPARE PURGE RESET REVOKE SET SHOW SHUTDOWN SIGNAL START STOP
  UNINSTALL UNLOCK USE`.split(/\s+/),
);

/** What CREATE, ALTER and DROP may be of without touching stored rows. */
const HARMLESS_OBJECTS = new Set(
  `AGGREGATE EVENT FUNCTION JSON LIBRARY LOGFILE MATERIALIZED PACKAGE PROCEDURE RESOURCE ROLE
  SEQUENCE SERVER TABLESPACE TRIGGER UNDO USER VIEW`.split(/\s+/),
);

/** Words between CREATE or ALTER and what it is of; some take a value. */
const MODIFIERS = new Set('OR REPLACE ONLINE OFFLINE IF NOT EXISTS'.split(' '));

/** What the statement does. */
export function classifyStatement(
  text: LoggedText,
  server: Pick<SqlDialect, 'flavour' | 'version'>,
): Statement {
  const mode = text.sqlMode ?? 0n;
  const { tokens, isBroken } = readSqlTokens(text.sql, {
    ...server,
    ansiQuotes: (mode & ANSI_QUOTES) !== 0n,
    noBackslashEscapes: (mode & NO_BACKSLASH_ESCAPES) !== 0n,
  });
  const unknown: Statement = { kind: 'unknown', sql: text.sql };
  if (isBroken) return unknown;
  const cursor = new TokenCursor(tokens, 0, endOf(tokens));
  // A comment alone, as MariaDB leaves in the place of events that a replica must not see.
  if (cursor.isAtEnd) return { kind: 'harmless' };
  return readStatement(cursor, text.database) ?? unknown;
}

/** Length without the semicolons at the end. */
function endOf(tokens: readonly SqlToken[]): number {
  return tokens.findLastIndex(({ kind, text }) => kind !== 'sign' || text !== ';') + 1;
}

function readStatement(cursor: TokenCursor, database: string): Statement | null {
  const verb = cursor.keyword();
  const control = readControl(cursor.copy());
  if (control !== null) return control;
  if (verb === 'XA') return readXa(cursor);
  if (verb === 'CREATE') return readCreate(cursor, database);
  if (verb === 'ALTER') return readAlterOf(cursor, database);
  if (verb === 'DROP') return readDropOf(cursor, database);
  if (verb === 'RENAME') return readRenames(cursor, database);
  if (verb === 'TRUNCATE') return readTruncate(cursor, database);
  if (verb === 'REPAIR') return readRepair(cursor, database);
  if (cursor.take('SET', 'STATEMENT')) return readInner(cursor, database);
  // ANALYZE of a statement runs it, on MariaDB.
  if (verb === 'ANALYZE') return isTableAnalysis(cursor) ? { kind: 'harmless' } : null;
  const rows = readRows(cursor, database);
  if (rows !== null) return rows;
  return HARMLESS.has(verb) ? { kind: 'harmless' } : null;
}

/** MariaDB's `SET STATEMENT variable = value, ... FOR statement`. */
function readInner(cursor: TokenCursor, database: string): Statement | null {
  cursor.skipTo('FOR');
  const isPlain = cursor.take('FOR') && cursor.keyword() !== 'SET';
  return isPlain ? readStatement(cursor, database) : null;
}

function isTableAnalysis(cursor: TokenCursor): boolean {
  cursor.take('ANALYZE');
  cursor.takeOne('NO_WRITE_TO_BINLOG', 'LOCAL');
  return cursor.takeOne('TABLE', 'TABLES') !== null;
}

/** Borders of transactions. */
function readControl(cursor: TokenCursor): Statement | null {
  switch (cursor.next()?.keyword) {
    case 'BEGIN':
      cursor.take('WORK');
      return cursor.isAtEnd ? { kind: 'begin' } : null;
    case 'START':
      return cursor.take('TRANSACTION') ? { kind: 'begin' } : null;
    case 'COMMIT':
      return { kind: 'commit' };
    case 'SAVEPOINT':
    case 'RELEASE':
      return { kind: 'savepoint' };
    case 'ROLLBACK':
      cursor.take('WORK');
      return { kind: cursor.take('TO') ? 'savepoint' : 'rollback' };
    default:
      return null;
  }
}

function readXa(cursor: TokenCursor): Statement | null {
  cursor.take('XA');
  const verb = cursor.takeOne('START', 'BEGIN', 'END', 'PREPARE', 'COMMIT', 'ROLLBACK');
  if (verb === null) return cursor.take('RECOVER') ? { kind: 'harmless' } : null;
  const global = readXaPart(cursor);
  const branch = cursor.take(',') ? readXaPart(cursor) : '';
  const format = cursor.take(',') ? cursor.next()?.text : '1';
  if (global === null || branch === null || format === undefined) return null;
  const xid = `X'${global}',X'${branch}',${format}`;
  switch (verb) {
    case 'START':
    case 'BEGIN':
      return { kind: 'xa', action: 'start', xid };
    case 'END':
      return { kind: 'xa', action: 'end', xid };
    case 'PREPARE':
      return { kind: 'xa', action: 'prepare', xid };
    case 'COMMIT':
      return { kind: 'xa', action: 'commit', xid };
    default:
      return { kind: 'xa', action: 'rollback', xid };
  }
}

/** Bytes of a part of an XA id as hexadecimal digits: `X'6162'`, `0x6162`, `'ab'`. */
function readXaPart(cursor: TokenCursor): string | null {
  const token = cursor.next();
  if (token?.kind === 'string') return Buffer.from(token.text, 'utf8').toString('hex');
  if (token?.keyword.startsWith('0X') === true) return token.text.slice(2).toLowerCase();
  if (token?.keyword !== 'X') return null;
  const digits = cursor.next();
  return digits?.kind === 'string' ? digits.text.toLowerCase() : null;
}

function tables(effects: readonly TableEffect[] | null): Statement | null {
  return effects === null ? null : { kind: 'tables', effects };
}

function readCreate(cursor: TokenCursor, database: string): Statement | null {
  cursor.take('CREATE');
  const replaces = cursor.take('OR', 'REPLACE');
  if (cursor.take('TEMPORARY')) return { kind: 'harmless' };
  if (cursor.take('TABLE')) return readCreateTable(cursor, { database, replaces });
  skipModifiers(cursor);
  if (cursor.keyword() === 'INDEX' || cursor.keyword(1) === 'INDEX') {
    cursor.takeOne('UNIQUE', 'FULLTEXT', 'SPATIAL', 'VECTOR');
    return readIndex(cursor, { database, drops: replaces });
  }
  if (cursor.takeOne('DATABASE', 'SCHEMA') !== null) return { kind: 'harmless' };
  return readObject(cursor);
}

/** `ONLINE`, `OR REPLACE` and others, `ALGORITHM = x`, `DEFINER = user`, `SQL SECURITY x`. */
function skipModifiers(cursor: TokenCursor): void {
  for (;;) {
    if (MODIFIERS.has(cursor.keyword())) cursor.next();
    else if (cursor.take('SQL', 'SECURITY')) cursor.next();
    else if (cursor.take('ALGORITHM', '=')) cursor.next();
    else if (cursor.take('DEFINER', '=')) skipUser(cursor);
    else return;
  }
}

/** `name`, `'name'@'host'`, `CURRENT_USER()`. */
function skipUser(cursor: TokenCursor): void {
  cursor.next();
  cursor.group();
  if (cursor.take('@')) cursor.next();
}

/** What is neither table nor index nor database. */
function readObject(cursor: TokenCursor): Statement | null {
  const isHarmless = cursor.take('SPATIAL', 'REFERENCE') || HARMLESS_OBJECTS.has(cursor.keyword());
  return isHarmless ? { kind: 'harmless' } : null;
}

function readCreateTable(
  cursor: TokenCursor,
  how: { readonly database: string; readonly replaces: boolean },
): Statement | null {
  cursor.take('IF', 'NOT', 'EXISTS');
  const table = cursor.tableName(how.database);
  if (table === null) return null;
  const isLike = cursor.take('LIKE') || cursor.copy().group()?.take('LIKE') === true;
  let rowsUnlogged = false;
  if (!isLike) {
    const rest = cursor.copy();
    rest.skipTo('SELECT', 'WITH', 'VALUES', 'TABLE');
    rowsUnlogged = (!rest.isAtEnd && !rest.take('WITH', 'SYSTEM')) || hasInnerSelect(cursor.copy());
  }
  return tables([{ kind: 'created', table, replaces: how.replaces, rowsUnlogged }]);
}

/** `CREATE TABLE t (SELECT ...)` or `... AS (SELECT ...)`. */
function hasInnerSelect(cursor: TokenCursor): boolean {
  while (!cursor.isAtEnd) {
    const inside = cursor.group();
    if (inside === null) cursor.next();
    else if (inside.takeOne('SELECT', 'WITH', '(') !== null) return true;
  }
  return false;
}

/** An index made or dropped: rows stay, but a key may go. */
function readIndex(
  cursor: TokenCursor,
  how: { readonly database: string; readonly drops: boolean },
): Statement | null {
  if (!cursor.take('INDEX')) return null;
  cursor.take('IF', 'NOT', 'EXISTS');
  cursor.take('IF', 'EXISTS');
  const name = cursor.name() ?? '';
  cursor.skipTo('ON');
  cursor.take('ON');
  const table = cursor.tableName(how.database);
  if (table === null) return null;
  return tables([{ kind: 'kept', table, keysDropped: how.drops ? [name] : [] }]);
}

function readAlterOf(cursor: TokenCursor, database: string): Statement | null {
  cursor.take('ALTER');
  skipModifiers(cursor);
  const ignore = cursor.take('IGNORE');
  if (cursor.take('TABLE')) {
    cursor.take('IF', 'EXISTS');
    const table = cursor.tableName(database);
    return table === null ? null : tables(readAlter(cursor, table, { database, ignore }));
  }
  if (cursor.takeOne('DATABASE', 'SCHEMA') !== null) {
    // UPGRADE DATA DIRECTORY NAME renames it.
    cursor.skipTo('UPGRADE');
    return cursor.isAtEnd ? { kind: 'harmless' } : null;
  }
  return cursor.keyword() === 'INSTANCE' ? { kind: 'harmless' } : readObject(cursor);
}

function readDropOf(cursor: TokenCursor, database: string): Statement | null {
  cursor.take('DROP');
  if (cursor.take('TEMPORARY')) return { kind: 'harmless' };
  if (cursor.takeOne('TABLE', 'TABLES') !== null) {
    return tables(readNames(cursor, database, (table) => ({ kind: 'dropped', table })));
  }
  if (cursor.takeOne('DATABASE', 'SCHEMA') !== null) {
    cursor.take('IF', 'EXISTS');
    const name = cursor.name();
    return name === null ? null : { kind: 'database-dropped', database: name };
  }
  if (cursor.take('PREPARE')) return { kind: 'harmless' };
  skipModifiers(cursor);
  return cursor.keyword() === 'INDEX'
    ? readIndex(cursor, { database, drops: true })
    : readObject(cursor);
}

/** A list of names to the end of the statement; `null` when it is something else. */
function readNames(
  cursor: TokenCursor,
  database: string,
  effectOn: (table: TableName) => TableEffect,
): readonly TableEffect[] | null {
  cursor.take('IF', 'EXISTS');
  const effects: TableEffect[] = [];
  do {
    const table = cursor.tableName(database);
    if (table === null) return null;
    effects.push(effectOn(table));
  } while (cursor.take(','));
  cursor.takeOne('RESTRICT', 'CASCADE');
  passWait(cursor);
  return cursor.isAtEnd ? effects : null;
}

function passWait(cursor: TokenCursor): void {
  if (cursor.take('WAIT')) cursor.next();
  else cursor.take('NOWAIT');
}

function readRenames(cursor: TokenCursor, database: string): Statement | null {
  cursor.take('RENAME');
  if (cursor.take('USER')) return { kind: 'harmless' };
  if (cursor.takeOne('TABLE', 'TABLES') === null) return null;
  cursor.take('IF', 'EXISTS');
  const effects: TableEffect[] = [];
  do {
    const table = cursor.tableName(database);
    passWait(cursor);
    const to = cursor.take('TO') ? cursor.tableName(database) : null;
    if (table === null || to === null) return null;
    effects.push({ kind: 'renamed', table, to });
  } while (cursor.take(','));
  return cursor.isAtEnd ? tables(effects) : null;
}

function readTruncate(cursor: TokenCursor, database: string): Statement | null {
  cursor.take('TRUNCATE');
  cursor.take('TABLE');
  return tables(readNames(cursor, database, (table) => ({ kind: 'truncated', table })));
}

/** REPAIR removes rows that it cannot read. */
function readRepair(cursor: TokenCursor, database: string): Statement | null {
  cursor.take('REPAIR');
  cursor.takeOne('NO_WRITE_TO_BINLOG', 'LOCAL');
  if (cursor.take('VIEW')) return { kind: 'harmless' };
  if (cursor.takeOne('TABLE', 'TABLES') === null) return null;
  const effects: TableEffect[] = [];
  do {
    const table = cursor.tableName(database);
    if (table === null) return null;
    effects.push(changed(table, 'may remove damaged rows'));
  } while (cursor.take(','));
  return tables(effects);
}

/** Changes of rows as statements. */
function readRows(cursor: TokenCursor, database: string): Statement | null {
  const verb = cursor.keyword();
  switch (verb) {
    case 'INSERT':
    case 'REPLACE':
      cursor.next();
      while (cursor.takeOne('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE') !== null);
      cursor.take('INTO');
      return rowsOf(cursor.tableName(database));
    case 'LOAD':
      if (cursor.keyword(1) === 'INDEX') return { kind: 'harmless' };
      cursor.skipTo('INTO');
      while (!cursor.isAtEnd && !cursor.take('TABLE')) cursor.next();
      return rowsOf(cursor.tableName(database));
    case 'UPDATE':
      cursor.next();
      return { kind: 'rows', tables: namesBefore(cursor, database, 'SET') };
    case 'DELETE':
      cursor.next();
      return { kind: 'rows', tables: namesBefore(cursor, database, 'WHERE') };
    // Logged only when a routine that they run changes rows, wherever that is.
    case 'SELECT':
    case 'DO':
    case 'CALL':
      return { kind: 'rows', tables: null };
    default:
      return null;
  }
}

function rowsOf(table: TableName | null): Statement | null {
  return table === null ? null : { kind: 'rows', tables: [table] };
}

/** Every name before a keyword, inside parentheses too: all that could be a table. */
function namesBefore(cursor: TokenCursor, database: string, end: string): readonly TableName[] {
  const names: TableName[] = [];
  while (!cursor.isAtEnd && cursor.keyword() !== end) {
    const name = cursor.tableName(database);
    if (name === null) cursor.next();
    else names.push(name);
  }
  return names;
}

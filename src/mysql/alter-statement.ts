/**
 * ALTER TABLE: which of its parts leave every stored row, column and name as it was, which add
 * columns that are NULL everywhere, and which may change more. A part that is not known is said to
 * be so (docs/spec/source-mysql.md Y12).
 */
import type { TableName } from '../model/table-schema.ts';
import { changed } from './statement.ts';
import type { TableEffect } from './statement.ts';
import type { TokenCursor } from './token-cursor.ts';

/** What one part of an ALTER does. */
type Part =
  | { readonly kind: 'kept' | 'extended' | 'unknown' }
  | { readonly kind: 'key-dropped'; readonly name: string }
  | { readonly kind: 'renamed'; readonly to: TableName }
  | { readonly kind: 'changed'; readonly detail: string; readonly also?: TableName };

const KEPT: Part = { kind: 'kept' };
const UNKNOWN: Part = { kind: 'unknown' };

/** Table options that touch no row, with `=` or without; each takes one word, string or group. */
const OPTIONS = new Set(
  `ALGORITHM AUTOEXTEND_SIZE AUTO_INCREMENT AVG_ROW_LENGTH CHECKSUM COLLATE COMMENT COMPRESSION
  CONNECTION DELAY_KEY_WRITE ENCRYPTED ENCRYPTION ENCRYPTION_KEY_ID ENGINE_ATTRIBUTE INSERT_METHOD
  IETF_QUOTES KEY_BLOCK_SIZE LOCK MAX_ROWS MIN_ROWS PACK_KEYS PAGE_CHECKSUM PAGE_COMPRESSED
  PAGE_COMPRESSION_LEVEL PASSWORD ROW_FORMAT SECONDARY_ENGINE SECONDARY_ENGINE_ATTRIBUTE
  STATS_AUTO_RECALC STATS_PERSISTENT STATS_SAMPLE_PAGES STORAGE TABLESPACE TABLE_CHECKSUM
  TRANSACTIONAL CHARSET`.split(/\s+/),
);

/** Engines that keep the rows that a table has when it moves to them. */
const LASTING_ENGINES = new Set(['INNODB', 'MYISAM', 'ARIA', 'ROCKSDB', 'MYROCKS']);

/** Work on partitions that moves rows but neither adds nor removes any. */
const PARTITION_WORK = new Set([
  'REORGANIZE',
  'COALESCE',
  'REBUILD',
  'OPTIMIZE',
  'ANALYZE',
  'CHECK',
]);

/**
 * Effects of ALTER TABLE. The cursor stands behind the table's name.
 *
 * @returns `null` when a part is not understood
 */
export function readAlter(
  cursor: TokenCursor,
  table: TableName,
  session: { readonly database: string; readonly ignore: boolean },
): readonly TableEffect[] | null {
  if (cursor.take('WAIT')) cursor.next();
  cursor.take('NOWAIT');
  const alone = partitionPart(cursor, session.database);
  const parts = alone === null ? readParts(cursor.parts(), session.database) : [alone];
  if (parts.some(({ kind }) => kind === 'unknown')) return null;
  const effects: TableEffect[] = [];
  for (const part of parts) {
    if (part.kind === 'changed') {
      effects.push(changed(table, part.detail));
      if (part.also !== undefined) effects.push(changed(part.also, part.detail));
    }
  }
  if (session.ignore) effects.push(changed(table, 'may remove rows that break a unique key'));
  const keysDropped = parts.flatMap((part) => (part.kind === 'key-dropped' ? [part.name] : []));
  const isExtended = parts.some(({ kind }) => kind === 'extended');
  effects.push({ kind: isExtended ? 'extended' : 'kept', table, keysDropped });
  for (const part of parts) {
    if (part.kind === 'renamed') effects.push({ kind: 'renamed', table, to: part.to });
  }
  return effects;
}

/** Work on partitions stands alone in a statement, and has commas of its own; `null`: no such. */
function partitionPart(cursor: TokenCursor, database: string): Part | null {
  const [first, second, third] = [0, 1, 2].map((ahead) => cursor.keyword(ahead));
  if (second === 'PARTITION' || (second === 'TABLE' && first === 'CONVERT')) {
    return partitionWork(cursor, first ?? '', database);
  }
  const isSpace = second === 'TABLESPACE' || (second === 'PARTITION' && third === 'TABLESPACE');
  if ((first === 'DISCARD' || first === 'IMPORT') && isSpace) {
    return { kind: 'changed', detail: 'puts other files in the place of its rows' };
  }
  return null;
}

function partitionWork(cursor: TokenCursor, verb: string, database: string): Part {
  if (verb === 'ADD' || PARTITION_WORK.has(verb)) return KEPT;
  if (verb === 'DROP' || verb === 'TRUNCATE') {
    return { kind: 'changed', detail: 'removes the rows of partitions' };
  }
  if (verb === 'REPAIR') return { kind: 'changed', detail: 'may remove damaged rows' };
  if (verb === 'DISCARD' || verb === 'IMPORT') {
    return { kind: 'changed', detail: 'puts other files in the place of its rows' };
  }
  if (verb !== 'EXCHANGE' && verb !== 'CONVERT') return UNKNOWN;
  cursor.skipTo('TABLE');
  cursor.take('TABLE');
  const also = cursor.tableName(database);
  const detail = 'moves rows between a partition and another table';
  return also === null ? UNKNOWN : { kind: 'changed', detail, also };
}

/** Every part; those behind ORDER BY, which comes last, are its columns. */
function readParts(parts: readonly TokenCursor[], database: string): readonly Part[] {
  let isOrder = false;
  return parts.map((part) => {
    isOrder ||= part.take('ORDER', 'BY');
    return isOrder ? readOrder(part) : readPart(part, database);
  });
}

function readOrder(part: TokenCursor): Part {
  const name = part.tableName('');
  part.takeOne('ASC', 'DESC');
  return name !== null && part.isAtEnd ? KEPT : UNKNOWN;
}

function readPart(part: TokenCursor, database: string): Part {
  if (part.take('ADD')) return readAdd(part);
  if (part.take('DROP')) return readDrop(part);
  if (part.take('ALTER')) return readAlterOf(part);
  if (part.takeOne('MODIFY', 'CHANGE') !== null) {
    part.take('COLUMN');
    return { kind: 'changed', detail: `gives column ${columnName(part)} another definition` };
  }
  if (part.take('RENAME')) return readRename(part, database);
  if (part.take('CONVERT', 'TO')) {
    return { kind: 'changed', detail: 'converts its text to another character set' };
  }
  return readOptions(part);
}

function columnName(part: TokenCursor): string {
  part.take('IF', 'NOT', 'EXISTS');
  part.take('IF', 'EXISTS');
  return part.name() ?? '';
}

function readAdd(part: TokenCursor): Part {
  switch (part.keyword()) {
    case 'INDEX':
    case 'KEY':
    case 'UNIQUE':
    case 'FULLTEXT':
    case 'SPATIAL':
    case 'FOREIGN':
    case 'CHECK':
      // `ADD key INT` adds a column in no dialect: these words need quotes to be names.
      return KEPT;
    case 'VECTOR':
      // Also the name of a column: MySQL does not reserve it.
      return /^(?:INDEX|KEY)$/.test(part.keyword(1)) ? KEPT : UNKNOWN;
    case 'PRIMARY':
      return { kind: 'changed', detail: 'gives it another primary key' };
    case 'CONSTRAINT':
      part.skipTo('PRIMARY', 'UNIQUE', 'FOREIGN', 'CHECK');
      return part.keyword() === '' ? UNKNOWN : readAdd(part);
    case 'PARTITION':
      return KEPT;
    case 'SYSTEM':
    case 'PERIOD':
      return { kind: 'changed', detail: 'makes it a system-versioned table' };
    default:
      return readNewColumns(part);
  }
}

function readNewColumns(part: TokenCursor): Part {
  part.take('COLUMN');
  part.take('IF', 'NOT', 'EXISTS');
  const several = part.group();
  const definitions = several === null ? [part] : several.parts();
  if (definitions.length === 0) return UNKNOWN;
  const read = definitions.map((definition) => readDefinition(definition, several !== null));
  return read.find(({ kind }) => kind !== 'extended') ?? { kind: 'extended' };
}

/** Whether a new column is NULL in the rows that are there. */
function readDefinition(definition: TokenCursor, mayBeIndex: boolean): Part {
  const isIndex = /^(?:INDEX|KEY|UNIQUE|FULLTEXT|SPATIAL|FOREIGN|CHECK|PRIMARY|CONSTRAINT)$/;
  if (mayBeIndex && isIndex.test(definition.keyword())) {
    const index = readAdd(definition);
    return index.kind === 'kept' ? { kind: 'extended' } : index;
  }
  const name = definition.name();
  const type = definition.next()?.keyword ?? '';
  if (name === null || type === '') return UNKNOWN;
  const filled: Part = { kind: 'changed', detail: `fills column ${name} in every row` };
  // A TIMESTAMP is NOT NULL unless it says otherwise (explicit_defaults_for_timestamp=OFF).
  let isNullable = type !== 'TIMESTAMP' && type !== 'SERIAL';
  while (!definition.isAtEnd) {
    if (definition.group() !== null) continue;
    if (definition.take('NOT', 'NULL')) return filled;
    if (definition.take('COMMENT') || definition.take('COLLATE')) definition.next();
    else if (definition.take('DEFAULT')) {
      const inside = definition.group() ?? definition;
      if (!inside.take('NULL') || (inside !== definition && !inside.isAtEnd)) return filled;
    } else if (definition.take('ON', 'UPDATE')) definition.next();
    else if (definition.take('UNIQUE')) definition.take('KEY');
    else if (definition.takeOne('AS', 'GENERATED', 'AUTO_INCREMENT', 'PRIMARY', 'KEY') !== null) {
      return filled;
    } else if (definition.take('NULL')) isNullable = true;
    else definition.next();
  }
  return isNullable ? { kind: 'extended' } : filled;
}

function readDrop(part: TokenCursor): Part {
  if (part.take('PRIMARY', 'KEY')) return { kind: 'changed', detail: 'takes its primary key' };
  if (part.takeOne('INDEX', 'KEY', 'CONSTRAINT') !== null) {
    return { kind: 'key-dropped', name: columnName(part) };
  }
  if (part.take('FOREIGN', 'KEY') || part.take('CHECK')) return KEPT;
  if (part.take('SYSTEM', 'VERSIONING') || part.take('PERIOD')) {
    return { kind: 'changed', detail: 'removes its system versioning' };
  }
  part.take('COLUMN');
  return { kind: 'changed', detail: `removes column ${columnName(part)}` };
}

/** ALTER inside ALTER TABLE: defaults for later rows, visibility, constraints. */
function readAlterOf(part: TokenCursor): Part {
  if (part.takeOne('INDEX', 'KEY', 'CHECK', 'CONSTRAINT') !== null) return KEPT;
  part.take('COLUMN');
  columnName(part);
  if (part.takeOne('SET', 'DROP') === null) return UNKNOWN;
  return part.takeOne('DEFAULT', 'VISIBLE', 'INVISIBLE') === null ? UNKNOWN : KEPT;
}

function readRename(part: TokenCursor, database: string): Part {
  if (part.takeOne('INDEX', 'KEY') !== null) {
    return { kind: 'key-dropped', name: columnName(part) };
  }
  if (part.take('COLUMN')) {
    return { kind: 'changed', detail: `gives column ${columnName(part)} another name` };
  }
  part.takeOne('TO', 'AS', '=');
  const to = part.tableName(database);
  return to === null || !part.isAtEnd ? UNKNOWN : { kind: 'renamed', to };
}

/** Table options, which stand one behind the other without commas, and partitioning at the end. */
function readOptions(part: TokenCursor): Part {
  while (!part.isAtEnd) {
    if (part.takeOne('FORCE', 'ONLINE', 'OFFLINE') !== null) continue;
    if (part.take('REMOVE', 'PARTITIONING') || part.take('PARTITION', 'BY')) return KEPT;
    if (part.takeOne('ENABLE', 'DISABLE') !== null) {
      if (!part.take('KEYS')) return UNKNOWN;
    } else if (part.takeOne('WITH', 'WITHOUT') !== null) {
      if (!part.take('VALIDATION')) return UNKNOWN;
    } else if (part.takeOne('SECONDARY_LOAD', 'SECONDARY_UNLOAD') !== null) continue;
    else if (part.takeOne('ENGINE', 'TYPE') !== null) {
      part.take('=');
      const engine = (part.next()?.text ?? '').toUpperCase();
      const detail = `moves it to the engine ${engine}, which may not keep its rows`;
      if (!LASTING_ENGINES.has(engine)) return { kind: 'changed', detail };
    } else if (!passOption(part)) return UNKNOWN;
  }
  return KEPT;
}

function passOption(part: TokenCursor): boolean {
  part.take('DEFAULT');
  if (!part.take('CHARACTER', 'SET') && !passDirectory(part)) {
    if (!OPTIONS.has(part.keyword())) return false;
    part.next();
  }
  part.take('=');
  if (part.group() !== null) return true;
  return part.next() !== undefined;
}

function passDirectory(part: TokenCursor): boolean {
  return part.take('DATA', 'DIRECTORY') || part.take('INDEX', 'DIRECTORY');
}

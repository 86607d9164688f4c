/**
 * The source's own name of a column's type, as it is kept in the schema registry: what
 * `information_schema` calls COLUMN_TYPE, with the character set behind it where the type has one.
 * Readers of values see nothing else of the column's declaration.
 */
import type { MysqlColumn } from './mysql-column.ts';

/** What {@link parseSourceType} finds in a type's name. */
export interface SourceType {
  /** First word in small letters: `bigint`, `varchar`, `enum`. */
  readonly name: string;
  /** Numbers in brackets: length, or precision and scale; for ENUM and SET none. */
  readonly parameters: readonly number[];
  readonly unsigned: boolean;
  /** Labels of ENUM and SET in order, else empty. */
  readonly labels: readonly string[];
  /** Character set of text, ENUM and SET, in the server's own spelling; else `null`. */
  readonly charset: string | null;
}

const TEXT_TYPES = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext']);
const BYTES_TYPES = new Set(['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob']);
const SPATIAL_TYPES = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
]);

const CHARSET_MARK = ' character set ';

/** The name under which a column's type is kept; {@link parseSourceType} reads it. */
export function formatSourceType(column: MysqlColumn): string {
  const charset = column.charset === null ? '' : `${CHARSET_MARK}${column.charset}`;
  return `${column.columnType}${charset}`;
}

/** Takes a type's name apart. An unknown type is a name like any other: the caller decides. */
export function parseSourceType(text: string): SourceType {
  const charset = / character set ([a-z0-9_]+)$/.exec(text)?.[1] ?? null;
  const declared = charset === null ? text : text.slice(0, -(CHARSET_MARK.length + charset.length));
  const name = /^[a-z0-9_]+/.exec(declared.toLowerCase())?.[0] ?? '';
  if (name === 'enum' || name === 'set') {
    return { name, parameters: [], unsigned: false, labels: parseLabels(declared), charset };
  }
  const brackets = /\(([0-9, ]+)\)/.exec(declared)?.[1];
  const parameters =
    brackets === undefined ? [] : brackets.split(',').map((word) => Number.parseInt(word, 10));
  // `zerofill` alone means unsigned too.
  const unsigned = / (unsigned|zerofill)\b/.test(declared.toLowerCase());
  return { name, parameters, unsigned, labels: [], charset };
}

/** Whether values of a type are text of its character set. */
export function isTextType({ name }: SourceType): boolean {
  return TEXT_TYPES.has(name);
}

/** Whether values of a type are bytes that nobody reads. */
export function isBytesType({ name }: SourceType): boolean {
  return BYTES_TYPES.has(name);
}

/** Whether a column, by its type's whole name, is one that MariaDB compresses. */
export function isCompressed(sourceType: string): boolean {
  return /\bcompressed\b/i.test(sourceType);
}

/** Whether values of a type are spatial. */
export function isSpatialType({ name }: SourceType): boolean {
  return SPATIAL_TYPES.has(name);
}

/** What a backslash stands before in a label, as the servers write it in COLUMN_TYPE. */
const escapes: Readonly<Record<string, string>> = { '0': '\0', n: '\n', r: '\r', Z: '\u001a' };

function parseLabels(declared: string): string[] {
  return [...declared.matchAll(/'((?:[^'\\]|''|\\[^])*)'/g)].map(([, inner]) =>
    (inner ?? '').replaceAll(/''|\\([^])/g, (pair: string, letter: string | undefined) =>
      letter === undefined ? pair.slice(1) : (escapes[letter] ?? letter),
    ),
  );
}

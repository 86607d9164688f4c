/**
 * Which type a column of MySQL or MariaDB has in the lake: a type that holds every value of it, or
 * the nearest one with a note and the column's policy for values that do not fit, or none.
 */
import type { ColumnType } from '../model/column-type.ts';
import { textAppender } from './charset/charset-decoder.ts';
import type { MysqlColumn, MysqlFlavour } from './mysql-column.ts';
import {
  formatSourceType,
  isBytesType,
  isSpatialType,
  isTextType,
  parseSourceType,
} from './source-type.ts';
import type { SourceType } from './source-type.ts';

/** What a column becomes. */
export type ColumnMapping =
  | {
      readonly kind: 'mapped';
      readonly type: ColumnType;
      /** Kept in the schema registry; all that readers see of the declaration. */
      readonly sourceType: string;
      /** What a person should know of the choice; `null` when nothing. */
      readonly note: string | null;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** A type in the lake, and what to say of it. */
interface Choice {
  readonly type: ColumnType;
  readonly note?: string;
}

const STRING: ColumnType = { kind: 'string' };

/** The servers take any bytes for a label. */
const LABEL_NOTE = '; a label that is no text of its character set does not fit';

/** Iceberg's decimals have at most so many digits. */
const DECIMAL_DIGITS_MAX = 38;

/** Sets in which every run of bytes that the server stores is text. */
const COMPLETE_SETS: ReadonlySet<string> = new Set(
  (
    'utf8 utf8mb3 utf8mb4 latin1 latin2 latin5 latin7 cp850 cp852 cp866 koi8r koi8u keybcs2 ' +
    'macce macroman'
  ).split(' '),
);

/** Sets in which some characters have two codes. */
const DOUBLE_SETS: ReadonlySet<string> = new Set(['cp932', 'eucjpms', 'sjis', 'ujis', 'armscii8']);

const ZERO_DATES = 'a zero, partial or impossible date, or one in the year 0, does not fit';

/**
 * The type of a column in the lake. With `onMisfit: text` every column that is no run of bytes
 * becomes text, as the server shows its values.
 */
export function mapColumn(
  column: MysqlColumn,
  _flavour: MysqlFlavour,
  onMisfit: 'halt' | 'null' | 'text',
): ColumnMapping {
  const sourceType = formatSourceType(column);
  const source = parseSourceType(sourceType);
  const refusal = refusalOf(column, source);
  if (refusal !== null) return { kind: 'refused', reason: refusal };
  const choice = choiceOf(source);
  if (choice === null) {
    const reason = `Columns of type ${source.name} are not known to Firn.`;
    return { kind: 'refused', reason };
  }
  if (onMisfit !== 'text' || choice.type.kind === 'string') {
    return { kind: 'mapped', type: choice.type, sourceType, note: choice.note ?? null };
  }
  if (choice.type.kind === 'binary' && source.name !== 'vector') {
    const note = 'bytes stay bytes: they need not be text';
    return { kind: 'mapped', type: choice.type, sourceType, note };
  }
  return { kind: 'mapped', type: STRING, sourceType, note: textNote(source) };
}

function refusalOf(column: MysqlColumn, source: SourceType): string | null {
  if (/mariadb-5\.3/.test(column.columnType)) {
    return 'The column is stored as MariaDB 5.3 did; `ALTER TABLE … FORCE` brings it up to date.';
  }
  // Only ENUM and SET are of the set `binary`: their labels are read as UTF-8.
  const isText = source.charset !== null && source.charset !== 'binary';
  if (isText && textAppender(source.charset) === null) {
    return `Its character set ${source.charset} cannot be read exactly.`;
  }
  return null;
}

function choiceOf(source: SourceType): Choice | null {
  return numberChoice(source) ?? temporalChoice(source) ?? otherChoice(source);
}

function numberChoice(source: SourceType): Choice | null {
  const [length = 0, scale = 0] = source.parameters;
  switch (source.name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
      return { type: { kind: 'int' } };
    case 'year':
      return { type: { kind: 'int' }, note: 'a number; the year 0000 is 0' };
    case 'int':
      return { type: { kind: source.unsigned ? 'long' : 'int' } };
    case 'bigint':
      return source.unsigned
        ? { type: { kind: 'decimal', precision: 20, scale: 0 } }
        : { type: { kind: 'long' } };
    case 'decimal':
      return length > DECIMAL_DIGITS_MAX
        ? {
            type: STRING,
            note: `Iceberg's decimals end at ${DECIMAL_DIGITS_MAX} digits; all are kept`,
          }
        : { type: { kind: 'decimal', precision: length, scale } };
    case 'float':
      return { type: { kind: 'float' } };
    case 'double':
      return { type: { kind: 'double' } };
    case 'bit':
      return bitChoice(length);
    default:
      return null;
  }
}

function bitChoice(length: number): Choice {
  if (length <= 1) return { type: { kind: 'boolean' } };
  const note = 'the bits as a number';
  if (length < 64) return { type: { kind: 'long' }, note };
  return { type: { kind: 'decimal', precision: 20, scale: 0 }, note };
}

function temporalChoice(source: SourceType): Choice | null {
  switch (source.name) {
    case 'date':
      return { type: { kind: 'date' }, note: ZERO_DATES };
    case 'datetime':
      return { type: { kind: 'timestamp' }, note: ZERO_DATES };
    case 'timestamp':
      return { type: { kind: 'timestamptz' }, note: 'the zero date does not fit' };
    case 'time':
      return { type: { kind: 'long' }, note: 'microseconds, below zero too and beyond a day' };
    default:
      return null;
  }
}

function otherChoice(source: SourceType): Choice | null {
  if (isSpatialType(source)) {
    const note = 'well-known binary; a reference system other than 0 stands in it (EWKB)';
    return { type: { kind: 'binary' }, note };
  }
  if (isTextType(source)) return withNote(STRING, charsetNote(source.charset));
  if (isBytesType(source)) return { type: { kind: 'binary' } };
  switch (source.name) {
    case 'inet4':
    case 'inet6':
      return { type: STRING, note: 'text as the server shows it' };
    case 'enum':
      return {
        type: STRING,
        note: `the label; empty for a value that was none of them (0)${LABEL_NOTE}`,
      };
    case 'set':
      return { type: STRING, note: `the labels in declared order, with commas${LABEL_NOTE}` };
    case 'json':
      return { type: STRING, note: "the server's own text of the document" };
    case 'vector':
      return { type: { kind: 'binary' }, note: 'floats of four bytes, little-endian' };
    case 'uuid':
      return { type: { kind: 'uuid' } };
    default:
      return null;
  }
}

function withNote(type: ColumnType, note: string | null): Choice {
  return note === null ? { type } : { type, note };
}

/** What may be lost of text of a character set. */
function charsetNote(charset: string | null): string | null {
  if (charset === null || COMPLETE_SETS.has(charset)) return null;
  const misfit = 'bytes that are no character of its set do not fit';
  return DOUBLE_SETS.has(charset)
    ? `${misfit}; characters with two codes in it are read alike`
    : misfit;
}

/** What to say of a column that `onMisfit` makes text. */
function textNote(source: SourceType): string {
  switch (source.name) {
    case 'timestamp':
      return 'text as the server shows it in UTC';
    case 'vector':
      return 'a JSON list of numbers';
    case 'float':
    case 'double':
      return 'the shortest digits that give the number back';
    case 'bit':
      return 'the bits as a number, in digits';
    case 'date':
    case 'datetime':
    case 'time':
    case 'year':
    case 'uuid':
      return 'text as the server shows it';
    default:
      return 'its digits, without zeros before them';
  }
}

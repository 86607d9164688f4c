/**
 * How each column of MySQL and MariaDB arrives in a JSON envelope of Debezium, and the expression
 * of Flink's SQL that makes the lake's value of it: the same value that Firn's own reader makes.
 *
 * Every field is read as text, as it stands in the JSON, so that no number passes through a double.
 * What cannot be read gives NULL where the field is not null, which sets the change aside as a dead
 * letter: nothing is rounded or guessed. What Debezium has lost before it wrote the envelope cannot
 * be seen here; columns of such types are refused.
 */
import { assert } from '../../kernel/assert.ts';
import type { Column } from '../../model/table-schema.ts';
import { REPLACEMENT, javaDecoding } from '../../mysql/charset/java-text.ts';
import { isBytesType, isCompressed, isTextType, parseSourceType } from '../../mysql/source-type.ts';
import type { SourceType } from '../../mysql/source-type.ts';
import { flinkText, flinkType } from '../flink/flink-text.ts';
import {
  dateFromDays,
  instantFromText,
  timestampFromMicros,
  timestampFromMillis,
} from '../flink/time-expressions.ts';

/** A column as the envelope has it. */
export type EnvelopeColumn =
  | {
      readonly kind: 'carried';
      /** The lake's value; `raw` is an expression of the field's text. */
      readonly value: (raw: string) => string;
      /** Whether every field that is not null has a value. */
      readonly isTotal: boolean;
    }
  /** `reason`: half a sentence that goes on after the column's name. */
  | { readonly kind: 'refused'; readonly reason: string };

const TEXT: EnvelopeColumn = { kind: 'carried', value: (raw) => raw, isTotal: true };

/** What a column of a source table is in the envelope. */
export function envelopeColumn(column: Column): EnvelopeColumn {
  const source = parseSourceType(column.sourceType);
  // MariaDB has types of their own in its log for these.
  if (isCompressed(column.sourceType)) {
    return refused('is COMPRESSED: one such column in any table of the server stops Debezium');
  }
  return numberColumn(column, source) ?? timeColumn(column, source) ?? otherColumn(column, source);
}

function refused(reason: string): EnvelopeColumn {
  return { kind: 'refused', reason };
}

function partial(value: (raw: string) => string): EnvelopeColumn {
  return { kind: 'carried', value, isTotal: false };
}

function numberColumn(column: Column, source: SourceType): EnvelopeColumn | null {
  const { type } = column;
  const cast = partial((raw) => `TRY_CAST(${raw} AS ${flinkType(type)})`);
  switch (source.name) {
    case 'tinyint':
      return type.kind === 'string' ? flagText() : flag();
    case 'smallint':
    case 'mediumint':
    case 'int':
      return type.kind === 'string' ? wholeText('BIGINT') : cast;
    case 'bigint':
      if (source.unsigned) return unsignedLong(type.kind === 'string');
      return type.kind === 'string' ? wholeText('BIGINT') : cast;
    case 'decimal':
      return type.kind === 'decimal' ? decimal(type) : TEXT;
    case 'float':
    case 'double':
      return type.kind === 'string' ? refused('keeps the digits of a number') : cast;
    case 'year':
      return type.kind === 'string' ? refused('keeps the year as text') : year();
    case 'bit':
      return type.kind === 'string' ? refused('keeps the bits as text') : bits(column, source);
    default:
      return null;
  }
}

/**
 * A column that was declared BOOL in a statement of the log arrives as true or false: false is 0,
 * true may be any other number, and is none that can be read.
 */
function flag(): EnvelopeColumn {
  return partial((raw) => `CASE WHEN ${raw} = 'false' THEN 0 ELSE TRY_CAST(${raw} AS INT) END`);
}

function flagText(): EnvelopeColumn {
  return partial((raw) => {
    return `CASE WHEN ${raw} = 'false' THEN '0' ELSE CAST(TRY_CAST(${raw} AS INT) AS STRING) END`;
  });
}

/** Digits of Flink's widest number. */
const DIGITS_MAX = 38;

/** Flink counts the 0 before the point as a digit: where there is no room for it, it gets some. */
function decimal(type: Extract<Column['type'], { kind: 'decimal' }>): EnvelopeColumn {
  const { precision, scale } = type;
  const exact = flinkType(type);
  if (precision > scale) return partial((raw) => `TRY_CAST(${raw} AS ${exact})`);
  if (precision === DIGITS_MAX) {
    return refused(
      `has ${precision} digits behind its point, and Flink no room for the 0 before it`,
    );
  }
  const wider = flinkType({ ...type, precision: precision + 1 });
  return partial((raw) => `CAST(TRY_CAST(${raw} AS ${wider}) AS ${exact})`);
}

/** Digits, after it is certain that they are digits. */
function wholeText(type: string): EnvelopeColumn {
  return partial((raw) => `CAST(TRY_CAST(${raw} AS ${type}) AS STRING)`);
}

/** A literal of so many digits is taken for a BIGINT, which it does not fit. */
const TWO_TO_64 = "CAST('18446744073709551616' AS DECIMAL(20, 0))";

/** Debezium sends the 64 bits as a signed number, which may be below zero. */
function unsignedLong(asText: boolean): EnvelopeColumn {
  return partial((raw) => {
    const signed = `TRY_CAST(${raw} AS DECIMAL(20, 0))`;
    const wrapped = `CASE WHEN ${signed} < 0 THEN ${signed} + ${TWO_TO_64} ELSE ${signed} END`;
    const exact = `CAST(${wrapped} AS DECIMAL(20, 0))`;
    return asText ? `CAST(${exact} AS STRING)` : exact;
  });
}

/** The log counts years from 1900 and has 0 for the year 0000, which Debezium takes for 1900. */
function year(): EnvelopeColumn {
  return partial((raw) => {
    const number = `TRY_CAST(${raw} AS INT)`;
    return `CASE WHEN ${number} = 1900 THEN 0 ELSE ${number} END`;
  });
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** BIT(1) is true or false; more bits are bytes in base64, the lowest first. */
function bits(column: Column, { parameters }: SourceType): EnvelopeColumn {
  const width = parameters[0] ?? 1;
  if (width <= 1) {
    return partial((raw) => `CASE ${raw} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END`);
  }
  assert(column.type.kind === 'long' || column.type.kind === 'decimal', 'bits are a number');
  const byteCount = Math.ceil(width / 8);
  const length = 4 * Math.ceil(byteCount / 3);
  const type = flinkType(column.type);
  return partial((raw) => {
    const bytes = Array.from({ length: byteCount }, (_, index) => {
      return `CAST(${base64Byte(raw, index)} AS ${type}) * ${2n ** BigInt(8 * index)}`;
    });
    return `CASE WHEN CHAR_LENGTH(${raw}) = ${length} THEN CAST(${bytes.join(' + ')} AS ${type}) END`;
  });
}

/** One byte of a base64 text, from the two characters that hold its bits. */
function base64Byte(raw: string, index: number): string {
  const first = 4 * Math.trunc(index / 3) + (index % 3) + 1;
  const sextet = (place: number): string => {
    return `(LOCATE(SUBSTRING(${raw}, ${place}, 1), ${flinkText(BASE64)}) - 1)`;
  };
  const [high, low] = [sextet(first), sextet(first + 1)];
  const lowBits = 2 * (index % 3) + 2;
  const [shift, rest] = [2 ** lowBits, 2 ** (6 - lowBits)];
  // What is divided is a multiple: the quotient is whole, whatever an engine makes of a division.
  return `(MOD(${high}, ${256 / shift}) * ${shift} + (${low} - MOD(${low}, ${rest})) / ${rest})`;
}

function timeColumn({ type }: Column, source: SourceType): EnvelopeColumn | null {
  if (!['date', 'datetime', 'timestamp', 'time'].includes(source.name)) return null;
  if (type.kind === 'string') {
    return refused('keeps times as text, for which Debezium would have to send zero dates');
  }
  switch (source.name) {
    case 'date':
      return partial((raw) => dateFromDays(`TRY_CAST(${raw} AS INT)`));
    case 'time':
      return partial((raw) => `TRY_CAST(${raw} AS BIGINT)`);
    case 'datetime': {
      // Milliseconds up to three digits of the second, microseconds from four on.
      const isMillis = (source.parameters[0] ?? 0) <= 3;
      const convert = isMillis ? timestampFromMillis : timestampFromMicros;
      return partial((raw) => convert(`TRY_CAST(${raw} AS BIGINT)`));
    }
    default:
      return partial(instantFromText);
  }
}

function otherColumn({ type }: Column, source: SourceType): EnvelopeColumn {
  if (isTextType(source)) return textColumn(source.charset);
  if (isBytesType(source)) {
    if (type.kind !== 'binary') return refused('keeps bytes as text');
    return source.parameters[0] === 0 ? noBytes() : bytes();
  }
  switch (source.name) {
    case 'enum':
    case 'set':
      return source.labels.some((label) => /[\\,\p{Cc}]/u.test(label))
        ? refused(
            'has a label with a comma, a backslash or a line break, which Debezium writes otherwise',
          )
        : TEXT;
    case 'json':
      return jsonColumn();
    default:
      return refused(`is of type ${source.name}, which Debezium does not send as it is stored`);
  }
}

/**
 * What Debezium makes of a TIME below zero, as in `"839:0-60:0-59"` or `"01:0-30:00"`: hours and
 * minutes are rounded down, so unless both others are zero the minutes are below it, and Debezium
 * puts its 0 for one digit before the sign. Any other text with hours in it is somebody's own.
 */
const BROKEN_TIME = '"[0-9]{2,3}:0-[0-9]{1,2}:0[-0]';

/** A document of MySQL. A TIME below zero in it, which only a statement can put there, is lost. */
function jsonColumn(): EnvelopeColumn {
  return partial(
    (raw) => `CASE WHEN NOT REGEXP(${raw}, ${flinkText(BROKEN_TIME)}) THEN ${raw} END`,
  );
}

/** Hexadecimal digits: unlike base64, Flink's SQL can tell whether they are such. */
function bytes(): EnvelopeColumn {
  return partial((raw) => `CASE WHEN MOD(CHAR_LENGTH(${raw}), 2) = 0 THEN UNHEX(${raw}) END`);
}

/** A column without room for a byte: Debezium sends ten of them. */
function noBytes(): EnvelopeColumn {
  return {
    kind: 'carried',
    value: (raw) => `CASE WHEN ${raw} IS NOT NULL THEN UNHEX('') END`,
    isTotal: true,
  };
}

function textColumn(charset: string | null): EnvelopeColumn {
  const decoding = javaDecoding(charset);
  if (decoding === 'exact') return TEXT;
  if (decoding === 'other') {
    return refused(`is of the character set ${charset}, which Java decodes otherwise`);
  }
  return partial(
    (raw) => `CASE WHEN LOCATE(${flinkText(REPLACEMENT)}, ${raw}) = 0 THEN ${raw} END`,
  );
}

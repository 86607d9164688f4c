/**
 * Fields of an envelope made into the lake's values: the same values that Firn's own reader of the
 * log makes (docs/spec/values.md), by the connector's modes of writing them. What cannot be read is
 * never guessed or rounded: it does not fit. What Debezium loses before it writes an envelope
 * cannot be seen here; columns of such types are refused.
 */
import type { JsonValue } from '../../kernel/lossless-json.ts';
import type { ColumnBuilder } from '../../model/column-builder.ts';
import type { Column } from '../../model/table-schema.ts';
import { REPLACEMENT, javaDecoding } from '../../mysql/charset/java-text.ts';
import { isBytesType, isCompressed, isTextType, parseSourceType } from '../../mysql/source-type.ts';
import type { SourceType } from '../../mysql/source-type.ts';

/** How a connector writes values, where it has a choice (Debezium's options of these names). */
export interface ValueModes {
  /** `decimal.handling.mode` */
  readonly decimal: 'precise' | 'string';
  /** `bigint.unsigned.handling.mode` */
  readonly unsignedLong: 'long' | 'precise';
  /** `binary.handling.mode`: `bytes` is base64, too, in JSON. */
  readonly binary: 'base64' | 'base64url' | 'hex';
}

/** Appends the value of a field that is not null; `false`, with nothing appended: a misfit. */
export type FieldDecoder = (field: JsonValue, builder: ColumnBuilder) => boolean;

/** A column as the envelope has it. `reason`: half a sentence that goes on after its name. */
export type FieldReading =
  | { readonly kind: 'read'; readonly decode: FieldDecoder }
  | { readonly kind: 'refused'; readonly reason: string };

type Part = Pick<Column, 'type' | 'sourceType'>;

/** How the fields of a column are read. */
export function fieldReading(column: Part, modes: ValueModes): FieldReading {
  const source = parseSourceType(column.sourceType);
  // MariaDB has types of their own in its log for these.
  if (isCompressed(column.sourceType)) {
    return refused('is COMPRESSED: one such column in any table of the server stops Debezium');
  }
  return (
    numberField(column, source, modes) ??
    timeField(column, source) ??
    otherField(column, source, modes)
  );
}

function read(decode: FieldDecoder): FieldReading {
  return { kind: 'read', decode };
}

function refused(reason: string): FieldReading {
  return { kind: 'refused', reason };
}

function numberField({ type }: Part, source: SourceType, modes: ValueModes): FieldReading | null {
  const isText = type.kind === 'string';
  switch (source.name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
      return read(wholeNumber(type.kind === 'int' ? 'number' : isText ? 'text' : 'bigint'));
    case 'bigint':
      if (source.unsigned) return read(unsignedLong(isText, modes.unsignedLong));
      return read(wholeNumber(isText ? 'text' : 'bigint'));
    case 'decimal':
      return read(decimal(type, source, modes.decimal));
    case 'float':
    case 'double':
      return isText ? refused('keeps the digits of a number') : read(floating);
    case 'year':
      return isText ? refused('keeps the year as text') : read(year);
    case 'bit':
      return isText ? refused('keeps the bits as text') : read(bits(source));
    default:
      return null;
  }
}

/** A whole number; JSON has it as it is, wide ones as bigint. */
function wholeOf(field: JsonValue): bigint | null {
  if (typeof field === 'bigint') return field;
  return typeof field === 'number' && Number.isSafeInteger(field) ? BigInt(field) : null;
}

const LONG_MIN = -(2n ** 63n);
const LONG_END = 2n ** 63n;

function wholeNumber(as: 'number' | 'bigint' | 'text'): FieldDecoder {
  return (field, builder) => {
    const whole = wholeOf(field);
    // A column that was declared BOOL may arrive as `true`, whatever number it has.
    if (whole === null || whole < LONG_MIN || whole >= LONG_END) return false;
    if (as === 'text') builder.appendString(String(whole));
    else if (as === 'bigint') builder.appendBigInt(whole);
    else if (typeof field === 'number' && field === (field | 0)) builder.appendNumber(field);
    else return false;
    return true;
  };
}

const TWO_TO_64 = 2n ** 64n;

/** Debezium sends the 64 bits as a signed number, which may be below zero, or as a decimal. */
function unsignedLong(asText: boolean, mode: ValueModes['unsignedLong']): FieldDecoder {
  return (field, builder) => {
    const sent = mode === 'precise' ? unscaledOf(field) : wholeOf(field);
    if (sent === null) return false;
    const whole = sent < 0n && mode === 'long' ? sent + TWO_TO_64 : sent;
    if (whole < 0n || whole >= TWO_TO_64) return false;
    if (asText) builder.appendString(String(whole));
    else builder.appendBigInt(whole);
    return true;
  };
}

/** Bytes of a text in base64; `null`: it is not the one spelling that its bytes have. */
function base64Bytes(field: JsonValue, alphabet: 'base64' | 'base64url' = 'base64'): Buffer | null {
  if (typeof field !== 'string') return null;
  const bytes = Buffer.from(field, alphabet);
  const plain = (text: string): string => text.replace(/=+$/, '');
  return plain(bytes.toString(alphabet)) === plain(field) ? bytes : null;
}

/** The whole number that Connect's Decimal is: two's complement, highest byte first, in base64. */
function unscaledOf(field: JsonValue): bigint | null {
  const bytes = base64Bytes(field);
  if (bytes === null || bytes.length === 0) return null;
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
}

function decimal(
  type: Column['type'],
  { parameters }: SourceType,
  mode: ValueModes['decimal'],
): FieldDecoder {
  const scale = parameters[1] ?? 0;
  const digitsMax = parameters[0] ?? 10;
  return (field, builder) => {
    const unscaled = mode === 'precise' ? unscaledOf(field) : unscaledText(field, scale);
    if (unscaled === null) return false;
    const digits = String(unscaled < 0n ? -unscaled : unscaled);
    if (digits.length > digitsMax) return false;
    if (type.kind !== 'string') builder.appendBigInt(unscaled);
    else builder.appendString(decimalText(unscaled, digits, scale));
    return true;
  };
}

/** A decimal's text as a whole number of its last digits; a digit more than it has does not fit. */
function unscaledText(field: JsonValue, scale: number): bigint | null {
  if (typeof field !== 'string') return null;
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(field) ?? [];
  if (whole === '' || fraction.length > scale) return null;
  const digits = BigInt(`${whole}${fraction.padEnd(scale, '0')}`);
  return sign === '' ? digits : -digits;
}

/** As the server shows it. */
function decimalText(unscaled: bigint, digits: string, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  if (scale === 0) return `${sign}${digits}`;
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

const floating: FieldDecoder = (field, builder) => {
  const number = typeof field === 'bigint' ? Number.parseFloat(String(field)) : field;
  if (typeof number !== 'number' || !Number.isFinite(number)) return false;
  builder.appendNumber(number);
  return true;
};

/** The log counts years from 1900 and has 0 for the year 0000, which Debezium takes for 1900. */
const year: FieldDecoder = (field, builder) => {
  if (typeof field !== 'number' || !Number.isInteger(field)) return false;
  if (field !== 0 && (field < 1900 || field > 2155)) return false;
  builder.appendNumber(field === 1900 ? 0 : field);
  return true;
};

/** BIT(1) is true or false; more bits are bytes in base64, the lowest first. */
function bits({ parameters }: SourceType): FieldDecoder {
  const width = parameters[0] ?? 1;
  if (width <= 1) {
    return (field, builder) => {
      if (typeof field !== 'boolean') return false;
      builder.appendNumber(field ? 1 : 0);
      return true;
    };
  }
  return (field, builder) => {
    const bytes = base64Bytes(field);
    if (bytes === null || bytes.length !== Math.ceil(width / 8)) return false;
    const number = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
    if (number >= 2n ** BigInt(width)) return false;
    builder.appendBigInt(number);
    return true;
  };
}

function timeField({ type }: Part, source: SourceType): FieldReading | null {
  if (!['date', 'datetime', 'timestamp', 'time'].includes(source.name)) return null;
  if (type.kind === 'string') {
    return refused('keeps times as text, for which Debezium would have to send zero dates');
  }
  switch (source.name) {
    case 'date':
      return read((field, builder) => {
        if (typeof field !== 'number' || !Number.isInteger(field)) return false;
        if (field < DAY_FIRST || field > DAY_LAST) return false;
        builder.appendNumber(field);
        return true;
      });
    case 'time':
      return read(micros(1n));
    case 'datetime':
      // Milliseconds up to three digits of the second, microseconds from four on.
      return read(micros((source.parameters[0] ?? 0) <= 3 ? 1000n : 1n));
    default:
      return read(instant);
  }
}

/** 0001-01-01 and 9999-12-31: what MySQL has, and no more. */
const DAY_FIRST = -719_162;
const DAY_LAST = 2_932_896;

/** Largest distance from 1970 of a time that MySQL has. */
const MICROS_MAX = 260_000_000_000_000_000n;

function micros(unit: bigint): FieldDecoder {
  return (field, builder) => {
    const whole = wholeOf(field);
    if (whole === null) return false;
    const value = whole * unit;
    if (value > MICROS_MAX || value < -MICROS_MAX) return false;
    builder.appendBigInt(value);
    return true;
  };
}

const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/;

/** A time such as `2026-01-02T03:04:05.678901Z`; other zones do not fit. */
const instant: FieldDecoder = (field, builder) => {
  const [, seconds, fraction = ''] = (typeof field === 'string' && INSTANT.exec(field)) || [];
  const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}Z`);
  if (!Number.isSafeInteger(ms)) return false;
  builder.appendBigInt(BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0')));
  return true;
};

function otherField({ type }: Part, source: SourceType, modes: ValueModes): FieldReading {
  if (isTextType(source)) return textField(source.charset);
  if (isBytesType(source)) {
    if (type.kind !== 'binary') return refused('keeps bytes as text');
    return read(source.parameters[0] === 0 ? noBytes : bytes(modes.binary));
  }
  switch (source.name) {
    case 'enum':
    case 'set':
      return labelField(source);
    case 'json':
      return read(text);
    default:
      return refused(`is of type ${source.name}, which Debezium does not send as it is stored`);
  }
}

const text: FieldDecoder = (field, builder) => {
  if (typeof field !== 'string') return false;
  builder.appendString(field);
  return true;
};

/** Signs in a label that Debezium takes from the statement as they stand there. */
// oxlint-disable-next-line no-control-regex -- these are the ones
const ODD_SIGNS = /[\\'"\u0000-\u001F]/;

/** Debezium writes a backslash before a comma in a label; a value that is none of them is empty. */
function labelField({ name, labels }: SourceType): FieldReading {
  if (labels.some((label) => ODD_SIGNS.test(label))) {
    return refused('has a label with a quotation mark, a backslash or a line break in it');
  }
  const bySpelling = new Map(labels.map((label) => [label.replaceAll(',', '\\,'), label]));
  return read((field, builder) => {
    if (typeof field !== 'string') return false;
    const parts = field === '' ? [] : name === 'set' ? field.split(',') : [field];
    const found = parts.map((part) => bySpelling.get(part));
    if (found.includes(undefined)) return false;
    builder.appendString(found.join(','));
    return true;
  });
}

/** A column without room for a byte: Debezium sends ten of them. */
const noBytes: FieldDecoder = (_field, builder) => {
  builder.appendBytes(new Uint8Array(0));
  return true;
};

function textField(charset: string | null): FieldReading {
  const decoding = javaDecoding(charset);
  if (decoding === 'exact') return read(text);
  if (decoding === 'other') {
    return refused(`is of the character set ${charset}, which Java decodes otherwise`);
  }
  return read((field, builder) => {
    return typeof field === 'string' && !field.includes(REPLACEMENT) && text(field, builder);
  });
}

function bytes(mode: ValueModes['binary']): FieldDecoder {
  return (field, builder) => {
    const found = mode === 'hex' ? hexBytes(field) : base64Bytes(field, mode);
    if (found === null) return false;
    builder.appendBytes(found);
    return true;
  };
}

function hexBytes(field: JsonValue): Buffer | null {
  if (typeof field !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(field)) return null;
  return Buffer.from(field, 'hex');
}

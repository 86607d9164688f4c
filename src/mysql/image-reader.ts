/**
 * Values in row images of the binary log: which reader a column needs. All choosing is done here,
 * once for a column; the readers themselves only read. Text arrives in the column's own character
 * set and leaves as UTF-8.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { Column } from '../model/table-schema.ts';
import { appendBinaryJson } from './values/binary-json.ts';
import { compressedReader } from './values/compressed-value.ts';
import { textAppender } from './charset/charset-decoder.ts';
import { charsetOfCollation } from './charset/collation-charset.ts';
import {
  bitReader,
  decimalReader,
  doubleReader,
  floatReader,
  integerReader,
  longReader,
  yearReader,
} from './values/image-number.ts';
import {
  dateReader,
  datetimeReader,
  oldDatetimeReader,
  oldTimeReader,
  oldTimestampReader,
  timeReader,
  timestampReader,
} from './values/image-temporal.ts';
import { enumReader, setReader } from './values/label-reader.ts';
import type { LogColumn } from './log-column.ts';
import { LOG_TYPE } from './log-type.ts';
import {
  INET4_BYTES,
  INET6_BYTES,
  inet4Text,
  inet6Text,
  UUID_BYTES,
  uuidText,
  withTrailingZeros,
} from './values/net-address.ts';
import { parseSourceType } from './source-type.ts';
import type { SourceType } from './source-type.ts';
import { appendSpatial } from './values/spatial.ts';
import { damagedValue, misfitOf, typeDiffers } from './values/value-misfit.ts';
import type { Misfit } from './values/value-misfit.ts';
import { appendRun } from './value-reader.ts';
import type { ValueReader } from './value-reader.ts';
import { vectorText } from './values/vector-text.ts';

/** What readers of values need to know of a column of a schema. */
export type ValueColumn = Pick<Column, 'name' | 'type' | 'sourceType'>;

/** Id of the collation `binary`. */
const BINARY_COLLATION = 63;

/**
 * The reader of a column's values in row images. `onMisfit` is the column's policy for values that
 * its type in the lake cannot hold (zero dates, text that is none).
 *
 * @throws {FirnError} VALUE-TYPE-DIFFERS, VALUE-CHARSET-UNKNOWN
 */
export function imageReader(
  log: LogColumn,
  column: ValueColumn,
  onMisfit: 'halt' | 'null',
): ValueReader {
  const source = parseSourceType(column.sourceType);
  const misfit = misfitOf(column.name, onMisfit);
  return (
    numberReader(log, column) ??
    temporalReader(log, column, misfit) ??
    structuredReader(log, column, { source, misfit }) ??
    runReader(log, column, { source, misfit })
  );
}

function numberReader(log: LogColumn, column: ValueColumn): ValueReader | null {
  const number = { name: column.name, type: column.type, unsigned: log.unsigned };
  switch (log.typeCode) {
    case LOG_TYPE.tiny:
      return integerReader(number, 1);
    case LOG_TYPE.short:
      return integerReader(number, 2);
    case LOG_TYPE.int24:
      return integerReader(number, 3);
    case LOG_TYPE.long:
      return integerReader(number, 4);
    case LOG_TYPE.longlong:
      return longReader(number);
    case LOG_TYPE.float:
      return floatReader(number);
    case LOG_TYPE.double:
      return doubleReader(number);
    case LOG_TYPE.decimal:
      return decimalReader(number, log.meta & 255, log.meta >> 8);
    case LOG_TYPE.bit:
      return bitReader(number);
    case LOG_TYPE.year:
      return yearReader(number);
    default:
      return null;
  }
}

function temporalReader(log: LogColumn, column: ValueColumn, misfit: Misfit): ValueReader | null {
  const temporal = { name: column.name, type: column.type, fractionDigits: log.meta, misfit };
  switch (log.typeCode) {
    case LOG_TYPE.date:
    case LOG_TYPE.newDate:
      return dateReader(temporal);
    case LOG_TYPE.datetime:
      return datetimeReader(temporal);
    case LOG_TYPE.timestamp:
      return timestampReader(temporal);
    case LOG_TYPE.time:
      return timeReader(temporal);
    case LOG_TYPE.datetimeOld:
      return oldDatetimeReader({ ...temporal, fractionDigits: 0 });
    case LOG_TYPE.timestampOld:
      return oldTimestampReader({ ...temporal, fractionDigits: 0 });
    case LOG_TYPE.timeOld:
      return oldTimeReader({ ...temporal, fractionDigits: 0 });
    default:
      return null;
  }
}

function structuredReader(
  log: LogColumn,
  column: ValueColumn,
  { source, misfit }: { readonly source: SourceType; readonly misfit: Misfit },
): ValueReader | null {
  const { name } = column;
  switch (log.typeCode) {
    case LOG_TYPE.enum:
      return enumReader({ log, column, source, misfit });
    case LOG_TYPE.set:
      return setReader({ log, column, source, misfit });
    case LOG_TYPE.json:
      requireKind(column, 'string');
      return (bytes, view, at, end, builder) => {
        if (appendBinaryJson({ bytes, view, at, end }, builder)) return;
        throw damagedValue(name, 'Its bytes are no JSON document.');
      };
    case LOG_TYPE.geometry:
      requireKind(column, 'binary');
      return (bytes, _view, at, end, builder) => {
        if (appendSpatial(bytes, at, end, builder)) return;
        throw damagedValue(name, 'Its bytes are no spatial value.');
      };
    case LOG_TYPE.vector:
      return vectorReader(column);
    case LOG_TYPE.blobCompressed:
    case LOG_TYPE.varcharCompressed:
      return compressedReader(name, runReader(log, column, { source, misfit }));
    default:
      return null;
  }
}

function requireKind(column: ValueColumn, kind: 'string' | 'binary'): void {
  if (column.type.kind !== kind) throw typeDiffers(column.name, `Its values are ${kind}.`);
}

/** VECTOR: the bytes of its floats, or a list in a column that was made text. */
function vectorReader(column: ValueColumn): ValueReader {
  if (column.type.kind === 'binary') return appendRun;
  requireKind(column, 'string');
  return (bytes, _view, at, end, builder) =>
    builder.appendString(vectorText(bytes.subarray(at, end)));
}

/** CHAR, VARCHAR, BINARY, VARBINARY, TEXT and BLOB, and what MariaDB stores as BINARY. */
function runReader(
  log: LogColumn,
  column: ValueColumn,
  { source, misfit }: { readonly source: SourceType; readonly misfit: Misfit },
): ValueReader {
  switch (source.name) {
    case 'uuid':
      return uuidReader(column);
    case 'inet4':
      requireKind(column, 'string');
      return addressReader(INET4_BYTES, inet4Text);
    case 'inet6':
      requireKind(column, 'string');
      return addressReader(INET6_BYTES, inet6Text);
    default:
  }
  const isBinary =
    log.collationId === null ? column.type.kind === 'binary' : log.collationId === BINARY_COLLATION;
  if (isBinary) {
    requireKind(column, 'binary');
    return source.name === 'binary' ? paddedReader(source.parameters[0] ?? 1) : appendRun;
  }
  requireKind(column, 'string');
  const charset = log.collationId === null ? source.charset : charsetOfCollation(log.collationId);
  return textReaderOf(column.name, charset, misfit);
}

function uuidReader(column: ValueColumn): ValueReader {
  if (column.type.kind === 'string') return addressReader(UUID_BYTES, uuidText);
  if (column.type.kind !== 'uuid') throw typeDiffers(column.name, 'Its source has UUIDs.');
  return paddedReader(UUID_BYTES);
}

function addressReader(length: number, text: (bytes: Uint8Array) => string): ValueReader {
  return (bytes, _view, at, end, builder) =>
    builder.appendString(text(withTrailingZeros(bytes, { at, end }, length)));
}

/** The log leaves out zeros at the end of a value of fixed length. */
function paddedReader(length: number): ValueReader {
  return (bytes, _view, at, end, builder) => {
    if (end - at === length) builder.appendRun(bytes, at, end);
    else builder.appendBytes(withTrailingZeros(bytes, { at, end }, length));
  };
}

/**
 * A reader of text of a character set, on either path.
 *
 * @throws {FirnError} VALUE-CHARSET-UNKNOWN
 */
export function textReaderOf(column: string, charset: string | null, misfit: Misfit): ValueReader {
  const append = charset === null ? null : textAppender(charset);
  if (append === null) {
    const what =
      charset === null
        ? 'Its log names a collation that no known server has.'
        : `Its character set ${charset} is not one that can be read exactly here.`;
    throw new FirnError('VALUE-CHARSET-UNKNOWN', { what: `Column ${column}: ${what}` });
  }
  return (bytes, view, at, end, builder) => {
    if (append(bytes, view, at, end, builder)) return;
    misfit(builder, `A value is not text of its character set ${charset ?? ''}.`);
  };
}

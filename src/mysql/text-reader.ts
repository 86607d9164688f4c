/**
 * Values of text result sets, and the expressions that make a SELECT give them exactly: the same
 * bytes in the lake as the same values read out of row images. Sessions read with `SET NAMES
 * utf8mb4`, `time_zone = '+00:00'` and an empty `sql_mode`.
 */
import { unreachable } from '../kernel/assert.ts';
import type { Column } from '../model/table-schema.ts';
import {
  appendDigits,
  asciiText,
  doubleOf,
  floatText,
  smallInteger,
  withoutLeadingZeros,
} from './values/digits.ts';
import { textReaderOf } from './image-reader.ts';
import type { ValueColumn } from './image-reader.ts';
import { bitReader } from './values/image-number.ts';
import type { MysqlFlavour } from './mysql-column.ts';
import { parseUuid } from './values/net-address.ts';
import { quoteMysqlName } from './quote-name.ts';
import { isSpatialType, parseSourceType } from './source-type.ts';
import type { SourceType } from './source-type.ts';
import { appendSpatial } from './values/spatial.ts';
import { dateTextReader, momentTextReader, timeTextReader } from './values/text-temporal.ts';
import { damagedValue, misfitOf } from './values/value-misfit.ts';
import type { Misfit } from './values/value-misfit.ts';
import { appendRun } from './value-reader.ts';
import type { ValueReader } from './value-reader.ts';
import { vectorText } from './values/vector-text.ts';

/**
 * The set that values of a text column are read as. Only ENUM and SET can be text that is binary:
 * their labels are bytes then, which are text where they are UTF-8.
 */
function readCharset({ charset }: SourceType): string {
  return charset === null || charset === 'binary' ? 'utf8mb4' : charset;
}

/** Sets whose text a session in utf8mb4 gets unchanged. */
const PLAIN_SETS: ReadonlySet<string> = new Set(['utf8', 'utf8mb3', 'utf8mb4', 'ascii']);

/**
 * What a SELECT list names for a column. Text of other sets comes as its own bytes, which the
 * reader decodes as it does those of the log; FLOAT and DOUBLE are multiplied by one, because the
 * server rounds a FLOAT to six digits when it shows it and a DOUBLE(M,D) to D.
 */
export function selectExpression(
  column: Pick<Column, 'sourceName' | 'type' | 'sourceType'>,
  _flavour: MysqlFlavour,
): string {
  const name = quoteMysqlName(column.sourceName);
  const source = parseSourceType(column.sourceType);
  switch (source.name) {
    case 'float':
    case 'double':
    case 'real':
      return `${name} * 1e0`;
    // A label may be no text of its set, of any set, and would come as a question mark: of MariaDB
    // even cast to BINARY, unless something is made of that.
    case 'enum':
    case 'set':
      return `CONCAT(CAST(${name} AS BINARY))`;
    default:
      return source.charset === null || PLAIN_SETS.has(source.charset)
        ? name
        : `CAST(${name} AS BINARY)`;
  }
}

/**
 * The reader of a column's values in a text result set, selected by {@link selectExpression}.
 *
 * @throws {FirnError} VALUE-CHARSET-UNKNOWN
 */
export function textReader(column: ValueColumn, onMisfit: 'halt' | 'null'): ValueReader {
  const source = parseSourceType(column.sourceType);
  const misfit = misfitOf(column.name, onMisfit);
  if (source.name === 'bit') return bitReader({ ...column, unsigned: true });
  const { name, type } = column;
  const temporal = { name, type, fractionDigits: source.parameters[0] ?? 0, misfit };
  switch (source.name) {
    case 'date':
      return dateTextReader(temporal);
    case 'datetime':
    case 'timestamp':
      return momentTextReader(temporal);
    case 'time':
      return timeTextReader(temporal);
    default:
      return plainReader(column, source, misfit);
  }
}

function plainReader(column: ValueColumn, source: SourceType, misfit: Misfit): ValueReader {
  const { name, type } = column;
  const damaged = (): Error => damagedValue(name, `Its text is no ${source.name}.`);
  switch (type.kind) {
    case 'int':
      return (bytes, _view, at, end, builder) => {
        const value = smallInteger(bytes, at, end);
        if (Number.isNaN(value)) throw damaged();
        builder.appendNumber(value);
      };
    case 'long':
    case 'decimal':
      return (bytes, _view, at, end, builder) => {
        if (!appendDigits(bytes, at, end, builder)) throw damaged();
      };
    case 'float':
    case 'double':
      return (bytes, _view, at, end, builder) => {
        const value = doubleOf(bytes, at, end);
        if (Number.isNaN(value)) throw damaged();
        builder.appendNumber(value);
      };
    case 'string':
      return stringReader(name, source, misfit);
    case 'binary':
    case 'fixed':
      return binaryReader(name, source);
    case 'uuid':
      return (bytes, _view, at, end, builder) => {
        const value = parseUuid(asciiText(bytes, at, end));
        if (value === null) throw damaged();
        builder.appendBytes(value);
      };
    case 'boolean':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      throw damaged();
    default:
      return unreachable(type);
  }
}

function stringReader(name: string, source: SourceType, misfit: Misfit): ValueReader {
  switch (source.name) {
    case 'float':
    case 'double':
    case 'real': {
      const isSingle = source.name === 'float';
      return (bytes, _view, at, end, builder) => {
        const value = doubleOf(bytes, at, end);
        if (Number.isNaN(value)) throw damagedValue(name, `Its text is no ${source.name}.`);
        builder.appendString(floatText(isSingle ? Math.fround(value) : value, isSingle));
      };
    }
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'decimal':
      return (bytes, _view, at, end, builder) =>
        builder.appendString(withoutLeadingZeros(asciiText(bytes, at, end)));
    case 'vector':
      return (bytes, _view, at, end, builder) =>
        builder.appendString(vectorText(bytes.subarray(at, end)));
    default:
      return textReaderOf(name, readCharset(source), misfit);
  }
}

function binaryReader(name: string, source: SourceType): ValueReader {
  if (!isSpatialType(source)) return appendRun;
  return (bytes, _view, at, end, builder) => {
    if (appendSpatial(bytes, at, end, builder)) return;
    throw damagedValue(name, 'Its bytes are no spatial value.');
  };
}

/**
 * Values that files do not hold, as SQL: identity partition values and default values of columns
 * (Iceberg spec, "Column Projection" and "Default values").
 */
import { isPrimitive } from '../../../iceberg/iceberg-type.ts';
import type { IcebergType, NestedField } from '../../../iceberg/iceberg-type.ts';
import type { IcebergValue } from '../../../iceberg/single-value.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { stringifyJson } from '../../../kernel/lossless-json.ts';
import { quoteText } from '../../../sql/quoting.ts';
import { duckdbTypeName } from '../duckdb-types.ts';

/** SQL of a single value, of the DuckDB type that its column has. */
export function valueSql(type: IcebergType, value: IcebergValue): string {
  return `CAST(${value === null ? 'NULL' : plainSql(type, value)} AS ${duckdbTypeName(type)})`;
}

function plainSql(type: IcebergType, value: Exclude<IcebergValue, null>): string {
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value).toString('hex');
    return type.kind === 'uuid' ? quoteText(hex) : `unhex(${quoteText(hex)})`;
  }
  const text = quoteText(String(value));
  switch (type.kind) {
    case 'date':
      return `DATE '1970-01-01' + CAST(${text} AS INTEGER)`;
    case 'time':
      return `TIME '00:00:00' + to_microseconds(CAST(${text} AS BIGINT))`;
    case 'timestamp':
      return `make_timestamp(CAST(${text} AS BIGINT))`;
    case 'timestamptz':
      return `make_timestamptz(CAST(${text} AS BIGINT))`;
    case 'timestamp_ns':
      return `make_timestamp_ns(CAST(${text} AS BIGINT))`;
    case 'decimal':
      return quoteText(decimalText(String(value), type.scale));
    default:
      return text;
  }
}

function decimalText(unscaled: string, scale: number): string {
  const digits = unscaled.replace('-', '').padStart(scale + 1, '0');
  const sign = unscaled.startsWith('-') ? '-' : '';
  const point = digits.length - scale;
  return `${sign}${digits.slice(0, point)}${scale === 0 ? '' : '.'}${digits.slice(point)}`;
}

/**
 * The value that rows have whose file was written before the column was added, as text that DuckDB
 * casts to the column's type; `null`: they have NULL.
 *
 * @throws {FirnError} ICEBERG-TYPE-UNSUPPORTED for a default inside a nested column
 */
export function initialDefaultText({ name, type, initialDefault }: NestedField): string | null {
  if (!isPrimitive(type)) {
    refuseNestedDefault(name, type);
    return null;
  }
  if (initialDefault === undefined) return null;
  const text = typeof initialDefault === 'string' ? initialDefault : stringifyJson(initialDefault);
  if (type.kind !== 'binary' && type.kind !== 'fixed') return text;
  return (text.match(/../g) ?? []).map((byte) => `\\x${byte}`).join('');
}

function refuseNestedDefault(name: string, type: IcebergType): void {
  if (type.kind === 'list') return refuseNestedDefault(name, type.element);
  if (type.kind === 'map') return refuseNestedDefault(name, type.value);
  if (type.kind !== 'struct') return;
  for (const field of type.fields) {
    if (field.initialDefault !== undefined) {
      throw new FirnError('ICEBERG-TYPE-UNSUPPORTED', {
        what: `column ${name} has a field with a default value, which Firn does not read`,
      });
    }
    refuseNestedDefault(name, field.type);
  }
}

/**
 * Values of an answer as text, the way DuckDB prints them and in UTC: exact, whatever the locale or
 * time zone of the process. The driver's own text would print times in the local zone and numbers
 * as JavaScript does.
 */
import type * as Api from '@duckdb/node-api';
import { assert } from '../../kernel/assert.ts';
import type { DuckdbDriver } from './duckdb-instance.ts';

/** Prints values of one column. */
export type ValuePrinter = (value: Api.DuckDBValue) => string | null;

/** The printer for a column's type. */
export function valuePrinter(driver: DuckdbDriver, type: Api.DuckDBType): ValuePrinter {
  const print = presentPrinter(driver, type);
  return (value) => (value === null ? null : print(value));
}

type Present = Exclude<Api.DuckDBValue, null>;

function presentPrinter(driver: DuckdbDriver, type: Api.DuckDBType): (value: Present) => string {
  const { api } = driver;
  if (type instanceof api.DuckDBFloatType) return (value) => floating(value, true);
  if (type instanceof api.DuckDBDoubleType) return (value) => floating(value, false);
  if (type instanceof api.DuckDBListType || type instanceof api.DuckDBArrayType) {
    const item = nestedPrinter(driver, type.valueType);
    return (value) => {
      assert(typeof value === 'object' && 'items' in value, 'a list has items');
      return `[${value.items.map(item).join(', ')}]`;
    };
  }
  if (type instanceof api.DuckDBStructType) {
    const printers = type.entryTypes.map((entry) => nestedPrinter(driver, entry));
    return (value) => {
      assert(value instanceof api.DuckDBStructValue, 'a struct has entries');
      const fields = type.entryNames.map((name, index) => {
        return `'${name}': ${printers[index]?.(value.entries[name] ?? null) ?? 'NULL'}`;
      });
      return `{${fields.join(', ')}}`;
    };
  }
  if (type instanceof api.DuckDBMapType) {
    const [key, item] = [
      nestedPrinter(driver, type.keyType),
      nestedPrinter(driver, type.valueType),
    ];
    return (value) => {
      assert(value instanceof api.DuckDBMapValue, 'a map has entries');
      const pairs = value.entries.map((entry) => `${key(entry.key)}=${item(entry.value)}`);
      return `{${pairs.join(', ')}}`;
    };
  }
  return (value) => scalar(api, value);
}

function nestedPrinter(
  driver: DuckdbDriver,
  type: Api.DuckDBType,
): (value: Api.DuckDBValue) => string {
  const print = valuePrinter(driver, type);
  return (value) => {
    if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
    return print(value) ?? 'NULL';
  };
}

function scalar(api: DuckdbDriver['api'], value: Present): string {
  if (value instanceof api.DuckDBTimestampTZValue) {
    const text = new api.DuckDBTimestampValue(value.micros).toString();
    return text.includes('infinity') ? text : `${text}+00`;
  }
  if (value instanceof api.DuckDBBlobValue) return blob(value.bytes);
  return String(value);
}

/** Bytes outside printable ASCII, and those that quote something, as `\xNN`. */
function blob(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x5c && byte !== 0x27 && byte !== 0x22;
    const hex = byte.toString(16).toUpperCase().padStart(2, '0');
    text += plain ? String.fromCharCode(byte) : `\\x${hex}`;
  }
  return text;
}

/** The shortest text that reads back as the same number, `1.0` and `1e+20` as DuckDB has them. */
function floating(value: Present, single: boolean): string {
  assert(typeof value === 'number', 'a floating-point value is a number');
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (!Number.isFinite(value)) return `${sign}inf`;
  const [mantissa = '', power = '0'] = shortest(Math.abs(value), single).split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number.parseInt(power, 10);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** In exponential form, such as `1.5e+3`. */
function shortest(value: number, single: boolean): string {
  if (!single) return value.toExponential();
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number.parseFloat(text)) === value) return text;
  }
  return value.toExponential();
}

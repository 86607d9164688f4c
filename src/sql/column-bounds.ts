/**
 * Column statistics as DuckDB prints them after a COPY, as Iceberg's manifests hold them. A bound
 * that cannot be read exactly is left out: a missing bound costs a reader time, a wrong one rows.
 */
import { unreachable } from '../kernel/assert.ts';
import { encodeLowerBound, encodeUpperBound } from '../iceberg/single-value.ts';
import type { IcebergType, PrimitiveType } from '../iceberg/iceberg-type.ts';
import { isPrimitive } from '../iceberg/iceberg-type.ts';
import type { PresentValue } from '../iceberg/single-value.ts';

/** Statistics of one column of one file, by DuckDB's names. */
export type ColumnStatistics = ReadonlyMap<string, string>;

/** A column of a written file, by the name under which DuckDB reports it. */
export interface MeasuredColumn {
  readonly name: string;
  readonly fieldId: number;
  readonly type: IcebergType;
  /** Keeps text and bytes whole in bounds; otherwise they are cut to 16. */
  readonly exact: boolean;
}

/** The statistics of a manifest entry, by field id. */
export interface FileMetrics {
  readonly columnSizes: ReadonlyMap<number, bigint>;
  readonly valueCounts: ReadonlyMap<number, bigint>;
  readonly nullValueCounts: ReadonlyMap<number, bigint>;
  readonly nanValueCounts: ReadonlyMap<number, bigint>;
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>;
  readonly upperBounds: ReadonlyMap<number, Uint8Array>;
}

/** Longest text in code points, or bytes in bytes, in a bound of a column that is no key. */
const BOUND_LENGTH_MAX = 16;

/** Metrics of a file from DuckDB's statistics. */
export function fileMetrics(
  columns: readonly MeasuredColumn[],
  statistics: ReadonlyMap<string, ColumnStatistics>,
): FileMetrics {
  const metrics = {
    columnSizes: new Map<number, bigint>(),
    valueCounts: new Map<number, bigint>(),
    nullValueCounts: new Map<number, bigint>(),
    nanValueCounts: new Map<number, bigint>(),
    lowerBounds: new Map<number, Uint8Array>(),
    upperBounds: new Map<number, Uint8Array>(),
  };
  for (const column of columns) {
    const found = statistics.get(column.name);
    if (found === undefined || !isPrimitive(column.type)) continue;
    const { fieldId } = column;
    setCount(metrics.columnSizes, fieldId, found.get('column_size_bytes'));
    setCount(metrics.valueCounts, fieldId, found.get('num_values'));
    setCount(metrics.nullValueCounts, fieldId, found.get('null_count'));
    // DuckDB says whether there is a NaN, not how many.
    if (found.get('has_nan') === 'false') metrics.nanValueCounts.set(fieldId, 0n);
    const lengthMax = column.exact ? null : BOUND_LENGTH_MAX;
    const lower = boundValue(column.type, found.get('min'));
    if (lower !== null) {
      setBound(metrics.lowerBounds, fieldId, encodeLowerBound({ ...lower, lengthMax }));
    }
    const upper = boundValue(column.type, found.get('max'));
    if (upper !== null) {
      setBound(metrics.upperBounds, fieldId, encodeUpperBound({ ...upper, lengthMax }));
    }
  }
  return metrics;
}

function setCount(counts: Map<number, bigint>, fieldId: number, text: string | undefined): void {
  if (text !== undefined && /^\d+$/.test(text)) counts.set(fieldId, BigInt(text));
}

function setBound(
  bounds: Map<number, Uint8Array>,
  fieldId: number,
  bytes: Uint8Array | null,
): void {
  if (bytes !== null) bounds.set(fieldId, bytes);
}

interface TypedValue {
  readonly type: PrimitiveType;
  readonly value: PresentValue;
}

function boundValue(type: PrimitiveType, text: string | undefined): TypedValue | null {
  if (text === undefined) return null;
  const value = parseStatistic(type, text);
  return value === null ? null : { type, value };
}

/** A value as DuckDB prints it in statistics; `null` where it is none that Firn knows exactly. */
function parseStatistic(type: PrimitiveType, text: string): PresentValue | null {
  switch (type.kind) {
    case 'boolean':
      return text === '1' || text === 'true'
        ? true
        : text === '0' || text === 'false'
          ? false
          : null;
    case 'int':
      return /^-?\d{1,10}$/.test(text) ? Number.parseInt(text, 10) : null;
    case 'long':
      return /^-?\d{1,19}$/.test(text) ? BigInt(text) : null;
    case 'float':
    case 'double':
      return parseFloating(text);
    case 'decimal':
      return parseDecimal(text, type.scale);
    case 'date': {
      const date = parseDays(text);
      return date === null || date.rest !== '' ? null : date.days;
    }
    case 'timestamp':
    case 'timestamptz':
      return parseMicros(text);
    case 'string':
      return text;
    case 'uuid':
      return parseHex(text.replaceAll('-', ''), 16);
    case 'fixed':
      return parseHex(text, type.lengthBytes);
    case 'binary':
      return parseHex(text, null);
    case 'time':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'unknown':
      return null;
    default:
      return unreachable(type);
  }
}

/** DuckDB prints the shortest text that reads back as the same number. */
function parseFloating(text: string): number | null {
  if (text === 'inf') return Infinity;
  if (text === '-inf') return -Infinity;
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number.parseFloat(text) : null;
}

function parseDecimal(text: string, scale: number): bigint | null {
  const match = /^(-?)(\d*)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[3] ?? '';
  if (match === null || fraction.length !== scale) return null;
  const digits = BigInt(`${match[2] ?? ''}${fraction}`);
  return match[1] === '-' ? -digits : digits;
}

function parseDays(text: string): { readonly days: number; readonly rest: string } | null {
  const match = /^(\d{4,6})-(\d{2})-(\d{2})( \(BC\))?/.exec(text);
  if (match === null) return null;
  const written = Number.parseInt(match[1] ?? '', 10);
  const year = match[4] === undefined ? written : 1 - written;
  const date = new Date(0);
  date.setUTCFullYear(
    year,
    Number.parseInt(match[2] ?? '', 10) - 1,
    Number.parseInt(match[3] ?? '', 10),
  );
  return { days: Math.round(date.getTime() / 86_400_000), rest: text.slice(match[0].length) };
}

/** `YYYY-MM-DD HH:MM:SS[.ffffff][+00]`; DuckDB prints the era after the date. */
function parseMicros(text: string): bigint | null {
  const date = parseDays(text);
  if (date === null) return null;
  const match = /^ (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:\+00)?$/.exec(date.rest);
  if (match === null) return null;
  const [hours, minutes, seconds] = [match[1], match[2], match[3]].map((part) => BigInt(part ?? 0));
  const clock = ((hours ?? 0n) * 60n + (minutes ?? 0n)) * 60n + (seconds ?? 0n);
  const micros = BigInt((match[4] ?? '').padEnd(6, '0'));
  return (BigInt(date.days) * 86_400n + clock) * 1_000_000n + micros;
}

function parseHex(text: string, length: number | null): Uint8Array | null {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) return null;
  const bytes = Uint8Array.from(Buffer.from(text, 'hex'));
  return length === null || bytes.length === length ? bytes : null;
}

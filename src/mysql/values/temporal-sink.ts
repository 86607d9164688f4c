/**
 * Where dates and times of either path end: as days or microseconds, or, in a column that the
 * pipeline file made text, as the servers write them. What is no date meets the column's policy.
 */
import { unreachable } from '../../kernel/assert.ts';
import type { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { NO_DATE, clockText, dateText, daysFromDate, fractionText } from './calendar.ts';
import { typeDiffers } from './value-misfit.ts';
import type { Misfit } from './value-misfit.ts';

const NOT_A_DATE =
  'A date has a year, month or day of zero, or a day that its month does not have: no date in the lake can hold it.';

const SECONDS_PER_DAY = 86_400;

/** A column as a sink needs it. */
export interface TemporalColumn {
  /** Name, for messages. */
  readonly name: string;
  readonly type: ColumnType;
  /** Digits of seconds' fractions in text. */
  readonly fractionDigits: number;
  readonly misfit: Misfit;
}

/** Takes a date in its three numbers, which may be none. */
export type DateSink = (year: number, month: number, day: number, builder: ColumnBuilder) => void;

/** A date and time in its numbers; `seconds` since midnight. */
export interface Moment {
  year: number;
  month: number;
  day: number;
  seconds: number;
  micros: number;
}

/** Takes a date and time. */
export type MomentSink = (moment: Readonly<Moment>, builder: ColumnBuilder) => void;

/** Takes a span of time: its sign and its absolute seconds and microseconds. */
export type SpanSink = (
  isNegative: boolean,
  seconds: number,
  micros: number,
  builder: ColumnBuilder,
) => void;

/** How a column takes dates. */
export function dateSink({ name, type, misfit }: TemporalColumn): DateSink {
  if (type.kind === 'string') {
    return (year, month, day, builder) => builder.appendString(dateText(year, month, day));
  }
  if (type.kind !== 'date') throw typeDiffers(name, 'Its source has dates.');
  return (year, month, day, builder) => {
    const days = daysFromDate(year, month, day);
    if (days === NO_DATE) misfit(builder, NOT_A_DATE);
    else builder.appendNumber(days);
  };
}

/** How a column takes dates with times, of DATETIME and TIMESTAMP (in UTC) alike. */
export function momentSink({ name, type, fractionDigits, misfit }: TemporalColumn): MomentSink {
  switch (type.kind) {
    case 'string':
      return ({ year, month, day, seconds, micros }, builder) =>
        builder.appendString(
          `${dateText(year, month, day)} ${clockText(seconds)}${fractionText(micros, fractionDigits)}`,
        );
    case 'timestamp':
    case 'timestamptz':
      return ({ year, month, day, seconds, micros }, builder) => {
        const days = daysFromDate(year, month, day);
        if (days === NO_DATE) misfit(builder, NOT_A_DATE);
        else appendMicros(days * SECONDS_PER_DAY + seconds, micros, builder);
      };
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'decimal':
    case 'date':
    case 'binary':
    case 'uuid':
    case 'fixed':
      throw typeDiffers(name, 'Its source has dates with times.');
    default:
      return unreachable(type);
  }
}

/** How a column takes TIME. */
export function spanSink({ name, type, fractionDigits }: TemporalColumn): SpanSink {
  if (type.kind === 'string') {
    return (isNegative, seconds, micros, builder) =>
      builder.appendString(
        `${isNegative ? '-' : ''}${clockText(seconds)}${fractionText(micros, fractionDigits)}`,
      );
  }
  if (type.kind !== 'long') throw typeDiffers(name, 'Its source has times.');
  return (isNegative, seconds, micros, builder) => {
    const span = seconds * 1_000_000 + micros;
    builder.appendSafeInteger(isNegative ? 0 - span : span);
  };
}

/** Appends microseconds since 1970 from whole seconds, which may be negative, and microseconds. */
export function appendMicros(seconds: number, micros: number, builder: ColumnBuilder): void {
  const value = seconds * 1_000_000 + micros;
  if (Number.isSafeInteger(value)) builder.appendSafeInteger(value);
  else builder.appendBigInt(BigInt(seconds) * 1_000_000n + BigInt(micros));
}

/** Dates and times in text result sets: `2024-02-29`, `2024-02-29 23:59:59.5`, `-838:59:59`. */
import { dateSink, momentSink, spanSink } from './temporal-sink.ts';
import type { Moment, TemporalColumn } from './temporal-sink.ts';
import { damagedValue } from './value-misfit.ts';
import type { ValueReader } from '../value-reader.ts';

const ZERO = 0x30;
const MINUS = 0x2d;

/** Length of `YYYY-MM-DD`, and of a time of day behind it with its space. */
const DATE_LENGTH = 10;
const MOMENT_LENGTH = 19;
const FRACTION_DIGITS_MAX = 6;

/** A reader of DATE. */
export function dateTextReader(column: TemporalColumn): ValueReader {
  const sink = dateSink(column);
  return (bytes, _view, at, end, builder) => {
    const year = number(bytes, at, 4);
    const month = number(bytes, at + 5, 2);
    const day = number(bytes, at + 8, 2);
    if (end - at !== DATE_LENGTH || year < 0 || month < 0 || day < 0) throw unreadable(column);
    sink(year, month, day, builder);
  };
}

/** A reader of DATETIME and TIMESTAMP. */
export function momentTextReader(column: TemporalColumn): ValueReader {
  const sink = momentSink(column);
  const moment: Moment = { year: 0, month: 0, day: 0, seconds: 0, micros: 0 };
  return (bytes, _view, at, end, builder) => {
    if (end - at < MOMENT_LENGTH) throw unreadable(column);
    const century = pair(bytes, at);
    const year = pair(bytes, at + 2);
    const month = pair(bytes, at + 5);
    const day = pair(bytes, at + 8);
    const hours = pair(bytes, at + 11);
    const minutes = pair(bytes, at + 14);
    const seconds = pair(bytes, at + 17);
    const micros = fraction(bytes, at + MOMENT_LENGTH, end);
    // One that is none is below zero, and stays so among the others.
    if ((century | year | month | day | hours | minutes | seconds | micros) < 0) {
      throw unreadable(column);
    }
    moment.year = century * 100 + year;
    moment.month = month;
    moment.day = day;
    moment.seconds = hours * 3600 + minutes * 60 + seconds;
    moment.micros = micros;
    sink(moment, builder);
  };
}

/** A reader of TIME. */
export function timeTextReader(column: TemporalColumn): ValueReader {
  const sink = spanSink(column);
  return (bytes, _view, at, end, builder) => {
    const isNegative = bytes[at] === MINUS;
    const first = isNegative ? at + 1 : at;
    const hourDigits = bytes.indexOf(0x3a, first) - first;
    if (hourDigits < 2 || hourDigits > 3) throw unreadable(column);
    const behind = first + hourDigits + 6;
    const seconds = clock(bytes, first, hourDigits);
    const micros = fraction(bytes, behind, end);
    if (behind > end || seconds < 0 || micros < 0) throw unreadable(column);
    sink(isNegative, seconds, micros, builder);
  };
}

function unreadable(column: TemporalColumn): Error {
  return damagedValue(column.name, 'Its text is no date or time.');
}

/** Two digits at a place, -1 when one of them is none. */
function pair(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - ZERO;
  const ones = (bytes[at + 1] ?? 0) - ZERO;
  return tens >>> 0 <= 9 && ones >>> 0 <= 9 ? tens * 10 + ones : -1;
}

/** Digits at a place, -1 when one of them is none. */
function number(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index++) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Seconds of `hh:mm:ss`, below zero when it is none. */
function clock(bytes: Uint8Array, at: number, hourDigits: number): number {
  const hours = number(bytes, at, hourDigits);
  const minutes = number(bytes, at + hourDigits + 1, 2);
  const seconds = number(bytes, at + hourDigits + 4, 2);
  return hours < 0 || minutes < 0 || seconds < 0 ? -1 : hours * 3600 + minutes * 60 + seconds;
}

/** Microseconds of a fraction with its point, zero without one, -1 when it is none. */
function fraction(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return 0;
  const digits = end - at - 1;
  if (digits > FRACTION_DIGITS_MAX) return -1;
  const value = number(bytes, at + 1, digits);
  return value < 0 ? -1 : value * 10 ** (FRACTION_DIGITS_MAX - digits);
}

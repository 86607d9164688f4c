/**
 * Dates and times in row images: packed numbers, big-endian since MySQL 5.6, with the fraction in
 * zero to three bytes behind (MySQL source documentation, `my_datetime_packed_to_binary` and its
 * neighbours). What was written before that version is read only without fractions.
 */
import type { ColumnBuilder } from '../../model/column-builder.ts';
import { appendMicros, dateSink, momentSink, spanSink } from './temporal-sink.ts';
import type { Moment, TemporalColumn } from './temporal-sink.ts';
import { damagedValue } from './value-misfit.ts';
import type { ValueReader } from '../value-reader.ts';

/** What a fraction's value is multiplied with, by its bytes, to be microseconds. */
const FRACTION_UNITS = [0, 10_000, 100, 1];

/** What stands for zero in a DATETIME's and a TIME's whole part. */
const DATETIME_ZERO = 0x80_0000_0000;
const TIME_ZERO = 0x80_0000;

/** A reader of DATE. */
export function dateReader(column: TemporalColumn): ValueReader {
  const sink = dateSink(column);
  return (_bytes, view, at, _end, builder) => {
    const packed = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    sink(packed >> 9, (packed >> 5) & 15, packed & 31, builder);
  };
}

/** A reader of DATETIME. */
export function datetimeReader(column: TemporalColumn): ValueReader {
  const sink = momentSink(column);
  const moment: Moment = { year: 0, month: 0, day: 0, seconds: 0, micros: 0 };
  return (bytes, view, at, end, builder) => {
    const whole = view.getUint8(at) * 4_294_967_296 + view.getUint32(at + 1) - DATETIME_ZERO;
    if (whole < 0) throw damagedValue(column.name, 'A date with time is below zero.');
    // 17 bits of time; above them the day, and 13 numbers for each year's months.
    const date = Math.floor(whole / 131_072);
    const time = whole % 131_072;
    const months = date >> 5;
    moment.year = Math.floor(months / 13);
    moment.month = months % 13;
    moment.day = date & 31;
    moment.seconds = secondsOf(time);
    moment.micros = fractionOf(bytes, at + 5, end);
    sink(moment, builder);
  };
}

/** A reader of TIMESTAMP: seconds since 1970 in UTC; all zero is the date of zeros. */
export function timestampReader(column: TemporalColumn): ValueReader {
  const zero = zeroAppender(column);
  const append = secondsAppender(column);
  return (bytes, view, at, end, builder) => {
    const seconds = view.getUint32(at);
    const micros = fractionOf(bytes, at + 4, end);
    if (seconds === 0 && micros === 0) zero(builder);
    else append(seconds, micros, builder);
  };
}

/** A reader of TIME. */
export function timeReader(column: TemporalColumn): ValueReader {
  const sink = spanSink(column);
  return (bytes, view, at, end, builder) => {
    const fractionBytes = end - at - 3;
    const size = 256 ** fractionBytes;
    let packed = (view.getUint16(at) << 8) | view.getUint8(at + 2);
    for (let index = at + 3; index < end; index++) packed = packed * 256 + (bytes[index] ?? 0);
    const signed = packed - TIME_ZERO * size;
    const span = Math.abs(signed);
    const time = Math.floor(span / size);
    const micros = (span % size) * (FRACTION_UNITS[fractionBytes] ?? 0);
    sink(signed < 0, secondsOf(time), micros, builder);
  };
}

/** A reader of DATETIME as written before MySQL 5.6: the decimal digits YYYYMMDDhhmmss. */
export function oldDatetimeReader(column: TemporalColumn): ValueReader {
  const sink = momentSink(column);
  return (_bytes, view, at, _end, builder) => {
    const digits = view.getUint32(at + 4, true) * 4_294_967_296 + view.getUint32(at, true);
    const date = Math.floor(digits / 1_000_000);
    sink(
      {
        year: Math.floor(date / 10_000),
        month: Math.floor(date / 100) % 100,
        day: date % 100,
        seconds: secondsOfDigits(digits % 1_000_000),
        micros: 0,
      },
      builder,
    );
  };
}

/** A reader of TIMESTAMP as written before MySQL 5.6. */
export function oldTimestampReader(column: TemporalColumn): ValueReader {
  const zero = zeroAppender(column);
  const append = secondsAppender(column);
  return (_bytes, view, at, _end, builder) => {
    const seconds = view.getUint32(at, true);
    if (seconds === 0) zero(builder);
    else append(seconds, 0, builder);
  };
}

/** A reader of TIME as written before MySQL 5.6: the decimal digits hhmmss with a sign. */
export function oldTimeReader(column: TemporalColumn): ValueReader {
  const sink = spanSink(column);
  return (_bytes, view, at, _end, builder) => {
    const digits = view.getUint16(at, true) | (view.getInt8(at + 2) << 16);
    sink(digits < 0, secondsOfDigits(Math.abs(digits)), 0, builder);
  };
}

function secondsOf(packed: number): number {
  return (packed >> 12) * 3600 + ((packed >> 6) & 63) * 60 + (packed & 63);
}

function secondsOfDigits(digits: number): number {
  return (
    Math.floor(digits / 10_000) * 3600 + (Math.floor(digits / 100) % 100) * 60 + (digits % 100)
  );
}

function fractionOf(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let index = at; index < end; index++) value = value * 256 + (bytes[index] ?? 0);
  return value * (FRACTION_UNITS[end - at] ?? 0);
}

function zeroAppender(column: TemporalColumn): (builder: ColumnBuilder) => void {
  const sink = momentSink(column);
  const zero: Moment = { year: 0, month: 0, day: 0, seconds: 0, micros: 0 };
  return (builder) => sink(zero, builder);
}

function secondsAppender(
  column: TemporalColumn,
): (seconds: number, micros: number, builder: ColumnBuilder) => void {
  if (column.type.kind !== 'string') return appendMicros;
  const sink = momentSink(column);
  return (seconds, micros, builder) => {
    const date = new Date(seconds * 1000);
    sink(
      {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        seconds: seconds % 86_400,
        micros,
      },
      builder,
    );
  };
}

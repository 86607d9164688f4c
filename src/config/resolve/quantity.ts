/** Durations and sizes as people write them: a number and a unit, `250ms`, `7d`, `64MiB`. */
import { assert } from '../../kernel/assert.ts';

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const SIZE_UNITS = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
} as const;

function parse(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]+)$/.exec(text);
  const name = match?.[2] ?? '';
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  if (match === null || unit === undefined) return null;
  const digits = match[1] ?? '';
  const exact = Number.parseFloat(digits) * unit;
  // A fraction such as 0.1 is not exact in binary: six digits after the point are what is meant.
  const amount = digits.includes('.') ? Math.round(exact * 1e6) / 1e6 : exact;
  return Number.isSafeInteger(amount) ? amount : null;
}

function format(amount: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, unit]) => amount % unit === 0);
  const [name, unit] = fitting.toSorted((left, right) => right[1] - left[1])[0] ?? ['', 1];
  return `${amount / unit}${name}`;
}

/** Milliseconds, or `null` when `text` is no duration or not a whole number of milliseconds. */
export function parseDuration(text: string): number | null {
  return parse(text, DURATION_UNITS);
}

/** Bytes, or `null` when `text` is no size or not a whole number of bytes. */
export function parseSize(text: string): number | null {
  return parse(text, SIZE_UNITS);
}

/** The shortest text that {@link parseDuration} reads as `ms`, a whole number of at least 0. */
export function formatDuration(ms: number): string {
  assert(Number.isSafeInteger(ms) && ms >= 0, `${ms} is no number of milliseconds`);
  return ms === 0 ? '0s' : format(ms, DURATION_UNITS);
}

/** The shortest text that {@link parseSize} reads as `bytes`, a whole number of at least 0. */
export function formatSize(bytes: number): string {
  assert(Number.isSafeInteger(bytes) && bytes >= 0, `${bytes} is no number of bytes`);
  return bytes === 0 ? '0B' : format(bytes, SIZE_UNITS);
}

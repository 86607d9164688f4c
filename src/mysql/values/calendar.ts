/**
 * Dates as the servers count them: the proleptic Gregorian calendar, years 1 to 9999. Year 0, month
 * 0, day 0 and days that a month does not have are storable in the source and are no dates.
 */

/** What {@link daysFromDate} gives for anything that is no date; outside the days of all dates. */
export const NO_DATE = 2_147_483_647;

/**
 * Days from 1970-01-01 to a date, negative before it; {@link NO_DATE} when there is no such day.
 */
export function daysFromDate(year: number, month: number, day: number): number {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return NO_DATE;
  if (day > 28 && day > daysInMonth(year, month)) return NO_DATE;
  // The year begins in March here, so that the leap day is its last one.
  const shifted = month > 2 ? year : year - 1;
  const century = (shifted / 100) | 0;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const dayOfYear = (((153 * marchMonth + 2) / 5) | 0) + day - 1;
  const leapDays = ((shifted / 4) | 0) - century + ((century / 4) | 0);
  return shifted * 365 + leapDays + dayOfYear - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return 30 + ((month + (month >> 3)) & 1);
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** A date of three numbers, whether it exists or not, as the servers write it: `2024-02-31`. */
export function dateText(year: number, month: number, day: number): string {
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
}

/** A day counted from 1970-01-01 as `YYYY-MM-DD`. */
export function dayText(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10);
}

/** A time of day or a span from its seconds, as the servers write it: `-838:59:59`, `23:59:59`. */
export function clockText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  return `${digits(hours, 2)}:${digits(Math.floor(seconds / 60) % 60, 2)}:${digits(seconds % 60, 2)}`;
}

/** The fraction of a second with its point; empty without fraction digits. */
export function fractionText(micros: number, fractionDigits: number): string {
  return fractionDigits === 0 ? '' : `.${digits(micros, 6).slice(0, fractionDigits)}`;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

/**
 * Times in Flink's SQL. Its own functions from numbers stop at milliseconds, so microseconds pass
 * through text, whole and exact, also before 1970. The session's time zone must be UTC.
 */

/** TIMESTAMP(6) of an expression of microseconds since 1970, a BIGINT. */
export function timestampFromMicros(micros: string): string {
  const fraction = `MOD(MOD(${micros}, 1000000) + 1000000, 1000000)`;
  const second = `TO_TIMESTAMP_LTZ((${micros} - ${fraction}) / 1000000, 0)`;
  const text = `CONCAT(DATE_FORMAT(${second}, 'yyyy-MM-dd HH:mm:ss'), '.', LPAD(CAST(${fraction} AS STRING), 6, '0'))`;
  return `TRY_CAST(${text} AS TIMESTAMP(6))`;
}

/** TIMESTAMP(6) of an expression of milliseconds since 1970, a BIGINT. */
export function timestampFromMillis(millis: string): string {
  return `CAST(TO_TIMESTAMP_LTZ(${millis}, 3) AS TIMESTAMP(6))`;
}

/** TIMESTAMP_LTZ(6) of a text such as `2026-01-02T03:04:05.678901Z`; NULL for other zones. */
export function instantFromText(text: string): string {
  const plain = `REPLACE(REPLACE(${text}, 'T', ' '), 'Z', '')`;
  return `CASE WHEN ${text} LIKE '%Z' THEN CAST(TRY_CAST(${plain} AS TIMESTAMP(6)) AS TIMESTAMP_LTZ(6)) END`;
}

/** DATE of an expression of days since 1970, an INT. */
export function dateFromDays(days: string): string {
  return `TIMESTAMPADD(DAY, ${days}, DATE '1970-01-01')`;
}

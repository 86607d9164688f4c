/**
 * Times by which files had been appended to a table, for files whose names do not say it: a few
 * sequence numbers of the table, each with a moment at which all files up to it were there. The
 * text is that of the summary key `firn.appended` (docs/spec/ledger.md L17).
 */

/** All files with a data sequence number up to `sequence` were there by `atMs`. */
export interface AppendTime {
  readonly sequence: bigint;
  /** Milliseconds since 1970, by Firn's clock. */
  readonly atMs: number;
}

/** `17@1767225600000,25@1767229200000`: rising in both. */
export function formatAppendTimes(times: readonly AppendTime[]): string {
  return times.map(({ sequence, atMs }) => `${sequence}@${atMs}`).join(',');
}

/** Reads {@link formatAppendTimes}'s text; `null` when it is not one. */
export function parseAppendTimes(text: string): readonly AppendTime[] | null {
  if (!/^\d{1,18}@\d{1,15}(?:,\d{1,18}@\d{1,15})*$/.test(text)) return null;
  return text.split(',').map((one) => {
    const [sequence = '', atMs = ''] = one.split('@');
    return { sequence: BigInt(sequence), atMs: Number.parseInt(atMs, 10) };
  });
}

/** A moment by which a file of this data sequence number was there; `null`: none is known. */
export function appendedBy(times: readonly AppendTime[], sequence: bigint): number | null {
  return times.find((one) => one.sequence >= sequence)?.atMs ?? null;
}

/** Moments that are kept within the time that is asked about. */
const TIMES = 16;

/**
 * The times with that of now, where the last one is old enough; `null`: they stay as they are. Of
 * those beyond `rangeMs` the newest is kept, which says all that the older ones do.
 */
export function withAppendTime(
  times: readonly AppendTime[],
  now: AppendTime,
  rangeMs: number,
): readonly AppendTime[] | null {
  const last = times.at(-1);
  const isNews = last === undefined || last.sequence < now.sequence;
  const isDue = last === undefined || now.atMs - last.atMs >= rangeMs / TIMES;
  if (!isNews || !isDue) return null;
  const over = times.findLastIndex(({ atMs }) => now.atMs - atMs > rangeMs);
  // A shorter range than before leaves more than are needed; any may go, for others are later.
  const kept = times.slice(Math.max(0, over)).slice(-2 * TIMES);
  return [...kept, now];
}

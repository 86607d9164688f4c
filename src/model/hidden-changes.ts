/**
 * What a server does that Debezium carries wrongly and that leaves no trace in its topics: XA
 * transactions, compressed ones, files of the log past 4 GiB. The server counts them; the counts of
 * two looks tell whether any is new (docs/spec/cluster.md E19, docs/spec/source-debezium.md D9).
 */
import { toSafeNumber } from '../kernel/integers.ts';

/** The server's counts. They begin anew when the server does. */
export interface HiddenChanges {
  /** For how many seconds the server has been running. */
  readonly uptimeS: bigint;
  /** XA transactions that were prepared. */
  readonly xaPrepared: bigint;
  /** Transactions that stand compressed in the log; `null`: the server cannot do that. */
  readonly compressed: bigint | null;
  /** Bytes of the longest file of the log. */
  readonly logFileBytesMax: bigint;
}

/** Counts as they were when everything had been carried. */
export interface CarriedCounts {
  /** When the server started, by Firn's clock. */
  readonly startedMs: number;
  readonly xaPrepared: bigint;
  readonly compressed: bigint | null;
}

/** What a look has found. */
export type CarriedVerdict =
  /** Nothing new; `counts` are those to compare the next look with. */
  | { readonly kind: 'carried'; readonly counts: CarriedCounts }
  /** `what`: half a sentence or a whole one, without its end. */
  | { readonly kind: 'not-carried'; readonly what: string };

/** Offsets in the log have 32 bits in the events themselves. */
const LOG_FILE_BYTES_MAX = 2n ** 32n;

/** Clocks and answers differ by less; a server that started anew by more, or it counts less. */
const SAME_START_MS = 10_000;

/** Takes all that has happened so far for carried. */
export function carriedCounts(now: HiddenChanges, nowMs: number): CarriedCounts {
  const startedMs = Math.trunc(nowMs - toSafeNumber(now.uptimeS) * 1000);
  return { startedMs, xaPrepared: now.xaPrepared, compressed: now.compressed };
}

/**
 * Whether anything has happened since `before` that Debezium has not carried. `null`: nothing had
 * when the server started. Of a server that started anew all that it counts is new.
 */
export function judgeHidden(
  now: HiddenChanges,
  before: CarriedCounts | null,
  nowMs: number,
): CarriedVerdict {
  const counts = carriedCounts(now, nowMs);
  const isSameStart =
    before !== null &&
    Math.abs(counts.startedMs - before.startedMs) < SAME_START_MS &&
    now.xaPrepared >= before.xaPrepared &&
    (now.compressed ?? 0n) >= (before.compressed ?? 0n);
  const since = isSameStart ? before : { xaPrepared: 0n, compressed: 0n };
  const what = newHidden(now, since);
  if (what !== null) return { kind: 'not-carried', what };
  return { kind: 'carried', counts: isSameStart ? before : counts };
}

function newHidden(
  now: HiddenChanges,
  since: Pick<CarriedCounts, 'xaPrepared' | 'compressed'>,
): string | null {
  const xa = now.xaPrepared - since.xaPrepared;
  if (xa > 0n) {
    return `${xa} XA transactions were prepared at the server; Debezium sends their changes whether they are committed or not`;
  }
  const compressed = (now.compressed ?? 0n) - (since.compressed ?? 0n);
  if (compressed > 0n) {
    return `${compressed} transactions were compressed in the log; Debezium gives all changes of one the same place`;
  }
  if (now.logFileBytesMax <= LOG_FILE_BYTES_MAX) return null;
  return 'A file of the log is longer than 4 GiB; Debezium’s places in it begin again at 0';
}

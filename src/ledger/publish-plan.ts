/**
 * What of a branch can be brought to main: decided from the places of its rows in the topic alone
 * (docs/spec/cluster.md E16). Main has every record once, so what is published goes on exactly
 * where `firn.offsets` ends, partition by partition, without a record that nobody can account for.
 * Pure.
 */
import { present } from '../kernel/assert.ts';
import type { TopicPlaces } from '../model/cluster-place.ts';

/** Records of one partition, one after the other, that are accounted for. */
export interface OffsetRun {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  /** Included. */
  readonly last: bigint;
  /** Rows that name an offset of the run: more than offsets when one is there twice. */
  readonly rows: bigint;
}

/** A topic as it is, read after the branch. */
export interface TopicNow {
  readonly name: string;
  readonly topicId: string;
  /** Offset of the first record that is still there, by partition. */
  readonly earliest: readonly bigint[];
  /** Offset after the last record, by partition. */
  readonly latest: readonly bigint[];
}

/** Records without a row. */
export interface MissingRecords {
  readonly partition: number;
  readonly first: bigint;
  /** Included. */
  readonly last: bigint;
}

/** Why nothing of a branch may be published. */
export interface PublishRefusal {
  readonly kind: 'refused';
  readonly code: 'LEDGER-BRANCH-CHANGED' | 'LEDGER-RECORDS-REPEATED' | 'LEDGER-TOPIC-CHANGED';
  readonly what: string;
}

/** What to do with a branch. */
export type PublishPlan =
  /** `next`: the offsets after it, by partition. The same as before: there is nothing new. */
  | { readonly kind: 'publish'; readonly next: readonly bigint[] }
  /** Records before rows that are there: to be looked at, or waited for. */
  | { readonly kind: 'missing'; readonly records: readonly MissingRecords[] }
  | PublishRefusal;

/**
 * Next offsets of a topic, by partition, as a ledger has them; partitions that were added since
 * begin at their first record.
 */
export function nextOffsets(
  offsets: TopicPlaces,
  { name, topicId, latest }: TopicNow,
): readonly bigint[] | PublishRefusal {
  const next = offsets.get(topicId);
  if (next === undefined) return topicChanged(`the topic ${name} was made anew`);
  if (next.length > latest.length) return topicChanged(`the topic ${name} has fewer partitions`);
  const behind = next.findIndex((offset, partition) => offset > present(latest[partition], 'end'));
  if (behind >= 0) {
    const what = `partition ${behind} of ${name} ends at ${latest[behind]}, before ${next[behind]}`;
    return topicChanged(`${what}, which the ledger has reached`);
  }
  return latest.map((_, partition) => next[partition] ?? 0n);
}

function topicChanged(what: string): PublishRefusal {
  return { kind: 'refused', code: 'LEDGER-TOPIC-CHANGED', what };
}

/**
 * Judges the records of a branch.
 *
 * @param next offsets that main goes on from, of each partition of the topic
 * @param runs what is accounted for: rows, dead letters, records that were looked at
 */
export function planPublish(
  topic: TopicNow,
  next: readonly bigint[],
  runs: readonly OffsetRun[],
): PublishPlan {
  const after = [...next];
  const missing: MissingRecords[] = [];
  for (const run of runs.toSorted(inOrder)) {
    const refusal = judgeRun(topic, next, run);
    if (refusal !== null) return refusal;
    const expected = present(after[run.partition], 'a partition of the topic');
    if (run.first < expected) {
      const what = `record ${run.first} of partition ${run.partition} of ${topic.name} is there twice`;
      return { kind: 'refused', code: 'LEDGER-RECORDS-REPEATED', what };
    }
    if (run.first > expected) {
      missing.push({ partition: run.partition, first: expected, last: run.first - 1n });
    }
    after[run.partition] = run.last + 1n;
  }
  if (missing.length > 0) return { kind: 'missing', records: missing };
  return { kind: 'publish', next: after };
}

function inOrder(left: OffsetRun, right: OffsetRun): number {
  if (left.partition !== right.partition) return left.partition - right.partition;
  return left.first < right.first ? -1 : left.first > right.first ? 1 : 0;
}

function judgeRun(
  { name, latest }: TopicNow,
  next: readonly bigint[],
  { topic, partition, first, last, rows }: OffsetRun,
): PublishRefusal | null {
  const begin = next[partition];
  const end = latest[partition];
  if (topic !== name || begin === undefined || end === undefined) {
    const what = `rows of partition ${partition} of ${topic === name ? name : 'another topic'}`;
    return { kind: 'refused', code: 'LEDGER-BRANCH-CHANGED', what };
  }
  if (last >= end) {
    const what = `rows of record ${last} of partition ${partition} of ${name}, which ends at ${end}`;
    return { kind: 'refused', code: 'LEDGER-BRANCH-CHANGED', what };
  }
  if (first < begin || rows > last - first + 1n) {
    const what =
      first < begin
        ? `record ${first} of partition ${partition} of ${name} is on main already`
        : `records ${first} to ${last} of partition ${partition} of ${name} have ${rows} rows`;
    return { kind: 'refused', code: 'LEDGER-RECORDS-REPEATED', what };
  }
  return null;
}

/** Whether two lists of next offsets are the same. */
export function sameOffsets(left: readonly bigint[], right: readonly bigint[]): boolean {
  return left.length === right.length && left.every((offset, index) => offset === right[index]);
}

/** Whether everything below `ends` is accounted for. */
export function reaches(next: readonly bigint[], ends: readonly bigint[]): boolean {
  return ends.every((end, partition) => (next[partition] ?? 0n) >= end);
}

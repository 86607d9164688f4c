/**
 * Barriers: how it is known that a ledger over Kafka holds everything up to a place in the source's
 * log (docs/spec/cluster.md E17). A connector stores a place only when every record before it is in
 * Kafka; the ends of the partitions that are read after it are therefore behind all of them. A
 * ledger whose offsets have come to these ends is complete to the place. Pure.
 */
import { compareMarks } from '../model/change-sequence.ts';
import type { SourceMark } from '../ports/source.ts';
import { reaches } from './publish-plan.ts';

/** A place in the log, and where the topics ended after it was stored. */
export interface Barrier {
  readonly mark: SourceMark;
  /** By topic id, of each partition. */
  readonly ends: ReadonlyMap<string, readonly bigint[]>;
  /** Monotonic time at which it was taken. */
  readonly takenMs: number;
}

/** Barriers that wait at most, and how many of them stay until they are reached. */
const BARRIERS_MAX = 16;
const LASTING = 8;

/**
 * Adds a newer barrier. When too many wait, one is given up that is neither among the oldest, which
 * a slow table still has to reach, nor among the newest, one of which may be the last of a load.
 */
export function withBarrier(barriers: readonly Barrier[], newer: Barrier): readonly Barrier[] {
  const last = barriers.at(-1);
  const isNewer =
    last === undefined || compareMarks(last.mark.completeTo, newer.mark.completeTo) < 0;
  if (!isNewer) return barriers;
  const isFull = barriers.length >= BARRIERS_MAX;
  return [...(isFull ? barriers.toSpliced(LASTING, 1) : barriers), newer];
}

/** The newest barrier that a topic's records have come to; `null`: none yet. */
export function reachedBarrier(
  barriers: readonly Barrier[],
  topicId: string,
  next: readonly bigint[],
): Barrier | null {
  const isReached = ({ ends }: Barrier): boolean => {
    const own = ends.get(topicId);
    return own !== undefined && reaches(next, own);
  };
  return barriers.findLast(isReached) ?? null;
}

/** The barriers that are still needed once every table has reached `mark`: that one and later. */
export function barriersFrom(
  barriers: readonly Barrier[],
  { completeTo }: SourceMark,
): readonly Barrier[] {
  return barriers.filter(({ mark }) => compareMarks(mark.completeTo, completeTo) >= 0);
}

/**
 * Where a new job begins to read: exactly where main's offsets end. A ledger that has begun behind
 * a gap, or just now, may take a topic up at its first record; any other one whose records are gone
 * has lost changes, which is never passed over (docs/spec/cluster.md E16).
 */
import { FirnError } from '../../../kernel/firn-error.ts';
import type { LedgerState } from '../../../lake/table-state.ts';
import { nextOffsets } from '../../../ledger/publish-plan.ts';
import type { TopicNow } from '../../../ledger/publish-plan.ts';
import { compareMarks } from '../../../model/change-sequence.ts';

/**
 * Next offset of each partition.
 *
 * @throws {FirnError} LEDGER-TOPIC-CHANGED, LEDGER-RECORDS-LOST
 */
export function startOf(state: LedgerState, topic: TopicNow, where: string): readonly bigint[] {
  const { gap, completeTo, cluster } = state;
  const offsets = cluster?.offsets ?? new Map<string, readonly bigint[]>();
  const isFresh = gap !== null && compareMarks(gap, completeTo) === 0;
  if (offsets.size === 0 || (isFresh && !offsets.has(topic.topicId))) return topic.earliest;
  const next = nextOffsets(offsets, topic);
  if ('kind' in next) throw new FirnError(next.code, { what: next.what, where });
  const behind = next.findIndex((offset, partition) => offset < (topic.earliest[partition] ?? 0n));
  if (behind < 0) return next;
  if (isFresh) {
    return next.map((offset, partition) => {
      const first = topic.earliest[partition] ?? 0n;
      return first > offset ? first : offset;
    });
  }
  const what = `partition ${behind} of ${topic.name} begins at ${topic.earliest[behind]}, and records from ${next[behind]} on were not read`;
  throw new FirnError('LEDGER-RECORDS-LOST', { what, where });
}

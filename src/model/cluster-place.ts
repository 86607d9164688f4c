/**
 * Where a ledger stands that a cluster writes: which records of its topic are on main, and up to
 * which file of which branch. The texts are those of the summary keys `firn.offsets` and
 * `firn.published` (docs/spec/cluster.md E15); a text that cannot be read gives `null`, never a
 * default.
 */
import { parseJson } from '../kernel/lossless-json.ts';

/** The place of one ledger. */
export interface ClusterPlace {
  /**
   * Next offset of each partition, by topic id: every record below is on main or among the dead
   * letters, none at or above is. Empty: nothing of a topic was begun with.
   */
  readonly offsets: TopicPlaces;
  /** `null`: no job was started since. */
  readonly published: PublishedBranch | null;
}

/** Next offsets, by topic id and number of the partition. */
export type TopicPlaces = ReadonlyMap<string, readonly bigint[]>;

/** A branch, and up to which of its files main has them. */
export interface PublishedBranch {
  readonly branch: string;
  /** Data sequence number: files at or below are on main, or were there before the branch. */
  readonly sequence: bigint;
}

/** The place of a ledger that no job has begun with. */
export const NO_PLACE: ClusterPlace = { offsets: new Map(), published: null };

/** `{"id":"12,0"}`: the form of `firn.offsets`. */
export function formatOffsets(offsets: TopicPlaces): string {
  const entries = [...offsets].map(([topicId, next]) => [topicId, next.join(',')] as const);
  return JSON.stringify(Object.fromEntries(entries));
}

/** Reads {@link formatOffsets}'s text; `null` when it is not one. */
export function parseOffsets(text: string): TopicPlaces | null {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    // Not JSON: the caller names key and snapshot.
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const offsets = new Map<string, readonly bigint[]>();
  for (const [topicId, next] of Object.entries(value)) {
    if (typeof next !== 'string' || !/^\d{1,19}(?:,\d{1,19})*$/.test(next)) return null;
    offsets.set(topicId, next.split(',').map(BigInt));
  }
  return offsets;
}

/** `17@branch`: the form of `firn.published`. */
export function formatPublished({ branch, sequence }: PublishedBranch): string {
  return `${sequence}@${branch}`;
}

/** Reads {@link formatPublished}'s text; `null` when it is not one. */
export function parsePublished(text: string): PublishedBranch | null {
  const match = /^(\d{1,19})@(.+)$/s.exec(text);
  return match === null ? null : { branch: match[2] ?? '', sequence: BigInt(match[1] ?? '') };
}

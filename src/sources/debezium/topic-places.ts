/**
 * A position in the topics of a connector: the next offset of each table's topic, by its id, and
 * the sequence up to which everything before it was delivered. The place of the database's own log
 * that goes with it proves later that the history is the same (docs/spec/source-debezium.md D2).
 */
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import type { CarriedCounts } from '../../model/hidden-changes.ts';

/** Next offset in one topic. */
export interface TopicPlace {
  readonly topicId: string;
  readonly offset: bigint;
}

/** A position; the text of a `SourcePosition` of this source. */
export interface TopicPlaces {
  /** Everything at or below it was delivered before this place. */
  readonly seq: bigint;
  /** The database's own place, as its source writes it. */
  readonly history: string;
  /** What the server had done by then that Debezium hides; `null`: nothing is read from here. */
  readonly carried: CarriedCounts | null;
  /** By name; `null`: there was no such topic yet, so it is read from its first record on. */
  readonly topics: ReadonlyMap<string, TopicPlace | null>;
}

/** Where reading begins. */
export interface StreamStart {
  readonly from: TopicPlaces;
  /** Of tables whose own place is further on, by name. */
  readonly own: ReadonlyMap<string, TopicPlaces>;
}

/** The text of a position: equal positions have equal text. */
export function formatPlaces({ seq, history, carried, topics }: TopicPlaces): string {
  const sorted = [...topics].toSorted(([left], [right]) => (left < right ? -1 : 1));
  const entries = sorted.map(([name, place]) => {
    return [name, place === null ? null : `${place.topicId}@${place.offset}`];
  });
  return JSON.stringify([String(seq), history, Object.fromEntries(entries), countsText(carried)]);
}

function countsText(carried: CarriedCounts | null): string {
  if (carried === null) return '';
  const { startedMs, xaPrepared, compressed } = carried;
  return [startedMs, xaPrepared, compressed ?? '-'].join('/');
}

/** `undefined`: not {@link countsText}'s. */
function parseCounts(text: string): CarriedCounts | null | undefined {
  if (text === '') return null;
  const found = /^(\d{1,15})\/(\d{1,19})\/(-|\d{1,19})$/.exec(text);
  if (found === null) return undefined;
  const [, startedMs = '', xaPrepared = '', compressed = ''] = found;
  return {
    startedMs: Number.parseInt(startedMs, 10),
    xaPrepared: BigInt(xaPrepared),
    compressed: compressed === '-' ? null : BigInt(compressed),
  };
}

/** Reads {@link formatPlaces}'s text; `null` when it is not one. */
export function parsePlaces(token: string): TopicPlaces | null {
  let value: JsonValue;
  try {
    value = parseJson(token);
  } catch {
    // Not one of this source.
    return null;
  }
  if (!Array.isArray(value) || value.length !== 4) return null;
  const [seq, history, listed, counts] = value as readonly JsonValue[];
  const carried = typeof counts === 'string' ? parseCounts(counts) : undefined;
  if (carried === undefined) return null;
  if (typeof seq !== 'string' || !/^\d{1,19}$/.test(seq) || typeof history !== 'string')
    return null;
  if (typeof listed !== 'object' || listed === null || Array.isArray(listed)) return null;
  const topics = new Map<string, TopicPlace | null>();
  for (const [name, text] of Object.entries(listed)) {
    const found = typeof text === 'string' ? /^([\da-f-]{36})@(\d{1,19})$/.exec(text) : null;
    if (text !== null && found === null) return null;
    const [, topicId = '', offset = ''] = found ?? [];
    topics.set(name, found === null ? null : { topicId, offset: BigInt(offset) });
  }
  return { seq: BigInt(seq), history, carried, topics };
}

/** The place from which everything after either of two is read. */
export function olderPlaces(left: TopicPlaces, right: TopicPlaces): TopicPlaces {
  const [older, newer] = left.seq <= right.seq ? [left, right] : [right, left];
  return combined(older, newer, (first, second) => {
    if (first === null || second === null) return null;
    return first.offset <= second.offset ? first : second;
  });
}

/** The place that has passed everything that both have passed. */
export function newerPlaces(left: TopicPlaces, right: TopicPlaces): TopicPlaces {
  const [newer, older] = left.seq > right.seq ? [left, right] : [right, left];
  return combined(newer, older, (first, second) => {
    if (first === null || second === null) return first ?? second;
    return first.offset >= second.offset ? first : second;
  });
}

/** Sequence, history and counts are those of `main`; a topic that only one has is as it has it. */
function combined(
  main: TopicPlaces,
  other: TopicPlaces,
  choose: (left: TopicPlace | null, right: TopicPlace | null) => TopicPlace | null,
): TopicPlaces {
  const topics = new Map(main.topics);
  for (const [name, place] of other.topics) {
    const own = topics.get(name);
    topics.set(name, own === undefined ? place : choose(own, place));
  }
  return { ...main, carried: main.carried ?? other.carried, topics };
}

/** Whether a topic was read to where it ended after the barrier was taken. */
export function isReadTo(one: {
  readonly place: { readonly offset: bigint } | null;
  readonly readTo: bigint | null;
}): boolean {
  return one.readTo !== null && (one.place?.offset ?? 0n) >= one.readTo;
}

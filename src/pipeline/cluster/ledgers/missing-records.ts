/**
 * Records of a topic that left no row. Flink drops what is no JSON object without a word; such
 * a record is set aside as a dead letter here. A record that Flink reads leaves a row or a dead
 * letter of its own sooner or later, so it is waited for. One that is gone from the topic can be
 * accounted for by nobody (docs/spec/cluster.md E16).
 */
import type { MissingRecords, OffsetRun, TopicNow } from '../../../ledger/publish-plan.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import { parseJson } from '../../../kernel/lossless-json.ts';
import type { LedgerServices } from './ledger-services.ts';

/** Records that are set aside in one go: they are written as text of one statement. */
const RECORDS_MAX = 5000;

const NO_RECORD = 'there is no record at this offset';

/** A record that Flink can make nothing of. */
export interface UnreadRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly reason: string;
}

/** What was found at missing places. */
export interface FoundRecords {
  readonly unread: readonly UnreadRecord[];
  /** The first place that is no such record; `null`: there is none. */
  readonly open: OpenRecords | null;
  /** There are more, which were not looked at. */
  readonly isCut: boolean;
}

/** Records that are waited for. */
export interface OpenRecords extends MissingRecords {
  /** Not in the topic any more: only a row that was made before can account for them. */
  readonly isGone: boolean;
}

/**
 * Looks at missing records up to a bounded number, and no further than the first that Flink may
 * make something of.
 */
export async function lookAtRecords(
  { records: reader }: Pick<LedgerServices, 'records'>,
  topic: TopicNow,
  missing: readonly MissingRecords[],
): Promise<FoundRecords> {
  const unread: UnreadRecord[] = [];
  for (const range of missing) {
    const end = await lookAtRange(reader, { topic, range, unread });
    if (end === 'cut') return { unread, open: null, isCut: true };
    if (end !== null) return { unread, open: end, isCut: false };
  }
  return { unread, open: null, isCut: false };
}

/** Adds to `unread` what it finds, as far as there is room; gives why it ended early, or `null`. */
async function lookAtRange(
  reader: LedgerServices['records'],
  found: {
    readonly topic: TopicNow;
    readonly range: MissingRecords;
    readonly unread: UnreadRecord[];
  },
): Promise<OpenRecords | 'cut' | null> {
  const { topic, range, unread } = found;
  const { partition, first, last } = range;
  const place = { topic: topic.name, topicId: topic.topicId, partition, offset: first };
  let offset = first;
  /** Whether there was room up to `end`. */
  const addTo = (end: bigint, reason: string): boolean => {
    for (; offset < end && unread.length < RECORDS_MAX; offset++) {
      unread.push({ partition, offset, reason });
    }
    return offset >= end;
  };
  try {
    for await (const records of reader.read({ ...place, to: last + 1n })) {
      for (const { offset: at, value } of records) {
        if (!addTo(at, NO_RECORD)) return 'cut';
        const reason = unreadReason(value);
        if (reason === null) return { partition, first: at, last: at, isGone: false };
        if (!addTo(at + 1n, reason)) return 'cut';
      }
    }
  } catch (error) {
    if (!isFirnError(error, 'KAFKA-OFFSETS-GONE')) throw error;
    return { partition, first: offset, last, isGone: true };
  }
  return addTo(last + 1n, NO_RECORD) ? null : 'cut';
}

/** Why Flink makes nothing of a value; `null`: it may make something of it. */
function unreadReason(value: Uint8Array | null): string | null {
  if (value === null) return 'the record has no value';
  const text = textOf(value);
  if (text === null) return 'the record is no text in UTF-8';
  return isObject(text) || isObject(withoutTail(text)) ? null : 'the record is no JSON object';
}

function textOf(value: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    // Not UTF-8: that is the answer.
    return null;
  }
}

/** Flink takes control characters inside of texts, which JSON does not allow. */
function isObject(text: string): boolean {
  try {
    const json: unknown = parseJson(text.replaceAll(/\p{Cc}/gu, ' '));
    return typeof json === 'object' && json !== null && !Array.isArray(json);
  } catch {
    // No JSON: that is the answer.
    return false;
  }
}

/** The text up to the end of the object that it begins with: Flink reads no further. */
function withoutTail(text: string): string {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') inText = !inText;
    else if (inText && character === '\\') at += 1;
    else if (inText) continue;
    else if (character === '{') depth += 1;
    else if (character === '}' && --depth === 0) return text.slice(0, at + 1);
  }
  return text;
}

/** Records that were looked at, as runs of places that are accounted for. */
export function unreadRuns(topic: string, unread: readonly UnreadRecord[]): readonly OffsetRun[] {
  return unread.map(({ partition, offset }) => {
    return { topic, partition, first: offset, last: offset, rows: 1n };
  });
}

/** Why a table stops that has waited for records long enough. */
export function lostError(
  { partition, first, last, isGone }: OpenRecords,
  names: { readonly topic: string; readonly table: string },
): FirnError {
  const records = first === last ? `record ${first}` : `records ${first} to ${last}`;
  const what = `${records} of partition ${partition} of ${names.topic} left no row`;
  return new FirnError('LEDGER-RECORDS-LOST', {
    what: isGone ? `${what}, and can no longer be read` : what,
    where: names.table,
    ...(isGone
      ? {}
      : { remedy: 'The record is still there: `firn resume FILE --table T` has it read again.' }),
  });
}

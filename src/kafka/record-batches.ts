/**
 * Record batches as brokers keep them, made into records. What a transaction took back and the
 * marks of transactions themselves are passed over; their offsets stay used.
 */
import type { RecordsBatch } from '@platformatic/kafka';

/** A record, its bytes as they were produced. They share memory with their batch. */
export interface KafkaRecord {
  readonly offset: bigint;
  /** As the producer or, for topics that are set so, the broker stamped it; since 1970. */
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  /** `null`: a tombstone. */
  readonly value: Uint8Array | null;
  /** Names and values in the order of the producer. */
  readonly headers: readonly (readonly [Uint8Array | null, Uint8Array | null])[];
}

/** A transaction that was taken back: its producer's records from an offset to its mark. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

const STAMPED_BY_BROKER = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Type of the mark that takes a transaction back, in the key of its record. */
const ABORT = 0;

/**
 * Records from `from` on. `next` is the offset after the last batch: `from` where there was none.
 */
export function recordsOf(
  batches: readonly RecordsBatch[],
  { from, aborted }: { readonly from: bigint; readonly aborted: readonly AbortedTransaction[] },
): { readonly records: readonly KafkaRecord[]; readonly next: bigint } {
  const records: KafkaRecord[] = [];
  const waiting = aborted.toSorted((left, right) =>
    left.firstOffset < right.firstOffset ? -1 : 1,
  );
  const takenBack = new Set<bigint>();
  let next = from;
  for (const batch of batches) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    if (last < from) continue;
    next = last + 1n;
    while ((waiting[0]?.firstOffset ?? next) <= last) {
      takenBack.add(waiting.shift()?.producerId ?? -1n);
    }
    if ((batch.attributes & CONTROL) !== 0) {
      if (batch.records.some(isAbort)) takenBack.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & TRANSACTIONAL) !== 0 && takenBack.has(batch.producerId)) continue;
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta);
      if (offset >= from) records.push(recordOf(batch, record, offset));
    }
  }
  return { records, next };
}

type BatchRecord = RecordsBatch['records'][number];

function recordOf(batch: RecordsBatch, record: BatchRecord, offset: bigint): KafkaRecord {
  const isStamped = (batch.attributes & STAMPED_BY_BROKER) !== 0;
  return {
    offset,
    timestampMs: isStamped ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta,
    key: record.key,
    value: record.value,
    headers: record.headers,
  };
}

/** The key of a mark: version and type, 16 bits each. */
function isAbort({ key }: BatchRecord): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT;
}

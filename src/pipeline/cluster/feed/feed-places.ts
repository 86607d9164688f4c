/**
 * How far Firn's own reader has written a source's changes into the topics, kept in a topic of its
 * own: a record is written only when Kafka has acknowledged every change before its place. It names
 * the topics of which that is so; a table that was halted, or whose topic was made anew, is not
 * among them. Any record is true for good, so the one that is furthest counts: what a process that
 * was killed had still under way changes nothing when it arrives late (docs/spec/cluster.md E27).
 */
import { epochName, placesTopic } from '../../../cluster/cluster-names.ts';
import { listAt, textAt } from '../../../engines/cluster/json-answer.ts';
import { KafkaReader } from '../../../kafka/kafka-reader.ts';
import type { NewRecord } from '../../../kafka/kafka-producer.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { parseJson } from '../../../kernel/lossless-json.ts';
import type { JsonValue } from '../../../kernel/lossless-json.ts';
import { compareMarks, formatMark, parseMark } from '../../../model/change-sequence.ts';
import { formatPosition, parsePosition } from '../../../model/source-position.ts';
import type { SourceMark } from '../../../ports/source.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { ClusterServices } from '../cluster-services.ts';

/** A place that is stored. */
export interface FeedPlace extends SourceMark {
  /**
   * Ids of the topics that have every change of their table up to it. Of none: the place was only
   * announced before something up to it was written, so that a source that loses it is found out.
   */
  readonly topicIds: ReadonlySet<string>;
}

/** Records that are looked at: the last one, and what may have arrived late behind it. */
const RECORDS_MAX = 64n;

/** The record of a place, for the feed of an epoch. */
export function placeRecord(name: string, place: FeedPlace): NewRecord {
  const value = {
    version: 1,
    position: formatPosition(place.position),
    completeTo: formatMark(place.completeTo),
    topics: [...place.topicIds].toSorted(),
  };
  return {
    topic: placesTopic(name),
    partition: 0,
    // Each kind has a key of its own: compaction keeps the newest of both.
    key: new TextEncoder().encode(place.topicIds.size > 0 ? name : `${name}:announced`),
    value: new TextEncoder().encode(JSON.stringify(value)),
  };
}

/**
 * The furthest place that is stored for the feed of an epoch; `null`: there is none. Places that
 * were only announced are among them, unless `counts` leaves them out.
 *
 * @throws {FirnError} PIPELINE-STATE-INVALID, and those of Kafka
 */
export async function readFeedPlace(
  services: Pick<ClusterServices, 'kafka'> & { readonly records: Pick<KafkaReader, 'read'> },
  name: string,
  counts: (place: FeedPlace) => boolean = () => true,
): Promise<FeedPlace | null> {
  const topic = placesTopic(name);
  if (!(await services.kafka.find([topic])).has(topic)) return null;
  const { topicId, earliest, latest } = await services.kafka.offsets(topic);
  const [first = 0n, end = 0n] = [earliest[0], latest[0]];
  const offset = end - RECORDS_MAX > first ? end - RECORDS_MAX : first;
  if (offset >= end) return null;
  let furthest: FeedPlace | null = null;
  for await (const records of services.records.read({
    topic,
    topicId,
    partition: 0,
    offset,
    to: end,
  })) {
    for (const { value } of records) {
      const place = value === null ? null : placeOf(value, topic);
      if (place === null || !counts(place)) continue;
      const isFurther =
        furthest === null || compareMarks(place.completeTo, furthest.completeTo) >= 0;
      if (isFurther) furthest = place;
    }
  }
  return furthest;
}

/** The furthest place that the feed of an epoch has stored; `null`: there is none, or no feed. */
export async function fedPlace(parts: PipelineParts, epoch: number): Promise<SourceMark | null> {
  const { config, clock, random } = parts;
  if (config.source.type === 'mysql') return null;
  const cluster = present(config.cluster, 'the services of a cluster pipeline');
  const { bootstrapServers } = cluster.kafka;
  const records = new KafkaReader({ address: { bootstrapServers }, clock, random });
  try {
    const { kafka } = await parts.services.of(cluster);
    return await readFeedPlace({ kafka, records }, epochName(config.name, epoch));
  } finally {
    await records.close();
  }
}

function placeOf(value: Uint8Array, where: string): FeedPlace {
  let record: JsonValue = null;
  try {
    record = parseJson(new TextDecoder().decode(value));
  } catch {
    // No JSON: it lacks everything below.
  }
  const position = parsePosition(textAt(record, 'position') ?? '');
  const completeTo = parseMark(textAt(record, 'completeTo') ?? '');
  if (position === null || completeTo === null) {
    throw new FirnError('PIPELINE-STATE-INVALID', {
      what: 'A record of the place up to which the source was read is damaged',
      where,
      remedy:
        'Delete the topic: Firn makes it again, and writes what came after the ledgers’ own places once more.',
    });
  }
  const ids = listAt(record, 'topics').filter((id): id is string => typeof id === 'string');
  return { position, completeTo, topicIds: new Set(ids) };
}

/**
 * How long Kafka keeps what the ledgers have not got yet (docs/spec/cluster.md E23): said by table,
 * before anything is lost, from the records themselves: the oldest that a ledger lacks, and the
 * shorter of the topic's own retention and the one that the pipeline file asks for.
 */
import { epochName, tableTopic } from '../../../cluster/cluster-names.ts';
import type { PipelineConfig } from '../../../config/pipeline-config.ts';
import type { KafkaAdmin } from '../../../kafka/kafka-admin.ts';
import type { KafkaReader } from '../../../kafka/kafka-reader.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import type { Random } from '../../../kernel/random.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import type { Finding } from '../../../ports/source.ts';
import { readHalts } from '../../state/halts.ts';
import { ruleFor } from '../../state/schema-store.ts';
import { viewTables } from '../../view/lake-view.ts';
import type { LakeReaderParts, TableView } from '../../view/lake-view.ts';

/** What is looked at, and with what. */
export interface KeptParts extends LakeReaderParts {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly kafka: Pick<KafkaAdmin, 'offsets' | 'describe'>;
}

/** One read of a record: the brokers need not wait for another one. */
const BOUNDS = { waitMs: 500, bytesMax: 1024 * 1024 } as const;

/** A person waits for the answer. */
const POLICY = { attemptsMax: 2, pauseMs: 200, pauseMsMax: 1000 } as const;

const HOUR_MS = 60 * 60 * 1000;

/**
 * One finding for each table whose ledger lacks records: an error where some are gone, a warning
 * when less than half of the time is left.
 */
export async function keptRecords(parts: KeptParts): Promise<readonly Finding[]> {
  const { cluster } = parts.config;
  if (parts.config.engine !== 'cluster' || cluster === null) return [];
  const { clock, random } = parts;
  const address = { bootstrapServers: cluster.kafka.bootstrapServers };
  const { KafkaReader: Reader } = await import('../../../kafka/kafka-reader.ts');
  const reader = new Reader({ address, clock, random });
  try {
    const halts = await readHalts(parts.state);
    const findings: Finding[] = [];
    for (const view of await viewTables(parts)) {
      const isGone = ruleFor(parts.config, view.schema.table) === null;
      if (isGone || halts.get(view.name)?.scope === 'retired') continue;
      const found = await keptOf({ ...parts, reader }, view, cluster.kafka.retentionMs);
      if (found !== null) findings.push(found);
    }
    return findings;
  } catch (error) {
    // Before the first run there is nothing to lack.
    if (isFirnError(error, 'PIPELINE-STATE-MISSING')) return [];
    throw error;
  } finally {
    await reader.close();
  }
}

/** The same for a person; a Kafka that does not answer is said by whoever looks at it. */
export async function inspectKept(parts: Omit<KeptParts, 'kafka'>): Promise<readonly Finding[]> {
  const { config, clock, random } = parts;
  if (config.cluster === null) return [];
  const address = { bootstrapServers: config.cluster.kafka.bootstrapServers };
  const { KafkaAdmin: Admin } = await import('../../../kafka/kafka-admin.ts');
  const kafka = new Admin({ address, clock, random, retryPolicy: POLICY });
  try {
    return await keptRecords({ ...parts, kafka });
  } catch (error) {
    if (isFirnError(error, 'KAFKA-UNREACHABLE')) return [];
    throw error;
  } finally {
    await kafka.close();
  }
}

/** What is to be said of a table; `null`: its ledger has all records, or a new topic is begun. */
async function keptOf(
  parts: KeptParts & { readonly reader: KafkaReader },
  view: TableView,
  retentionMs: number,
): Promise<Finding | null> {
  const { ledgerState } = view;
  const cluster = ledgerState?.cluster ?? null;
  if (ledgerState === null || cluster === null) return null;
  const { gap, completeTo } = ledgerState;
  // It takes the topic up at its first record: the copy holds what was before.
  if (gap !== null && compareMarks(gap, completeTo) === 0) return null;
  const topic = tableTopic(epochName(parts.config.name, completeTo.epoch), view.schema.table);
  const described = (await parts.kafka.describe([topic])).get(topic);
  const next = described === undefined ? undefined : cluster.offsets.get(described.topicId);
  // A topic that is gone or another one is what reconciling says.
  if (described === undefined || next === undefined) return null;
  const { topicId } = described;
  const { earliest, latest } = await parts.kafka.offsets(topic);
  const places = latest.flatMap((end, partition) => {
    const offset = next[partition] ?? 0n;
    const first = earliest[partition] ?? 0n;
    return offset < end ? [{ topic, topicId, partition, offset, first, count: end - offset }] : [];
  });
  const lost = places.find(({ offset, first }) => offset < first);
  const { table } = view.schema;
  if (lost !== undefined) {
    const { partition, offset, first } = lost;
    const message = `Kafka has removed the records ${offset} to ${first - 1n} of partition ${partition} of ${topic}, which are not in the ledger`;
    const fix = `firn bootstrap ${parts.config.fileName} --table ${table.table}`;
    return { severity: 'error', code: 'LEDGER-RECORDS-LOST', table, message, fix };
  }
  if (places.length === 0) return null;
  const set = Number.parseInt(described.settings.get('retention.ms') ?? '-1', 10);
  const keptMs = set < 0 ? retentionMs : Math.min(set, retentionMs);
  const leftMs = (await oldest(parts.reader, places)) + keptMs - parts.clock.nowMs();
  const count = places.reduce((sum, place) => sum + place.count, 0n);
  const message = `${count} of its records are not in the ledger yet; Kafka keeps the oldest of them for ${durationText(leftMs)}`;
  const severity = leftMs < keptMs / 2 ? 'warning' : 'ok';
  return { severity, code: 'kafka-kept', table, message, fix: null };
}

/** When the oldest of the next records was made, milliseconds since 1970. */
async function oldest(
  reader: KafkaReader,
  places: Parameters<KafkaReader['fetch']>[0],
): Promise<number> {
  const times: number[] = [];
  for (const place of places) {
    const [record] = (await reader.fetch([place], BOUNDS))[0]?.records ?? [];
    // Brokers that give no record in time: said is the worst.
    times.push(record === undefined ? 0 : toSafeNumber(record.timestampMs));
  }
  return Math.min(...times);
}

/** `2 d`, `5 h`, `40 min`; never more than there is. */
function durationText(ms: number): string {
  if (ms <= 0) return 'no longer than now';
  const hours = Math.floor(ms / HOUR_MS);
  if (hours >= 48) return `${Math.floor(hours / 24)} d`;
  return hours >= 2 ? `${hours} h` : `${Math.floor(ms / 60_000)} min`;
}

/**
 * What Firn has told a cluster for a pipeline, as stored beside its tables. A name is recorded
 * before it is used: what has one of our names and is not on record is somebody else's, wherever
 * a process died. No value of an option is in it, only a fingerprint of all of them.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import type { ConnectorConfig } from './capture/connector-config.ts';
import { epochName, placesTopic, stableHash } from './cluster-names.ts';
import type { ActualCapture, ClusterAction, DesiredCapture } from './reconcile-state.ts';

/** A topic that Firn made or was about to make. */
export interface AppliedTopic {
  /** Kafka's id of the topic; `null`: it was asked for, and not seen yet. */
  readonly id: string | null;
  /** Partitions it had when last seen. */
  readonly partitions: number;
  /** The connector was told to leave its table out: what changed since is not in it. */
  readonly isLeft: boolean;
}

/** A connector that Firn made or was about to make. */
export interface AppliedConnector {
  /** Of the options that were told last. */
  readonly fingerprint: string;
  /** Whether it has run since it was told something: if it stands still, somebody stopped it. */
  readonly hasRun: boolean;
  /** Places in the source that it had stored when last seen, as Connect gave them; `null`: none. */
  readonly offsets: JsonValue;
}

/** What a pipeline has in a cluster, by Firn's own doing. */
export interface AppliedCluster {
  readonly topics: ReadonlyMap<string, AppliedTopic>;
  /** By name: one per epoch. */
  readonly connectors: ReadonlyMap<string, AppliedConnector>;
}

/** A pipeline that has told a cluster nothing. */
export const NOTHING_APPLIED: AppliedCluster = {
  topics: new Map(),
  connectors: new Map(),
};

/** The newest epoch that a cluster was told; `null`: none of the pipeline's. */
export function newestEpoch(
  { connectors, topics }: AppliedCluster,
  pipeline: string,
): number | null {
  const epochs = [...connectors.keys(), ...topics.keys()]
    .map((name) => Number.parseInt(/\.(\d{1,9})(?:\.[a-z]+)?$/.exec(name)?.[1] ?? '0', 10))
    .filter((epoch) => {
      const name = epochName(pipeline, epoch);
      return connectors.has(name) || topics.has(placesTopic(name));
    });
  return epochs.length === 0 ? null : Math.max(...epochs);
}

/** The record as JSON text. */
export function appliedToJson({ topics, connectors }: AppliedCluster): string {
  const value = {
    version: 1,
    topics: Object.fromEntries(topics),
    connectors: Object.fromEntries(connectors),
  };
  return `${stringifyJson(value, 1)}\n`;
}

/**
 * Reads {@link appliedToJson}'s text.
 *
 * @throws {FirnError} PIPELINE-STATE-INVALID
 */
export function appliedFromJson(text: string, where: string): AppliedCluster {
  const invalid = (cause?: unknown): FirnError =>
    new FirnError('PIPELINE-STATE-INVALID', {
      what: 'The record of what the cluster was told is damaged',
      where,
      remedy:
        'Put the file back from a backup. Without it Firn does not know its own topics and connector, and asks for them to be removed by hand.',
      cause,
    });
  let value: JsonObject | null;
  try {
    value = objectOf(parseJson(text));
  } catch (cause) {
    throw invalid(cause);
  }
  const topics = objectOf(value?.['topics']);
  const connectors = objectOf(value?.['connectors']);
  if (value?.['version'] !== 1 || topics === null || connectors === null) throw invalid();
  return {
    topics: mapOf(topics, (item) => {
      const { id, partitions, isLeft } = item;
      if (typeof partitions !== 'number' || !(id === null || typeof id === 'string')) {
        throw invalid();
      }
      return { id, partitions, isLeft: isLeft === true };
    }),
    connectors: mapOf(connectors, (item) => {
      const { fingerprint, hasRun } = item;
      if (typeof fingerprint !== 'string' || typeof hasRun !== 'boolean') throw invalid();
      return { fingerprint, hasRun, offsets: item['offsets'] ?? null };
    }),
  };
}

function mapOf<T>(object: JsonObject, read: (item: JsonObject) => T): ReadonlyMap<string, T> {
  return new Map(Object.entries(object).map(([name, item]) => [name, read(objectOf(item) ?? {})]));
}

function objectOf(value: JsonValue | undefined): JsonObject | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : null;
}

/** What a connector's options are known by on record. */
export function fingerprintOf(config: ConnectorConfig): string {
  const ordered = Object.entries(config).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return stableHash(JSON.stringify(ordered)).toString(16).padStart(16, '0');
}

/** The record after connectors of earlier epochs were stopped. */
export function withoutStopped(
  applied: AppliedCluster,
  actions: readonly ClusterAction[],
): AppliedCluster {
  const connectors = new Map(applied.connectors);
  for (const action of actions) {
    if (action.kind === 'stop-connector') connectors.delete(action.name);
  }
  return { ...applied, connectors };
}

/** The record as it must be before the actions are carried out. */
export function intendedRecord(
  applied: AppliedCluster,
  actions: readonly ClusterAction[],
): AppliedCluster {
  const topics = new Map(applied.topics);
  const connectors = new Map(applied.connectors);
  for (const action of actions) {
    if (action.kind === 'create-topic') {
      const { name, partitions } = action.topic;
      topics.set(name, { id: null, partitions, isLeft: false });
    }
    if (action.kind !== 'put-connector' && action.kind !== 'restore-place') continue;
    const known = applied.connectors.get(action.name);
    const told = action.kind === 'put-connector' ? fingerprintOf(action.config) : null;
    connectors.set(action.name, {
      fingerprint: told ?? known?.fingerprint ?? '',
      offsets: known?.offsets ?? null,
      // Until it is seen to run, it is Firn that has stopped it.
      hasRun: false,
    });
  }
  return { ...applied, topics, connectors };
}

/** The record after looking at what is there now; tables in `lost` are halted by then. */
export function observedRecord(
  desired: DesiredCapture,
  applied: AppliedCluster,
  actual: ActualCapture,
): AppliedCluster {
  const topics = new Map(applied.topics);
  const asked = new Set(desired.topics.map(({ name }) => name));
  for (const [name, topic] of topics) {
    if (!asked.has(name)) topics.set(name, { ...topic, isLeft: true });
  }
  for (const [name, { id, partitions }] of actual.topics) {
    if (asked.has(name) && topics.has(name)) topics.set(name, { id, partitions, isLeft: false });
  }
  const connectors = new Map(applied.connectors);
  const known = connectors.get(desired.name);
  const isRunning = actual.connector?.tasks.some(({ state }) => state === 'RUNNING') === true;
  if (known !== undefined) {
    const offsets = actual.offsets ?? known.offsets;
    connectors.set(desired.name, { ...known, offsets, hasRun: known.hasRun || isRunning });
  }
  return { topics, connectors };
}

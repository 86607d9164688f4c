/**
 * The words of a reconciliation: what a pipeline asks of Kafka and Connect, what they have, and the
 * difference as data. Everything that is decided with them is decided by pure functions.
 */
import type { JsonValue } from '../kernel/lossless-json.ts';
import type { TableName } from '../model/table-schema.ts';
import type { Finding } from '../ports/source.ts';
import type { ConnectorConfig } from './capture/connector-config.ts';
import type { TopicSettings } from './capture/topic-settings.ts';

/** What is asked for. */
export interface DesiredCapture {
  /** Name of the epoch: of its connector, and where the names of its topics begin. */
  readonly name: string;
  readonly topics: readonly TopicSettings[];
  /** The table whose changes are in a topic, by name of the topic. */
  readonly tables: ReadonlyMap<string, TableName>;
  /** Options of the connector, without its name; `null`: Firn itself reads the source. */
  readonly config: ConnectorConfig | null;
}

/** A topic as Kafka has it. */
export interface ActualTopic {
  readonly id: string;
  readonly partitions: number;
  /** Settings by name; of those that Firn sets at least. */
  readonly config: Readonly<Record<string, string>>;
}

/** A connector as Connect has it. */
export interface ActualConnector {
  readonly config: ConnectorConfig;
  /** In Connect's words. */
  readonly state: string;
  readonly tasks: readonly { readonly state: string; readonly failure: string | null }[];
}

/** What is there. */
export interface ActualCapture {
  /** Of the topics that are asked for, those that are there. */
  readonly topics: ReadonlyMap<string, ActualTopic>;
  /** `null`: there is no connector of the name. */
  readonly connector: ActualConnector | null;
  /** Places that Connect has stored for it, as it gave them; `null`: none. They outlive it. */
  readonly offsets: JsonValue;
}

/** Why a connector is told its options; `new` and `gone`: it is made. */
export type PutReason = 'new' | 'gone' | 'changed' | 'drifted';

/**
 * One thing to do; doing it twice does what doing it once does. Options are told to a connector
 * that stands still: a place that is taken afterwards is not before what it reads with them.
 */
export type ClusterAction =
  | { readonly kind: 'stop-connector'; readonly name: string }
  | { readonly kind: 'create-topic'; readonly topic: TopicSettings }
  | {
      readonly kind: 'set-topic';
      readonly name: string;
      /** The settings that differ. */
      readonly config: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'put-connector';
      readonly name: string;
      readonly config: ConnectorConfig;
      readonly because: PutReason;
    }
  /** Connect has lost the connector's place in the source: it gets back the one on record. */
  | { readonly kind: 'restore-place'; readonly name: string; readonly offsets: JsonValue }
  | { readonly kind: 'resume-connector'; readonly name: string }
  | { readonly kind: 'restart-connector'; readonly name: string };

/** A table whose topic is not the one that its ledger goes on from. */
export interface LostTopic {
  readonly table: TableName;
  readonly what: string;
}

/** What is to be done and said. */
export interface ClusterDifference {
  /** In the order in which they must be done. */
  readonly actions: readonly ClusterAction[];
  readonly findings: readonly Finding[];
  /** Changes of these tables were in a topic that is gone: they are loaded again. */
  readonly lost: readonly LostTopic[];
  /** Topics that have more partitions than a job knows that was started before. */
  readonly grown: readonly string[];
}

/** How far a reconciliation goes. */
export interface ReconcileOptions {
  /** A connector that somebody has stopped is started again: only where a person asks for it. */
  readonly resumes: boolean;
  /** Whether it is time to start again what has failed. */
  readonly restarts: boolean;
}

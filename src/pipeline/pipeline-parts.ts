/** Everything a pipeline works with, opened once and handed down. */
import type { CopyLimits } from '../bootstrap/copy-parts.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import type { SecretReader } from '../config/secret-reference.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import type { Metrics } from '../monitor/metrics.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { RowEngine } from '../ports/row-engine.ts';
import type { ChangeSource } from '../ports/source.ts';
import type { ServicePool } from './cluster/cluster-services.ts';
import type { PipelineEvent } from './pipeline-event.ts';
import type { StateFolder } from './state/state-folder.ts';

/** What the command line hands in. */
export interface ServiceParts {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly readSecret: SecretReader;
  /** Folder of the user for locks and sockets. */
  readonly runtimeFolder: string;
  readonly processId: number;
  readonly onEvent: (event: PipelineEvent) => void;
  readonly signal: AbortSignal;
  /** Shared by the pipelines of a process; left out: one of its own. */
  readonly services?: ServicePool;
  /** Left out: those for real tables. */
  readonly copyLimits?: CopyLimits;
}

/** Parts of one pipeline in one process. */
export interface PipelineParts {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly source: ChangeSource;
  readonly engine: RowEngine;
  readonly lake: LakeContext;
  readonly state: StateFolder;
  readonly metrics: Metrics;
  /** Aborts when the process is to end: work that others do for it is given up. */
  readonly signal?: AbortSignal;
  readonly copyLimits?: CopyLimits;
  /** Services of clusters; those of one process share it. */
  readonly services: ServicePool;
  readonly onEvent: (event: PipelineEvent) => void;
}

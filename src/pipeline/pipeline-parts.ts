/** Everything a pipeline works with, opened once and handed down. */
import type { PipelineConfig } from '../config/pipeline-config.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import type { Metrics } from '../monitor/metrics.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { RowEngine } from '../ports/row-engine.ts';
import type { ChangeSource } from '../ports/source.ts';
import type { PipelineEvent } from './pipeline-event.ts';
import type { StateFolder } from './state/state-folder.ts';

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
  readonly onEvent: (event: PipelineEvent) => void;
}

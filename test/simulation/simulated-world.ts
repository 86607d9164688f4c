/**
 * A world for simulated processes: one database, one store, one catalog, one clock. Processes come
 * and go; what they leave is here. Every change of a table's main is watched on its way.
 */
import { MAIN_BRANCH, findRef, refSnapshot } from '../../src/iceberg/snapshot.ts';
import { decodeTableMetadata } from '../../src/iceberg/table-metadata-json.ts';
import type { TableMetadata } from '../../src/iceberg/table-metadata.ts';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../../src/config/pipeline-config.ts';
import { present } from '../../src/kernel/assert.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { prepareSnapshot } from '../../src/lake/snapshot-producer.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import { readStateAtHead } from '../../src/lake/table-state.ts';
import { compareMarks, formatMark } from '../../src/model/change-sequence.ts';
import type { SequenceMark } from '../../src/model/change-sequence.ts';
import { createMetrics } from '../../src/monitor/metrics.ts';
import { ServicePool } from '../../src/pipeline/cluster/cluster-services.ts';
import type { PipelineEvent } from '../../src/pipeline/pipeline-event.ts';
import type { PipelineParts } from '../../src/pipeline/pipeline-parts.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import type { Catalog, LoadedTable } from '../../src/ports/catalog.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import { createMemoryCatalog, createMemoryPointers } from '../../src/storage/memory-catalog.ts';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import type { MetadataPointers } from '../../src/storage/metadata-pointers.ts';
import { FaultPlan } from '../faults/fault-plan.ts';
import { faultyCatalog } from '../faults/faulty-catalog.ts';
import { faultyObjectStore } from '../faults/faulty-object-store.ts';
import { faultySource } from '../faults/faulty-source.ts';
import { ModelDatabase } from './model-database.ts';
import { createModelSource } from './model-source.ts';
import type { RowFileContext } from './row-files.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Namespace of the pipeline's tables, and its name. */
export const NAMESPACE = 'shop';

const PIPELINE_FILE = `
name: ${NAMESPACE}
source: {type: sqlite, path: ./unused.db}
tables: ['*']
lake: {warehouse: ./unused}
base: {buckets: 1}
`;

/** Makes the engine of a process. */
export type EngineOf = (context: RowFileContext, clock: VirtualClock) => RowEngine;

/** How a world is made. */
export interface WorldOptions {
  readonly engineOf: EngineOf;
  /** Where files are materialised, for engines that read local files. */
  readonly stageFolder?: string;
  /** Format of the bases; default 2. */
  readonly formatVersion?: 2 | 3;
}

/** No operation has this number. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** A plan in which nothing happens. */
export function noFault(): FaultPlan {
  return new FaultPlan(NEVER, { kind: 'crash-before' });
}

/** One process of a pipeline. */
export interface SimulatedProcess {
  readonly parts: PipelineParts;
  readonly plan: FaultPlan;
  readonly events: readonly PipelineEvent[];
}

/** Metadata location of each table. */
export type CatalogBackup = ReadonlyMap<string, string>;

/** Everything that outlives a process. */
export class SimulatedWorld {
  readonly clock = new VirtualClock();
  readonly database = new ModelDatabase();
  readonly store: ObjectStore;
  readonly config: PipelineConfig;
  /** What a user or another program works with. */
  readonly foreign: LakeContext;
  /** Marks that went back, in words. */
  readonly setbacks: string[] = [];
  /** Epoch that the ledgers must be in. */
  epoch = 1;
  /** Whether marks may go back: somebody does it on purpose. */
  mayGoBack = false;
  readonly #options: WorldOptions;
  readonly #pointers: MetadataPointers;
  readonly #marks = new Map<string, SequenceMark>();
  /** The first mark of each table, by its uuid. */
  readonly firstMarks = new Map<string, SequenceMark>();
  #processes = 0;

  constructor(options: WorldOptions) {
    const { clock } = this;
    this.#options = options;
    const { stageFolder } = options;
    this.store = createMemoryObjectStore(
      'memory://lake',
      stageFolder === undefined ? { clock } : { clock, stageFolder },
    );
    const config = parsePipelineFile(PIPELINE_FILE, '/simulated/firn.yaml');
    this.config = {
      ...config,
      ledger: { ...config.ledger, commitIntervalMs: 700, retentionMs: 2500 },
      base: {
        ...config.base,
        mergeIntervalMs: 700,
        deleteFormat: options.formatVersion === 3 ? 'deletion-vectors' : 'position-deletes',
      },
    };
    this.#pointers = this.#watched(createMemoryPointers(CATALOG_ID));
    this.foreign = this.#context(this.store, noFault());
  }

  /** A new process; its writer id is its own. */
  start(plan: FaultPlan = noFault()): SimulatedProcess {
    const { clock, config, database } = this;
    const store = faultyObjectStore(this.store, plan);
    const lake = this.#context(store, plan);
    const events: PipelineEvent[] = [];
    const source = createModelSource({ database, clock, namespace: NAMESPACE });
    const parts: PipelineParts = {
      config,
      clock,
      random: lake.random,
      store,
      catalog: lake.catalog,
      source: faultySource(source, plan),
      engine: this.#options.engineOf(lake, clock),
      lake,
      state: openStateFolder(store, config.name),
      metrics: createMetrics(),
      services: new ServicePool({ clock, random: lake.random }),
      onEvent: (event) => events.push(event),
    };
    return { parts, plan, events };
  }

  /** A table as the catalog has it; `null` when there is none. */
  table(name: string): Promise<LoadedTable | null> {
    return this.foreign.catalog.loadTable({ namespace: NAMESPACE, name });
  }

  /** All lake tables. */
  async tables(): Promise<readonly LoadedTable[]> {
    const { catalog } = this.foreign;
    const tables: LoadedTable[] = [];
    for (const identifier of await catalog.listTables(NAMESPACE)) {
      const table = await catalog.loadTable(identifier);
      if (table !== null) tables.push(table);
    }
    return tables;
  }

  /** A program that knows nothing of Firn commits to every table that has a history. */
  async commitForeign(): Promise<void> {
    for (const { identifier, metadata } of await this.tables()) {
      const parent = refSnapshot(metadata, MAIN_BRANCH);
      if (parent === null) continue;
      const { updates, requirements } = await prepareSnapshot(this.foreign, {
        metadata,
        ref: MAIN_BRANCH,
        parent,
        operation: 'append',
        added: [],
        removed: [],
        dataSequenceNumber: null,
        summary: { 'engine-name': 'somebody' },
      });
      await this.foreign.catalog.commit([{ identifier, updates, requirements }]);
    }
  }

  /** A user moves main of a table back to where it was `back` snapshots ago. */
  async rollBack(name: string, back: number): Promise<void> {
    const { metadata } = present(await this.table(name), name);
    let { snapshotId } = present(findRef(metadata, MAIN_BRANCH), 'main');
    for (let count = 0; count < back; count++) {
      const snapshot = metadata.snapshots.find((one) => one.snapshotId === snapshotId);
      snapshotId = present(snapshot?.parentSnapshotId, 'an older snapshot');
    }
    await this.moveMain(name, snapshotId);
  }

  /** A user moves main of a table to a snapshot. */
  async moveMain(name: string, snapshotId: bigint | null): Promise<void> {
    const { identifier, metadata } = present(await this.table(name), name);
    const ref = {
      ...present(findRef(metadata, MAIN_BRANCH), 'main'),
      snapshotId: present(snapshotId, 'a snapshot'),
    };
    this.mayGoBack = true;
    const updates = [{ kind: 'set-snapshot-ref', name: MAIN_BRANCH, ref } as const];
    await this.foreign.catalog.commit([{ identifier, requirements: [], updates }]);
  }

  /** What the catalog says now, to be put back later. */
  async backUpCatalog(): Promise<CatalogBackup> {
    const tables = await this.tables();
    return new Map(tables.map((table) => [table.identifier.name, table.metadataLocation]));
  }

  /** Puts an older catalog back; its files are still there. */
  async restoreCatalog(backup: CatalogBackup): Promise<void> {
    this.mayGoBack = true;
    for (const { identifier, metadataLocation } of await this.tables()) {
      const to = backup.get(identifier.name);
      if (to === undefined) await this.#pointers.remove(identifier);
      else await this.#pointers.swap([{ identifier, from: metadataLocation, to }]);
    }
  }

  #context(store: ObjectStore, plan: FaultPlan): LakeContext {
    const { clock } = this;
    this.#processes += 1;
    const random = seededRandom(Math.imul(this.#processes, 0x9e3779b1));
    const catalogOn = (files: ObjectStore): Catalog =>
      createMemoryCatalog({ name: 'firn', store: files, clock, random, pointers: this.#pointers });
    return {
      store,
      catalog: faultyCatalog(catalogOn(store), plan, catalogOn(this.store)),
      clock,
      random,
      pipeline: NAMESPACE,
      writer: uuidV7(clock, random),
      queues: createTableQueues(),
    };
  }

  #watched(pointers: MetadataPointers): MetadataPointers {
    return {
      ...pointers,
      swap: async (swaps) => {
        const outcome = await pointers.swap(swaps);
        if (outcome.kind !== 'swapped') return outcome;
        for (const { identifier, to } of swaps) {
          const bytes = await this.store.read(to);
          this.#watch(identifier.name, decodeTableMetadata(bytes, to));
        }
        return outcome;
      },
    };
  }

  /** Watermarks and complete-tos never go back (spec: M3). */
  #watch(name: string, metadata: TableMetadata): void {
    const state = readStateAtHead(metadata, MAIN_BRANCH);
    if (state === null) return;
    const mark = state.kind === 'ledger' ? state.completeTo : state.watermark;
    const before = this.#marks.get(name);
    if (before !== undefined && compareMarks(mark, before) < 0 && !this.mayGoBack) {
      this.setbacks.push(`${name} went from ${formatMark(before)} to ${formatMark(mark)}`);
    }
    this.#marks.set(name, mark);
    const { tableUuid } = metadata;
    if (!this.firstMarks.has(tableUuid)) this.firstMarks.set(tableUuid, mark);
  }
}

const CATALOG_ID = '0193f0a0-0000-7000-8000-000000000000';

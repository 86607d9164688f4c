/**
 * A lake in memory for tests: a clock that only sleeping moves, repeatable randomness, a catalog
 * that can be told to misbehave, and tables with files that hold no rows.
 */
import { UNSAID } from '../../src/iceberg/manifest.ts';
import type { DataFile } from '../../src/iceberg/manifest.ts';
import { encodeSingleValue } from '../../src/iceberg/single-value.ts';
import { findRef, refSnapshot } from '../../src/iceberg/snapshot.ts';
import { present } from '../../src/kernel/assert.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import type { CommitRequest } from '../../src/lake/commit-request.ts';
import { createTable } from '../../src/lake/create-table.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { prepareSnapshot } from '../../src/lake/snapshot-producer.ts';
import { dataFolder } from '../../src/lake/table-locations.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import type { BaseState, LedgerState } from '../../src/lake/table-state.ts';
import type { Catalog, CommitOutcome, LoadedTable, TableCommit } from '../../src/ports/catalog.ts';
import { createMemoryCatalog } from '../../src/storage/memory-catalog.ts';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';

/**
 * What the catalog does with one commit instead of its duty: `lost`: applies it and does not
 * answer; `dropped`: forgets it and does not answer; `late`: does not answer, and applies it only
 * after the next read; `conflict`: says so without reason; `lie`: says it is done and does nothing.
 * A function runs before the commit is done as usual.
 */
export type Fault = 'lost' | 'dropped' | 'late' | 'conflict' | 'lie' | (() => Promise<void>);

/** A lake for one test. */
export interface TestLake {
  readonly context: LakeContext;
  /** Same lake as another process sees it. */
  readonly other: LakeContext;
  /** Faults for the next commits, first one first. */
  readonly faults: Fault[];
  /** Commits that reached the catalog. */
  readonly sent: (readonly TableCommit[])[];
  readonly clock: Clock & { move(ms: number): void };
}

/** A clock that stands still between sleeps. */
function standingClock(): TestLake['clock'] {
  let now = Date.UTC(2026, 0, 1);
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    async sleep(ms) {
      now += ms;
    },
    move(ms) {
      now += ms;
    },
  };
}

/** An empty lake. */
export function testLake(
  options: { readonly seed?: number; readonly atomic?: boolean } = {},
): TestLake {
  const clock = standingClock();
  const random = seededRandom(options.seed ?? 7);
  const store = createMemoryObjectStore('memory://lake', { clock });
  const inner = createMemoryCatalog({ name: 'firn', store, clock, random });
  const faults: Fault[] = [];
  const sent: (readonly TableCommit[])[] = [];
  const catalog = faultyCatalog(inner, { faults, sent, atomic: options.atomic ?? true });
  const shared = { store, catalog, clock, random, pipeline: 'shop' };
  return {
    context: { ...shared, writer: 'process-1', queues: createTableQueues() },
    other: { ...shared, catalog: inner, writer: 'process-2', queues: createTableQueues() },
    faults,
    sent,
    clock,
  };
}

function faultyCatalog(
  inner: Catalog,
  plan: Pick<TestLake, 'faults' | 'sent'> & { readonly atomic: boolean },
): Catalog {
  let delayed: readonly TableCommit[] | null = null;
  const unknown: CommitOutcome = { kind: 'unknown', cause: new Error('no answer') };
  const commit = async (commits: readonly TableCommit[]): Promise<CommitOutcome> => {
    plan.sent.push(commits);
    const fault = plan.faults.shift();
    switch (fault) {
      case undefined:
        return inner.commit(commits);
      case 'lost':
        await inner.commit(commits);
        return unknown;
      case 'dropped':
        return unknown;
      case 'late':
        delayed = commits;
        return unknown;
      case 'conflict': {
        const identifier = present(commits[0], 'a commit').identifier;
        return { kind: 'conflict', identifier, reason: 'told to' };
      }
      case 'lie': {
        const tables = await Promise.all(commits.map((item) => inner.loadTable(item.identifier)));
        return { kind: 'committed', tables: tables.map((table) => present(table, 'a table')) };
      }
      default:
        await fault();
        return inner.commit(commits);
    }
  };
  return {
    name: inner.name,
    commitsAtomically: plan.atomic,
    catalogId: () => inner.catalogId(),
    ensureNamespace: (namespace) => inner.ensureNamespace(namespace),
    listNamespaces: () => inner.listNamespaces(),
    listTables: (namespace) => inner.listTables(namespace),
    createTable: (identifier, metadata) => inner.createTable(identifier, metadata),
    async loadTable(identifier) {
      const table = await inner.loadTable(identifier);
      if (delayed !== null) await inner.commit(delayed);
      delayed = null;
      return table;
    },
    commit,
    dropTable: (identifier) => inner.dropTable(identifier),
    close: () => inner.close(),
  };
}

/** A new table `app.<name>`: key `id` (field 1), `note` (field 2), 4 buckets of the key. */
export function testTable(context: LakeContext, name = 'orders'): Promise<LoadedTable> {
  return createTable(context, {
    identifier: { namespace: 'app', name },
    schema: {
      schemaId: 0,
      identifierFieldIds: [1],
      fields: [
        { id: 1, name: 'id', required: true, type: { kind: 'long' } },
        { id: 2, name: 'note', required: false, type: { kind: 'string' } },
      ],
    },
    spec: {
      specId: 0,
      fields: [
        { sourceId: 1, fieldId: 1000, name: 'id_bucket', transform: { kind: 'bucket', count: 4 } },
      ],
    },
    sortOrder: { orderId: 0, fields: [] },
    properties: {},
  });
}

/** The table as it is now. */
export async function reload(context: LakeContext, table: LoadedTable): Promise<LoadedTable> {
  return present(await context.catalog.loadTable(table.identifier), 'a table');
}

/** What a test file is to be like. */
export interface FileShape {
  readonly bucket?: number;
  readonly rows?: bigint;
  /** Bounds of `id`. */
  readonly keys?: readonly [lower: bigint, upper: bigint];
  /** Makes it a position-delete file of this data file. */
  readonly deletesIn?: DataFile;
}

/** A file of the table, stored, with nothing in it. */
export async function testFile(
  context: LakeContext,
  table: LoadedTable,
  shape: FileShape = {},
): Promise<DataFile> {
  const { deletesIn } = shape;
  const folder = dataFolder(table.metadata.location);
  const filePath = `${folder}/${uuidV7(context.clock, context.random)}.parquet`;
  await context.store.write(filePath, new Uint8Array(4));
  const bound = (value: bigint | undefined): ReadonlyMap<number, Uint8Array> | null =>
    value === undefined ? null : new Map([[1, encodeSingleValue({ kind: 'long' }, value)]]);
  return {
    content: deletesIn === undefined ? 'data' : 'position-deletes',
    filePath,
    fileFormat: 'PARQUET',
    partition: deletesIn?.partition ?? [shape.bucket ?? 0],
    specId: deletesIn?.specId ?? 0,
    recordCount: shape.rows ?? 10n,
    fileSizeBytes: 4n,
    ...UNSAID,
    lowerBounds: bound(shape.keys?.[0]),
    upperBounds: bound(shape.keys?.[1]),
    referencedDataFile: deletesIn?.filePath ?? null,
  };
}

/** State of a ledger that is complete to `seq`. */
export function ledgerState(seq: bigint): LedgerState {
  return {
    kind: 'ledger',
    sourceId: 'source',
    position: { sourceId: 'source', partition: 'main', token: String(seq) },
    completeTo: { epoch: 1, seq },
    sequence: null,
    schemaVersion: 1,
    events: seq,
    retainedFrom: null,
    gap: null,
    appended: [],
    cluster: null,
  };
}

/** State of a base whose watermark is `seq`. */
export function baseState(seq: bigint): BaseState {
  return {
    kind: 'base',
    sourceId: 'source',
    ledgerUuid: 'ledger',
    ledgerSeen: seq,
    watermark: { epoch: 1, seq },
    watermarkTsUs: null,
    lowMark: { epoch: 1, seq: 0n },
    bootstrap: null,
  };
}

/** Head of a ref. */
export function headId(table: LoadedTable, ref = 'main'): bigint | null {
  return findRef(table.metadata, ref)?.snapshotId ?? null;
}

/** An append to main of the table as it was loaded; `changes` replaces parts of it. */
export function appendTo(
  table: LoadedTable,
  added: readonly DataFile[],
  changes: Partial<CommitRequest> = {},
): CommitRequest {
  return {
    identifier: table.identifier,
    tableUuid: table.metadata.tableUuid,
    ref: 'main',
    parentId: headId(table),
    operation: 'append',
    added,
    removed: [],
    dataSequenceNumber: null,
    state: ledgerState(1n),
    parentless: false,
    schema: null,
    rebase: 'allowed',
    ...changes,
  };
}

/** A commit to main by an engine that knows nothing of Firn. */
export async function foreignAppend(
  context: LakeContext,
  table: LoadedTable,
  added: readonly DataFile[],
): Promise<LoadedTable> {
  const { metadata } = await reload(context, table);
  const { updates, requirements } = await prepareSnapshot(context, {
    metadata,
    ref: 'main',
    parent: refSnapshot(metadata, 'main'),
    operation: 'append',
    added,
    removed: [],
    dataSequenceNumber: null,
    summary: { 'engine-name': 'spark' },
  });
  const { identifier } = table;
  const outcome = await context.catalog.commit([{ identifier, updates, requirements }]);
  if (outcome.kind !== 'committed') throw new Error(`foreign commit: ${outcome.kind}`);
  return present(outcome.tables[0], 'a table');
}

/** Locations of everything in the lake. */
export async function storedFiles(context: LakeContext): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const object of context.store.list(context.store.root)) found.push(object.location);
  return found.sort();
}

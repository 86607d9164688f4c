/**
 * What an append to a table costs that has a long history: 10,000 snapshots and 100,000 data files,
 * beside one to an empty table. Commits of one file each, as the ledger makes them, through the
 * SQLite catalog on a local disk with real syncs. Nothing but metadata is written; data files are
 * only named.
 *
 * `npm run bench metadata`: the goal is twice the cost of an empty table.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNSAID } from '../src/iceberg/manifest.ts';
import type { DataFile } from '../src/iceberg/manifest.ts';
import { MAIN_BRANCH } from '../src/iceberg/snapshot.ts';
import type { Snapshot } from '../src/iceberg/snapshot.ts';
import type { TableMetadata } from '../src/iceberg/table-metadata.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { newSnapshotId, uuidV7 } from '../src/kernel/identifiers.ts';
import { systemRandom } from '../src/kernel/random.ts';
import { commitTables } from '../src/lake/commit-table.ts';
import type { LakeContext } from '../src/lake/lake-context.ts';
import { writeManifest, writeManifestList } from '../src/lake/manifest-files.ts';
import { stateKeys } from '../src/lake/table-state.ts';
import { createTableQueues } from '../src/lake/table-queues.ts';
import type { LoadedTable } from '../src/ports/catalog.ts';
import { createLocalObjectStore } from '../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../src/storage/sqlite-catalog.ts';
import { appendTo, headId, ledgerState, testTable } from '../test/support/lake-fixture.ts';

const SNAPSHOTS = 10_000;
const FILES = 100_000;
const FILES_PER_MANIFEST = 10_000;
const COMMITS = 60;
const ROUNDS = 3;
const GOAL = 2;

const random = systemRandom;
const clock = systemClock;

/** A data file that is not there, with the statistics of a narrow ledger. */
function fileOf(table: LoadedTable): DataFile {
  const columns = Array.from({ length: 12 }, (_, index) => index + 1);
  const bytes = new Uint8Array(8);
  return {
    ...UNSAID,
    content: 'data',
    filePath: `${table.metadata.location}/data/${uuidV7(clock, random)}.parquet`,
    fileFormat: 'PARQUET',
    partition: [0],
    specId: 0,
    recordCount: 1000n,
    fileSizeBytes: 65_536n,
    columnSizes: new Map(columns.map((id) => [id, 5000n])),
    valueCounts: new Map(columns.map((id) => [id, 1000n])),
    nullValueCounts: new Map(columns.map((id) => [id, 0n])),
    lowerBounds: new Map(columns.map((id) => [id, bytes])),
    upperBounds: new Map(columns.map((id) => [id, bytes])),
  };
}

/** A table with this history; its main keeps as many snapshots. */
async function tableWith(
  context: LakeContext,
  history: { readonly name: string; readonly snapshots: number; readonly files: number },
): Promise<LoadedTable> {
  const { name, snapshots, files } = history;
  const empty = await testTable(context, name);
  if (snapshots === 0) return empty;
  const { metadata } = empty;
  const newest = { metadata, snapshotId: newSnapshotId(random), parentSnapshotId: null };
  const identity = { ...newest, sequenceNumber: BigInt(snapshots) };
  const manifests = [];
  for (let left = files; left > 0; left -= FILES_PER_MANIFEST) {
    const count = Math.min(left, FILES_PER_MANIFEST);
    const entries = Array.from({ length: count }, () => {
      const numbers = { snapshotId: null, dataSequenceNumber: null, fileSequenceNumber: null };
      return { status: 'added', ...numbers, file: fileOf(empty) } as const;
    });
    manifests.push(await writeManifest(context, identity, { specId: 0, content: 'data', entries }));
  }
  const { path } = await writeManifestList(context, identity, manifests);
  const chain: Snapshot[] = [];
  for (let number = 1; number <= snapshots; number++) {
    const parentSnapshotId = chain.at(-1)?.snapshotId ?? null;
    const snapshotId = number === snapshots ? identity.snapshotId : newSnapshotId(random);
    const stamp = { pipeline: 'shop', writer: context.writer, commitId: uuidV7(clock, random) };
    chain.push({
      snapshotId,
      parentSnapshotId,
      sequenceNumber: BigInt(number),
      timestampMs: metadata.lastUpdatedMs + number,
      manifestList: path,
      summary: {
        operation: 'append',
        'total-records': String(files * 1000),
        'total-position-deletes': '0',
        'total-data-files': String(files),
        'total-files-size': String(files * 65_536),
        'engine-name': 'firn',
        ...stateKeys(stamp, ledgerState(BigInt(number))),
      },
      schemaId: 0,
      firstRowId: null,
      addedRows: null,
      unknownFields: {},
    });
  }
  const main = {
    kind: 'branch',
    snapshotId: identity.snapshotId,
    minSnapshotsToKeep: snapshots * 2,
  } as const;
  const long: TableMetadata = {
    ...metadata,
    tableUuid: uuidV7(clock, random),
    lastSequenceNumber: BigInt(snapshots),
    lastUpdatedMs: metadata.lastUpdatedMs + snapshots,
    currentSnapshotId: identity.snapshotId,
    snapshots: chain,
    snapshotLog: chain.map(({ timestampMs, snapshotId }) => ({ timestampMs, snapshotId })),
    refs: {
      [MAIN_BRANCH]: main,
      firn_state: { kind: 'tag', snapshotId: identity.snapshotId },
    },
  };
  await context.catalog.dropTable(empty.identifier);
  return context.catalog.createTable(empty.identifier, long);
}

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Appends files one by one; the median of wall time, the mean of CPU time. */
async function append(context: LakeContext, start: LoadedTable): Promise<[Cost, LoadedTable]> {
  let table = start;
  const walls: number[] = [];
  const before = process.cpuUsage();
  for (let count = 0; count < COMMITS; count++) {
    const startMs = performance.now();
    const request = appendTo(table, [fileOf(table)], { parentId: headId(table) });
    const [result] = await commitTables(context, [request]);
    if (result?.kind === 'halted') throw result.error;
    if (result?.kind !== 'committed') throw new Error('a commit was lost');
    ({ table } = result);
    walls.push(performance.now() - startMs);
  }
  const { user, system } = process.cpuUsage(before);
  const wallMs = walls.toSorted((left, right) => left - right)[COMMITS >> 1] ?? 0;
  return [{ wallMs, cpuMs: (user + system) / 1000 / COMMITS }, table];
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-bench-metadata-'));
  const store = createLocalObjectStore({ folder, clock, random });
  const catalog = await openSqliteCatalog({
    path: join(folder, 'catalog.db'),
    name: 'firn',
    store,
    clock,
    random,
  });
  try {
    const writer = uuidV7(clock, random);
    const queues = createTableQueues();
    const context = { store, catalog, clock, random, pipeline: 'shop', writer, queues };
    const histories = [
      { name: 'empty', snapshots: 0, files: 0 },
      { name: 'as_kept', snapshots: 110, files: FILES },
      { name: 'long', snapshots: SNAPSHOTS, files: FILES },
    ];
    const tables = new Map<string, LoadedTable>();
    for (const history of histories) tables.set(history.name, await tableWith(context, history));
    const costs = new Map<string, Cost[]>(histories.map(({ name }) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, table] of tables) {
        const [cost, after] = await append(context, table);
        tables.set(name, after);
        costs.get(name)?.push(cost);
      }
    }
    report(histories, costs);
  } finally {
    await catalog.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(
  histories: readonly {
    readonly name: string;
    readonly snapshots: number;
    readonly files: number;
  }[],
  costs: ReadonlyMap<string, readonly Cost[]>,
): void {
  const best = (name: string, of: (cost: Cost) => number): number =>
    Math.min(...(costs.get(name) ?? []).map(of));
  for (const { name, snapshots, files } of histories) {
    const wall = best(name, ({ wallMs }) => wallMs);
    const cpu = best(name, ({ cpuMs }) => cpuMs);
    const ratio = wall / best('empty', ({ wallMs }) => wallMs);
    const cpuRatio = cpu / best('empty', ({ cpuMs }) => cpuMs);
    process.stdout.write(
      `  ${snapshots} snapshots, ${files} files: ${wall.toFixed(1)} ms (${ratio.toFixed(2)}x), ` +
        `${cpu.toFixed(1)} CPU ms (${cpuRatio.toFixed(2)}x)\n`,
    );
  }
  process.stdout.write(`  goal: at most ${GOAL}x of the empty table\n`);
}

await main();

/**
 * What must hold of a lake whatever happened to it: every snapshot can be read, the ledger holds
 * each change once, the base is the source. Reads the lake without the pipeline.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { STATE_TAG, readState } from '../../src/lake/table-state.ts';
import type { LedgerState } from '../../src/lake/table-state.ts';
import { MAIN_BRANCH, ancestors, findRef, findSnapshot } from '../../src/iceberg/snapshot.ts';
import type { Snapshot } from '../../src/iceberg/snapshot.ts';
import { currentSchema } from '../../src/iceberg/table-metadata.ts';
import { present } from '../../src/kernel/assert.ts';
import { isLive, readManifest, readManifestList } from '../../src/lake/manifest-files.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { REREAD_ROW, compareMarks } from '../../src/model/change-sequence.ts';
import type { SequenceMark } from '../../src/model/change-sequence.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';
import type { QueryTable, RowEngine } from '../../src/ports/row-engine.ts';
import { keyText, tableText } from '../oracles/fold-events.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import type { LogEntry, ModelTable } from './model-database.ts';
import { readQuery } from './read-tables.ts';
import { NAMESPACE } from './simulated-world.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** Rows that were looked at. */
export interface Audit {
  snapshots: number;
  ledgerRows: number;
  baseRows: number;
}

/** Checks every table of the lake against the database. */
export async function auditLake(world: SimulatedWorld, engine: RowEngine): Promise<Audit> {
  const audit: Audit = { snapshots: 0, ledgerRows: 0, baseRows: 0 };
  deepEqual(world.setbacks, [], 'a mark went back');
  const sizes = new Map<string, bigint>();
  for await (const { location, sizeBytes } of world.store.list(world.store.root)) {
    sizes.set(location, BigInt(sizeBytes));
  }
  for (const table of await world.tables()) {
    audit.snapshots += await auditFiles(world, table, sizes);
  }
  for (const table of world.database.tables()) {
    audit.ledgerRows += await auditLedger(world, engine, table);
    if (table.keyLength > 0) audit.baseRows += await auditBase(world, engine, table);
  }
  return audit;
}

/** Every file of every snapshot is there, as large as recorded; no delete points into nowhere. */
async function auditFiles(
  world: SimulatedWorld,
  { identifier, metadata }: LoadedTable,
  sizes: ReadonlyMap<string, bigint>,
): Promise<number> {
  const { name } = identifier;
  const tag = findRef(metadata, STATE_TAG)?.snapshotId ?? null;
  const main = [...ancestors(metadata, findRef(metadata, MAIN_BRANCH)?.snapshotId ?? null)];
  ok(main.length === 0 || main.some((snapshot) => snapshot.snapshotId === tag), `${name}: tag`);
  for (const [ref, { snapshotId }] of Object.entries(metadata.refs)) {
    ok(findSnapshot(metadata, snapshotId) !== null, `${name}: ${ref} points to nothing`);
  }
  for (const { metadataFile } of metadata.metadataLog) {
    ok(sizes.has(metadataFile), `${name}: ${metadataFile} of the log is gone`);
  }
  for (const snapshot of metadata.snapshots) {
    await auditSnapshot(world, { name, snapshot, metadata }, sizes);
  }
  return metadata.snapshots.length;
}

async function auditSnapshot(
  world: SimulatedWorld,
  subject: {
    readonly name: string;
    readonly snapshot: Snapshot;
    readonly metadata: LoadedTable['metadata'];
  },
  sizes: ReadonlyMap<string, bigint>,
): Promise<void> {
  const { name, snapshot, metadata } = subject;
  const where = `${name}, snapshot ${snapshot.snapshotId}`;
  const data = new Set<string>();
  const deletes: string[] = [];
  for (const manifest of await readManifestList(world.foreign, snapshot)) {
    equal(sizes.get(manifest.path), manifest.length, `${where}: ${manifest.path}`);
    for (const entry of await readManifest(world.foreign, metadata, manifest)) {
      if (!isLive(entry)) continue;
      const { file } = entry;
      equal(sizes.get(file.filePath), file.fileSizeBytes, `${where}: ${file.filePath}`);
      if (file.content === 'data') {
        ok(!data.has(file.filePath), `${where}: ${file.filePath} is there twice`);
        data.add(file.filePath);
      } else {
        deletes.push(present(file.referencedDataFile, 'the file that deletes are for'));
      }
    }
  }
  for (const target of deletes) ok(data.has(target), `${where}: deletes for ${target}`);
  equal(new Set(deletes).size, deletes.length, `${where}: one delete file per data file`);
}

/** Each change since the ledger's start is there once by identity (spec: L4). */
async function auditLedger(
  world: SimulatedWorld,
  engine: RowEngine,
  table: ModelTable,
): Promise<number> {
  const name = `${table.name}_ledger`;
  const ledger = present(await world.table(name), name);
  const state = present(readState(ledger.metadata, MAIN_BRANCH), 'the state of a ledger');
  ok(state.kind === 'ledger');
  equal(state.completeTo.epoch, world.epoch, `${name}: epoch`);
  const rows = await readTable(world, engine, ledger);
  const names = currentSchema(ledger.metadata).fields.map((field) => field.name);
  const at = (row: TextRow, column: string): string | null => row[names.indexOf(column)] ?? null;
  const identities = rows
    .filter((row) => at(row, '_firn_row') !== String(REREAD_ROW))
    .filter((row) => at(row, '_firn_epoch') === String(world.epoch))
    .map((row) => {
      const own = ['_firn_epoch', '_firn_seq', '_firn_row', '_firn_op'];
      const cells = [...own, ...table.columns.map(([column]) => column)];
      return JSON.stringify(cells.map((column) => at(row, column)));
    });
  const start = present(world.firstMarks.get(ledger.metadata.tableUuid), 'where a ledger began');
  const expected = expectedChanges(world, { table, state, start });
  const retained = new Set(identities);
  const missing = expected.certain.filter((change) => !retained.has(change));
  deepEqual(missing, [], `${name}: changes that are missing`);
  equal(identities.length, retained.size, `${name}: changes that are there twice`);
  const possible = new Set([...expected.certain, ...expected.possible]);
  const invented = identities.filter((change) => !possible.has(change));
  deepEqual(invented, [], `${name}: changes that never were`);
  return rows.length;
}

function expectedChanges(
  world: SimulatedWorld,
  ledger: {
    readonly table: ModelTable;
    readonly state: LedgerState;
    readonly start: SequenceMark;
  },
): { readonly certain: readonly string[]; readonly possible: readonly string[] } {
  const { table, state, start } = ledger;
  const certain: string[] = [];
  const possible: string[] = [];
  for (const entry of world.database.log) {
    if (entry.table !== table.name || entry.op === 'look') continue;
    const mark = { epoch: world.epoch, seq: entry.seq };
    if (compareMarks(mark, start) <= 0) continue;
    const isOld = state.retainedFrom !== null && compareMarks(mark, state.retainedFrom) <= 0;
    const isLost = state.gap !== null && compareMarks(mark, state.gap) <= 0;
    (isOld || isLost ? possible : certain).push(identityOf(entry, table, world.epoch));
  }
  return { certain, possible };
}

function identityOf(entry: LogEntry, table: ModelTable, epoch: number): string {
  const own = [String(epoch), String(entry.seq), String(entry.row), entry.op];
  return JSON.stringify([...own, ...table.columns.map((_, index) => entry.values[index] ?? null)]);
}

/** The base is the source, row by row. */
async function auditBase(
  world: SimulatedWorld,
  engine: RowEngine,
  table: ModelTable,
): Promise<number> {
  const base = present(await world.table(table.name), table.name);
  const branches = Object.entries(base.metadata.refs).filter(([, ref]) => ref.kind === 'branch');
  deepEqual(
    branches.map(([name]) => name),
    [MAIN_BRANCH],
    `${table.name}: branches that are left`,
  );
  const columns = currentSchema(base.metadata).fields.map((field) => field.name);
  deepEqual(
    columns,
    table.columns.map(([name]) => name),
    `${table.name}: columns`,
  );
  const rows = await readTable(world, engine, base);
  const keys = rows.map((row) => keyText(row.slice(0, table.keyLength)));
  equal(new Set(keys).size, keys.length, `${table.name}: a key is there twice`);
  const width = table.columns.length;
  deepEqual(
    tableText(rows, width),
    tableText(table.rows.values(), width),
    `${table.name}: base (actual) and source (expected)`,
  );
  return rows.length;
}

/** Rows of a lake table at main. */
export async function readTable(
  world: SimulatedWorld,
  engine: RowEngine,
  { identifier, metadata }: LoadedTable,
): Promise<readonly TextRow[]> {
  const files = await scanFiles(world.foreign, { metadata, ref: MAIN_BRANCH });
  const icebergSchema = currentSchema(metadata);
  const table: QueryTable = { namespace: NAMESPACE, name: identifier.name, icebergSchema, files };
  return readQuery(engine, { tables: [table], live: [] }, table);
}

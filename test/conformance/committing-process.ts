/**
 * A process that commits to tables of a SQLite catalog, each step to all of them at once: a
 * snapshot with the step in its summary. Prints each step once its commit was acknowledged.
 * Argument: a JSON document, see {@link Work}.
 */
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import type { Catalog, LoadedTable, TableIdentifier } from '../../src/ports/catalog.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';
import { appendCommit } from './sample-table.ts';

/** What the process is to do. */
export interface Work {
  readonly folder: string;
  readonly path: string;
  readonly tables: readonly TableIdentifier[];
  /** Steps are called `<worker>-<number>`. */
  readonly worker: string;
  readonly steps: number;
}

async function loaded(catalog: Catalog, identifier: TableIdentifier): Promise<LoadedTable> {
  const table = await catalog.loadTable(identifier);
  if (table === null) throw new Error(`no table ${identifier.name}`);
  return table;
}

async function commitStep(catalog: Catalog, work: Work, step: string): Promise<void> {
  for (;;) {
    const tables = await Promise.all(work.tables.map((identifier) => loaded(catalog, identifier)));
    const commits = tables.map((table) => appendCommit(table, { step }, { clock, random }));
    const outcome = await catalog.commit(commits);
    if (outcome.kind === 'committed') return;
    if (outcome.kind === 'unknown') throw new Error('unknown outcome', { cause: outcome.cause });
    await clock.sleep((random.bytes(1)[0] ?? 0) / 16);
  }
}

// The caller writes what it reads: see sqlite-catalog.test.ts and test/engines.
const work = JSON.parse(process.argv[2] ?? '') as Work;
const store = createLocalObjectStore({ folder: work.folder, clock, random });
const catalog = await openSqliteCatalog({ path: work.path, name: 'firn', store, clock, random });
for (let number = 0; number < work.steps; number++) {
  const step = `${work.worker}-${number}`;
  await commitStep(catalog, work, step);
  process.stdout.write(`${step}\n`);
}
await catalog.close();

/**
 * PyIceberg at work on tables: what it makes is read like it reads it itself, and what it does to
 * tables of Firn is gone on over or halts by name; the remedy that is told brings an equal copy.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEmbeddedEngine } from '../../src/engines/embedded/embedded-engine.ts';
import { MAIN_BRANCH } from '../../src/iceberg/snapshot.ts';
import { currentSchema } from '../../src/iceberg/table-metadata.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';
import { LakePlace } from '../support/lake-place.ts';
import { describeTable, pythonSkip, readRows, runPython } from './pyiceberg.ts';

const skip = pythonSkip();

function work(place: LakePlace, table: string, action: string): void {
  const catalog = join(place.lake, 'catalog.db');
  runPython('test/engines/foreign-work.py', [catalog, place.lake, table, action]);
}

/** A pipeline with some rows, merged. */
async function startedPlace(): Promise<LakePlace> {
  const place = new LakePlace();
  place.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT);
    INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL)`);
  place.pipeline(['t']);
  await place.catchUp();
  return place;
}

let next = 10;

/** Changes rows, and catches up, which ends with this code. */
async function goOn(place: LakePlace, code = 0): Promise<string> {
  next += 1;
  place.exec(
    `INSERT INTO t VALUES (${next}, 'new'); UPDATE t SET note = 'at ${next}' WHERE id = 1`,
  );
  return place.catchUp(code);
}

async function assertEqualCopy(place: LakePlace): Promise<void> {
  const { code, out, err } = await place.run('verify', '.');
  equal(code, 0, `${out}${err}`);
}

test(
  'spec: X5, X7, X8 branches, properties and columns of PyIceberg are lived with',
  { skip },
  async () => {
    using place = await startedPlace();
    const before = describeTable({ catalogPath: join(place.lake, 'catalog.db'), table: 'app.t' });
    for (const table of ['app.t', 'app.t_ledger']) {
      for (const action of ['refs', 'settings', 'extra-column']) work(place, table, action);
    }
    for (let round = 0; round < 3; round++) await goOn(place);
    await assertEqualCopy(place);
    const after = describeTable({ catalogPath: join(place.lake, 'catalog.db'), table: 'app.t' });
    equal(after.refs['theirs']?.snapshotId, before.currentSnapshotId);
    equal(after.refs['audit']?.type, 'branch');
    equal(after.properties['owner'], 'somebody');
    ok(after.fields.some(({ name }) => name === 'extra'));
    equal(
      readRows({ catalogPath: join(place.lake, 'catalog.db'), table: 'app.t', ref: 'theirs' })
        .length,
      3,
    );
  },
);

test('spec: X5 a base that PyIceberg emptied halts, and is loaded again', { skip }, async () => {
  using place = await startedPlace();
  work(place, 'app.t', 'delete-all');
  const said = await goOn(place, 3);
  match(said, /t: halted, .*delete by .*\[MERGE-FOREIGN-CHANGE\]\n +next: The base is no longer/);
  equal((await place.run('bootstrap', '.', '--table', 't')).code, 0);
  await goOn(place);
  await assertEqualCopy(place);
});

test('spec: X6 a ledger that PyIceberg emptied halts, whatever the policy', { skip }, async () => {
  using place = await startedPlace();
  await goOn(place);
  place.pipeline(['t'], '');
  work(place, 'app.t_ledger', 'delete-all');
  match(await goOn(place, 3), /\[LEDGER-FOREIGN-CHANGE\]/);
  equal((await place.run('drop', '.', '--table', 't', '--yes')).code, 0);
  await place.catchUp();
  await assertEqualCopy(place);
});

test(
  'spec: X7 a column that PyIceberg renamed halts until it is renamed back',
  { skip },
  async () => {
    using place = await startedPlace();
    work(place, 'app.t', 'rename');
    match(
      await goOn(place, 3),
      /note of a lake table was renamed to remark.*\[PIPELINE-TABLE-EDITED\]/,
    );
    work(place, 'app.t', 'rename-back');
    equal((await place.run('resume', '.', '--table', 't')).code, 0);
    await goOn(place);
    await assertEqualCopy(place);
  },
);

test(
  'spec: X9 a ledger that PyIceberg dropped is made anew, the base loaded again',
  { skip },
  async () => {
    using place = await startedPlace();
    place.exec("UPDATE t SET note = 'lost'");
    work(place, 'app.t_ledger', 'drop');
    await place.catchUp();
    await assertEqualCopy(place);
  },
);

test(
  'spec: X1, X2, X3 tables that PyIceberg made are read as it reads them',
  { skip },
  async () => {
    using place = await startedPlace();
    const path = join(place.lake, 'catalog.db');
    for (const version of ['1', '2']) {
      const table = `other.made_${version}`;
      work(place, table, `make-${version}`);
      const theirs = readRows({ catalogPath: path, table });
      const store = createLocalObjectStore({ folder: place.lake, clock, random });
      const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
      const engine = createEmbeddedEngine({
        stageFolder: place.path('stage'),
        store,
        clock,
        random,
      });
      try {
        const identifier = { namespace: 'other', name: `made_${version}` };
        const { metadata } = present(await catalog.loadTable(identifier), table);
        equal(String(metadata.formatVersion), version);
        const files = await scanFiles({ store }, { metadata, ref: MAIN_BRANCH });
        const icebergSchema = currentSchema(metadata);
        const session = await engine.openQuery({
          tables: [{ ...identifier, icebergSchema, files }],
          live: [],
        });
        const { columns, rows } = await session.run(`SELECT * FROM made_${version}`);
        const ours: Record<string, string | null>[] = [];
        for await (const chunk of rows) {
          for (const row of chunk) {
            ours.push(Object.fromEntries(columns.map(({ name }, at) => [name, row[at] ?? null])));
          }
        }
        await session.close();
        const text = (list: readonly object[]): readonly string[] =>
          list
            .map((row) =>
              JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))),
            )
            .toSorted();
        equal(ours.length, 7);
        deepEqual(text(ours), text(theirs));
      } finally {
        await engine.close();
        await catalog.close();
      }
    }
  },
);

/**
 * Bases of format version 3, read by PyIceberg from the same catalog: those made with deletion
 * vectors, and those that became version 3 on their way. Rows are the source's, value by value;
 * row ids are the specification's (docs/spec/merge.md M21 to M23).
 */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Transform } from '../../src/iceberg/transform.ts';
import { currentSchema, defaultSpec } from '../../src/iceberg/table-metadata.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import type { Catalog, LoadedTable } from '../../src/ports/catalog.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';
import { LakePlace } from '../support/lake-place.ts';
import { RowIdReader } from '../support/row-ids.ts';
import type { RowLineage } from '../support/row-ids.ts';
import type { PyTable } from './pyiceberg.ts';
import { describeTable, pythonSkip, readRows } from './pyiceberg.ts';
import { answerRows, ordered, sourceRows } from './torture-table.ts';
import { TortureWork, WORK_SCHEMA, WORK_TABLES } from './torture-work.ts';
import type { WorkTable } from './torture-work.ts';

const skip = pythonSkip();
const MERGES = 20;

/** A lake whose bases are made in one format. */
class FormatPlace {
  readonly place = new LakePlace();
  readonly #database = this.place.open();
  readonly #work: TortureWork;
  readonly #clock = systemClock;
  #torture: WorkTable = present(WORK_TABLES[0], 'torture');

  constructor(deleteFormat: string, seed: number) {
    this.#work = new TortureWork(this.#database, seed);
    this.#database.exec(WORK_SCHEMA);
    this.#work.fill();
    this.useFormat(deleteFormat);
  }

  useFormat(deleteFormat: string): void {
    this.place.write(
      'firn.yaml',
      `name: app\nsource: {type: sqlite, path: ./app.db, pollInterval: 20ms}\ntables: ["*"]\n` +
        `lake: {warehouse: ./lake}\nledger: {commitInterval: 100ms}\n` +
        `base: {mergeInterval: 1s, deleteFormat: ${deleteFormat}}\n`,
    );
  }

  async rounds(count: number): Promise<void> {
    for (let round = 0; round < count; round++) {
      this.#work.round();
      await this.place.catchUp();
    }
  }

  async addColumn(): Promise<void> {
    this.#database.exec('ALTER TABLE torture ADD COLUMN extra BLOB');
    this.#database.exec(`UPDATE torture SET extra = x'ff00' WHERE id % 3 = 0 AND id < 200`);
    this.#torture = { ...this.#torture, columns: { ...this.#torture.columns, extra: 'BLOB' } };
    await this.rounds(1);
  }

  /** Source, PyIceberg and `firn query` agree on every base. */
  async assertSame(what: string): Promise<void> {
    let said = '';
    for (const one of WORK_TABLES) {
      const table = one.table === 'torture' ? this.#torture : one;
      const catalogPath = join(this.place.lake, 'catalog.db');
      const rows = ordered(readRows({ catalogPath, table: `app.${table.table}` }));
      deepEqual(rows, ordered(sourceRows(this.#database, table)), `${what}: ${table.table}`);
      const asked = await this.place.query(`SELECT * FROM ${table.table}`);
      deepEqual(ordered(answerRows(asked)), rows);
      said += ` ${table.table} ${rows.length}`;
    }
    process.stdout.write(`${what}: rows alike in source, PyIceberg and Firn:${said}\n`);
  }

  described(table: string): PyTable {
    return describeTable({
      catalogPath: join(this.place.lake, 'catalog.db'),
      table: `app.${table}`,
    });
  }

  async inLake<T>(use: (store: ObjectStore, catalog: Catalog) => Promise<T>): Promise<T> {
    const [clock, random] = [this.#clock, systemRandom];
    const store = createLocalObjectStore({ folder: this.place.lake, clock, random });
    const path = join(this.place.lake, 'catalog.db');
    const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
    try {
      return await use(store, catalog);
    } finally {
      await catalog.close();
    }
  }

  /** Formats of the delete files of a base, and the lineage of its rows. */
  async rowIds(table: string): Promise<{
    readonly formats: ReadonlySet<string>;
    readonly rows: ReadonlyMap<string, RowLineage>;
    readonly base: LoadedTable;
  }> {
    return this.inLake(async (store, catalog) => {
      const base = present(await catalog.loadTable({ namespace: 'app', name: table }), 'the base');
      const { metadata } = base;
      const files = await scanFiles({ store }, { metadata, ref: 'main' });
      const formats = new Set(
        files.flatMap(({ deletes }) => deletes.map((file) => file.fileFormat)),
      );
      const reader = await RowIdReader.open(store, [this.place.lake]);
      try {
        const rows = await reader.read(files, currentSchema(metadata).identifierFieldIds);
        const ids = new Set([...rows.values()].map(({ rowId }) => rowId));
        equal(ids.size, rows.size, 'row ids are unique');
        ok([...ids].every((id) => id >= 0n && id < metadata.nextRowId));
        assertRanges(base);
        return { formats, rows, base };
      } finally {
        reader.close();
      }
    });
  }

  /** What another engine does to have another number of buckets. */
  async setBuckets(table: string, count: number): Promise<void> {
    await this.inLake(async (_store, catalog) => {
      const identifier = { namespace: 'app', name: table };
      const { metadata } = present(await catalog.loadTable(identifier), 'the base');
      const [field] = defaultSpec(metadata).fields;
      const transform: Transform = { kind: 'bucket', count };
      const fields = [{ ...present(field, 'a bucket'), fieldId: 1001, name: 'more', transform }];
      const outcome = await catalog.commit([
        {
          identifier,
          requirements: [{ kind: 'assert-table-uuid', uuid: metadata.tableUuid }],
          updates: [
            { kind: 'add-spec', spec: { specId: -1, fields } },
            { kind: 'set-default-spec', specId: -1 },
          ],
        },
      ]);
      equal(outcome.kind, 'committed');
    });
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

/** Snapshots take ranges of row ids one after the other, none of which another one has. */
function assertRanges({ metadata }: LoadedTable): void {
  let next = 0n;
  for (const { firstRowId, addedRows } of metadata.snapshots) {
    if (firstRowId === null || addedRows === null) continue;
    ok(firstRowId >= next, 'ranges do not overlap');
    next = firstRowId + addedRows;
  }
  equal(next, metadata.nextRowId);
}

/** Rows of which only the values changed have the id they had. */
function assertKept(
  before: ReadonlyMap<string, RowLineage>,
  after: ReadonlyMap<string, RowLineage>,
): number {
  let kept = 0;
  for (const [key, { rowId }] of before) {
    if (after.get(key)?.rowId === rowId) kept++;
  }
  return kept;
}

const vectors = skip === false ? new FormatPlace('deletion-vectors', 4) : null;
const upgraded = skip === false ? new FormatPlace('position-deletes', 5) : null;

before(async () => {
  await vectors?.place.catchUp();
  await upgraded?.place.catchUp();
});

after(() => {
  vectors?.[Symbol.dispose]();
  upgraded?.[Symbol.dispose]();
});

test(
  `spec: M21 a base with deletion vectors is the source after ${MERGES} merges`,
  { skip },
  async () => {
    const lake = present(vectors, 'a lake');
    await lake.assertSame('bootstrap');
    await lake.rounds(MERGES);
    await lake.assertSame(`${MERGES} merges`);
    const base = lake.described('torture');
    equal(base.formatVersion, 3);
    const head = base.snapshots.find(({ id }) => id === base.currentSnapshotId);
    ok(Number(head?.summary['total-position-deletes']) > 0);
    deepEqual((await lake.rowIds('torture')).formats, new Set(['PUFFIN']));
    equal(lake.described('torture_ledger').formatVersion, 2);
  },
);

test(
  'spec: M22 rows keep their ids through a column, a compaction and more buckets',
  { skip },
  async () => {
    const lake = present(vectors, 'a lake');
    const { rows: first } = await lake.rowIds('torture');
    await lake.addColumn();
    await lake.assertSame('new column');
    const { rows: second } = await lake.rowIds('torture');
    // A round deletes three rows and gives three another key at most.
    ok(
      assertKept(first, second) >= first.size - 6,
      `${assertKept(first, second)} of ${first.size}`,
    );
    await lake.setBuckets('torture', 5);
    await lake.rounds(2);
    await lake.assertSame('more buckets');
    const { rows: third } = await lake.rowIds('torture');
    ok(assertKept(second, third) >= second.size - 18);
    await lake.place.documents('maintain', lake.place.file);
    await lake.assertSame('compaction');
    const { rows: fourth } = await lake.rowIds('torture');
    deepEqual(new Map(fourth), new Map(third), 'compaction changes no id');
  },
);

test(
  'spec: M23 a base that is upgraded is the source before, at and after it',
  { skip },
  async () => {
    const lake = present(upgraded, 'a lake');
    const { place } = lake;
    await lake.rounds(3);
    await lake.setBuckets('torture', 3);
    await lake.rounds(2);
    equal(lake.described('torture').formatVersion, 2);
    lake.useFormat('deletion-vectors');
    const checked = await place.run('check', place.file);
    match(checked.out, /has Iceberg format version 2, which it keeps/);
    match(checked.out, /firn upgrade .*firn\.yaml torture/);
    const asked = await place.run('upgrade', place.file, 'torture', 'pairs');
    notEqual(asked.code, 0, 'nobody said yes');
    equal(lake.described('torture').formatVersion, 2);
    const [said] = await place.documents('upgrade', place.file, 'torture', 'pairs', '--yes');
    process.stdout.write(`upgrade: ${JSON.stringify(said)}\n`);
    await lake.assertSame('upgrade');
    equal(lake.described('torture').formatVersion, 3);
    equal(lake.described('texts').formatVersion, 2, 'nobody asked for that one');
    const { rows, formats } = await lake.rowIds('torture');
    ok(formats.size === 0 || formats.has('PUFFIN'));
    const again = await place.run('upgrade', place.file, 'torture', '--json');
    equal(again.code, 0, 'a second one finds nothing to do, and asks nothing');
    await lake.rounds(3);
    await lake.assertSame('merges after the upgrade');
    ok(assertKept(rows, (await lake.rowIds('torture')).rows) > 0);
    const status = await place.run('status', place.file);
    match(status.out, /torture .* v3 /);
    match(status.out, /texts .* v2 /);
  },
);

/**
 * A lake that Firn filled, read by PyIceberg from the same catalog: ledger and base have the same
 * rows, value by value, as the source and as Firn's own queries, whatever happened to the tables.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LakePlace } from '../support/lake-place.ts';
import type { PyRow, PyTable } from './pyiceberg.ts';
import { describeTable, pythonSkip, readRows } from './pyiceberg.ts';
import { answerRows, ordered, sourceRows } from './torture-table.ts';
import { TortureWork, WORK_SCHEMA, WORK_TABLES } from './torture-work.ts';
import type { WorkTable } from './torture-work.ts';

const skip = pythonSkip();
const MERGES = 20;

const place = new LakePlace();
const database = place.open();
const work = new TortureWork(database, 7);
/** Columns of torture after one was added. */
let torture: WorkTable = WORK_TABLES[0] ?? { table: '', columns: {} };

function read(table: string, at: { readonly ref?: string; readonly snapshotId?: bigint } = {}) {
  const catalogPath = join(place.lake, 'catalog.db');
  return ordered(readRows({ catalogPath, table: `app.${table}`, ...at }));
}

function described(table: string): PyTable {
  return describeTable({ catalogPath: join(place.lake, 'catalog.db'), table: `app.${table}` });
}

function inSource(table: WorkTable): readonly PyRow[] {
  return ordered(sourceRows(database, table));
}

/** Source, PyIceberg and `firn query` must agree on a base; the last two on its ledger. */
async function assertSame(table: WorkTable): Promise<{ rows: number; changes: number }> {
  const { table: name } = table;
  const rows = read(name);
  deepEqual(rows, inSource(table), `base of ${name}`);
  const changes = read(`${name}_ledger`);
  for (const [asked, expected] of [
    [name, rows],
    [`${name}_live`, rows],
    [`${name}_ledger`, changes],
  ] as const) {
    deepEqual(ordered(answerRows(await place.query(`SELECT * FROM ${asked}`))), expected);
  }
  return { rows: rows.length, changes: changes.length };
}

async function assertAllSame(what: string): Promise<void> {
  let said = '';
  for (const table of WORK_TABLES) {
    const { rows, changes } = await assertSame(table.table === 'torture' ? torture : table);
    said += ` ${table.table} ${rows}+${changes}`;
  }
  process.stdout.write(`${what}: rows of base + ledger alike:${said}\n`);
}

before(() => {
  if (skip !== false) return;
  database.exec(WORK_SCHEMA);
  work.fill();
  place.pipeline(['"*"']);
});

after(() => place[Symbol.dispose]());

test('spec: V1, V3, V4, S11, S12 PyIceberg reads what was copied', { skip }, async () => {
  await place.catchUp();
  await assertAllSame('bootstrap');
  const base = described('pairs');
  const names = base.identifierFieldIds.map(
    (id) => base.fields.find((field) => field.id === id)?.name,
  );
  deepEqual(new Set(names), new Set(['a', 'b']));
  for (const { name, required } of base.fields) equal(required, name !== 'v', name);
  equal(base.formatVersion, 2);
});

test(`spec: M1, M13, L3, O8 the same rows after ${MERGES} merges`, { skip }, async () => {
  const seen: { readonly snapshotId: bigint; readonly rows: readonly PyRow[] }[] = [];
  for (let merge = 1; merge <= MERGES; merge++) {
    work.round();
    await place.catchUp();
    if (merge % 7 !== 0) continue;
    seen.push({
      snapshotId: BigInt(described('torture').currentSnapshotId),
      rows: inSource(torture),
    });
  }
  await assertAllSame(`${MERGES} merges`);
  // Every merge left its own snapshot, readable as it was.
  for (const { snapshotId, rows } of seen) deepEqual(read('torture', { snapshotId }), rows);
  const base = described('torture');
  ok(base.snapshots.length > MERGES);
  const head = base.snapshots.find(({ id }) => id === base.currentSnapshotId);
  ok(Number(head?.summary['total-position-deletes']) > 0, 'position deletes were applied');
  equal(head?.summary['total-equality-deletes'], '0');
  const ops = new Set(read('torture_ledger').map((row) => row['_firn_op']));
  deepEqual(ops, new Set(['c', 'd', 'u']));
  const reread = new Set(read('pairs_ledger').map((row) => row['_firn_op']));
  ok(reread.has('r') || reread.has('d'), 'rows that REPLACE took away are in the ledger');
});

test('spec: S8, L15 the same rows after a column was added', { skip }, async () => {
  database.exec('ALTER TABLE torture ADD COLUMN extra BLOB');
  database.exec(`UPDATE torture SET extra = x'ff00' WHERE id % 3 = 0 AND id BETWEEN 1 AND 200`);
  torture = { ...torture, columns: { ...torture.columns, extra: 'BLOB' } };
  work.round();
  await place.catchUp();
  await assertAllSame('new column');
  const extra = new Set(read('torture').map((row) => row['extra']));
  deepEqual(extra, new Set([null, 'ff00']));
});

test('spec: M19, P7 the same rows after a running pipeline compacted', { skip }, async () => {
  const running = place.start('run', place.file, '--json');
  const compacted = running.saw('"event":"compacted"').then(() => true);
  do database.exec('INSERT INTO torture(i, b) VALUES(9007199254740993, NULL)');
  while (!(await Promise.race([compacted, sleep(300, false)])));
  running.child.kill('SIGTERM');
  equal((await running.ended).code, 130);
  await place.catchUp();
  await place.documents('maintain', place.file);
  const { rows } = await assertSame(torture);
  const operations = described('torture').snapshots.map(({ operation }) => operation);
  const count = operations.filter((operation) => operation === 'replace').length;
  ok(count > 0, operations.join(' '));
  process.stdout.write(`${count} compactions among ${operations.length} snapshots, ${rows} rows\n`);
});

test('spec: B7, B11 old and new base after loading a table again', { skip }, async () => {
  const old = inSource(torture);
  await place.documents('bootstrap', place.file, '--table', 'torture');
  database.exec('UPDATE torture SET t = NULL WHERE id > 100');
  await place.catchUp();
  await assertAllSame('second bootstrap');
  const { refs } = described('torture');
  const [tag] = Object.keys(refs).filter((name) => name.startsWith('firn_before_'));
  ok(tag !== undefined && refs[tag]?.type === 'tag', Object.keys(refs).join(', '));
  deepEqual(read('torture', { ref: tag }), old);
});

test('spec: M2 a table without a key has a ledger that both read alike', { skip }, async () => {
  database.exec(`INSERT INTO notes VALUES('ä', 9e999), (NULL, -1.5)`);
  database.exec(`UPDATE notes SET note = '' WHERE note = 'ä'; DELETE FROM notes WHERE at < 0`);
  await place.catchUp();
  const rows = read('notes_ledger');
  const { rows: inOrder } = await place.query(
    'SELECT _firn_op, note, "at" FROM notes_ledger ORDER BY _firn_seq, _firn_row',
  );
  deepEqual(
    inOrder.map((row) => Object.values(row)),
    [
      ['c', 'ä', 'inf'],
      ['c', null, -1.5],
      ['u', '', 'inf'],
      ['d', null, -1.5],
    ],
  );
  deepEqual(ordered(answerRows(await place.query('SELECT * FROM notes_ledger'))), rows);
});

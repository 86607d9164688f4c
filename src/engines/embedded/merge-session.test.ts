/** Merges of small windows against what the rules say, case by case. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { decodeBound } from '../../iceberg/single-value.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { openLake } from '../../../test/embedded/mini-lake.ts';
import type { MiniLake } from '../../../test/embedded/mini-lake.ts';
import { rowBatch, tableSchema } from '../../../test/embedded/rows.ts';
import type { Change } from '../../../test/embedded/rows.ts';
import { createBaseWriter } from './base-writer.ts';

const SCHEMA = tableSchema({ id: 'long', name: 'string' });

function mark(seq: number, epoch = 1): { readonly epoch: number; readonly seq: bigint } {
  return { epoch, seq: BigInt(seq) };
}

function change(op: Change['op'], seq: number, id: number, name: string | null = null): Change {
  return { op, seq, values: [BigInt(id), name] };
}

function reread(seq: number, id: number, name: string | null): Change {
  const op = name === null ? 'd' : 'r';
  return { op, seq, row: REREAD_ROW, values: [BigInt(id), name] };
}

/** A lake with base rows `id, name` at watermark 10. */
async function lakeWith(
  t: TestContext,
  rows: readonly (readonly [number, string])[],
): Promise<MiniLake> {
  const lake = await openLake(t, SCHEMA);
  const { engine, files } = lake.parts;
  const writer = createBaseWriter({
    open: async () => engine,
    files,
    target: lake.target,
    schema: SCHEMA,
    bucketing: lake.bucketing,
    limits: { rowsMax: 1e6, bytesMax: 1e9 },
  });
  const cells = rows.map(([id, name]) => [BigInt(id), name]);
  await writer.append(rowBatch(SCHEMA, cells));
  lake.addBase(await writer.finish());
  return lake;
}

function row(id: number, name: string): string {
  return JSON.stringify([String(id), name]);
}

test('the newest change of a key decides, whatever the order of files. spec: M7', async (t) => {
  const lake = await lakeWith(t, [
    [1, 'old'],
    [2, 'two'],
    [3, 'three'],
  ]);
  await lake.append([change('u', 13, 1, 'newest'), change('c', 14, 4, 'four')]);
  await lake.append([change('u', 11, 1, 'older'), change('d', 12, 2), change('d', 15, 4)]);
  const { summary, files } = await lake.merge({ from: mark(10), to: mark(20), seen: 0n });
  deepEqual(await lake.rows(), [row(1, 'newest'), row(3, 'three')]);
  deepEqual(
    { ...summary, buckets: 0, keyBounds: 0 },
    {
      events: 5,
      repeats: 0,
      overruled: 0,
      keys: 3,
      truncated: false,
      buckets: 0,
      keyBounds: 0,
    },
  );
  const bounds = summary.keyBounds;
  ok(bounds !== null);
  deepEqual(
    [bounds.lower, bounds.upper].map((bytes) => decodeBound({ kind: 'long' }, bytes)),
    [1n, 4n],
  );
  equal(files.rowsDeleted, 2);
  equal(files.rowsInserted, 1);
});

test('rows up to the watermark are repeats, rows above the new one wait. spec: M8', async (t) => {
  const lake = await lakeWith(t, [[1, 'base']]);
  await lake.append([
    change('u', 9, 1, 'repeat'),
    change('u', 10, 1, 'repeat too'),
    change('c', 21, 2, 'later'),
    { op: 'c', epoch: 2, seq: 1, values: [3n, 'next epoch'] },
  ]);
  const { summary } = await lake.merge({ from: mark(10), to: mark(20), seen: 0n });
  deepEqual(await lake.rows(), [row(1, 'base')]);
  equal(summary.repeats, 2);
  equal(summary.keys, 0);
  equal(summary.keyBounds, null);
  await lake.merge({ from: mark(20), to: mark(5, 2), seen: 0n });
  deepEqual(await lake.rows(), [row(1, 'base'), row(2, 'later'), row(3, 'next epoch')]);
});

test('a late re-read counts unless a retained change is newer. spec: M9', async (t) => {
  const names = [1, 2, 3, 4, 5, 6, 7].map((id) => [id, 'base'] as const);
  const lake = await lakeWith(t, names);
  await lake.append([
    change('u', 8, 2, 'merged already'),
    change('u', 5, 3, 'before the re-read'),
    reread(9, 6, 'newer re-read, merged'),
    reread(7, 7, 'same sequence, older file'),
  ]);
  const seen = await lake.append([]);
  await lake.append([
    reread(7, 1, 'repaired'),
    reread(7, 2, 'too old'),
    reread(7, 3, 'repaired'),
    reread(7, 4, null),
    reread(7, 5, 'overtaken'),
    change('u', 12, 5, 'newest'),
    reread(7, 6, 'too old'),
    reread(7, 7, 'same sequence, newer file'),
  ]);
  const { summary } = await lake.merge({ from: mark(10), to: mark(20), seen });
  deepEqual(await lake.rows(), [
    row(1, 'repaired'),
    row(2, 'base'),
    row(3, 'repaired'),
    row(5, 'newest'),
    row(6, 'base'),
    row(7, 'same sequence, newer file'),
  ]);
  equal(summary.overruled, 2);
  equal(summary.keys, 5);
});

test('a repeat in the window overrules a late re-read too. spec: M9', async (t) => {
  const lake = await lakeWith(t, [[1, 'base']]);
  await lake.append([change('u', 9, 1, 'repeat'), reread(7, 1, 'too old')]);
  const { summary } = await lake.merge({ from: mark(10), to: mark(20), seen: 0n });
  deepEqual(await lake.rows(), [row(1, 'base')]);
  deepEqual([summary.overruled, summary.repeats, summary.keys], [1, 1, 0]);
});

test('re-reads of files that were looked at do not count. spec: M9, O11', async (t) => {
  const lake = await lakeWith(t, [
    [1, 'base'],
    [2, 'base'],
  ]);
  const before = await lake.append([reread(9, 1, 'stale'), change('u', 15, 2, 'replayed')]);
  const call = { from: mark(10), to: mark(20), seen: 0n, rereadsAfter: before };
  const { summary } = await lake.merge(call);
  deepEqual(await lake.rows(), [row(1, 'base'), row(2, 'replayed')]);
  equal(summary.keys, 1);
});

test('a truncate removes what has no later change, as whole files. spec: M10', async (t) => {
  const lake = await lakeWith(t, [
    [1, 'base'],
    [2, 'base'],
    [3, 'base'],
  ]);
  const before = lake.base.length;
  await lake.append([
    change('u', 11, 1, 'before'),
    { op: 't', seq: 12, row: 3 },
    { op: 'c', seq: 12, row: 5, values: [2n, 'same transaction, after'] },
    { op: 'c', seq: 12, row: 1, values: [3n, 'same transaction, before'] },
    change('c', 13, 4, 'after'),
    reread(9, 3, 'late, before the truncate'),
  ]);
  const { summary, files } = await lake.merge({ from: mark(10), to: mark(20), seen: 0n });
  deepEqual(await lake.rows(), [row(2, 'same transaction, after'), row(4, 'after')]);
  equal(summary.truncated, true);
  equal(files.removedData.length, before);
  equal(files.addedDeletes.length, 0);
  equal(files.rowsDeleted, 3);
});

test('a truncate at or below the watermark only overrules re-reads. spec: M10', async (t) => {
  const lake = await lakeWith(t, [[2, 'after']]);
  await lake.append([{ op: 't', seq: 8 }]);
  const seen = await lake.append([]);
  await lake.append([reread(7, 1, 'gone since'), reread(9, 3, 'after'), { op: 't', seq: 8 }]);
  const { summary } = await lake.merge({ from: mark(10), to: mark(20), seen });
  deepEqual(await lake.rows(), [row(2, 'after'), row(3, 'after')]);
  equal(summary.truncated, false);
});

test('one identity with two contents halts, identical doubles do not. spec: O3, O5, O6', async (t) => {
  const merge = { from: mark(10), to: mark(20), seen: 0n };
  const twice = await lakeWith(t, []);
  await twice.append([change('c', 11, 1, 'a'), { op: 'c', seq: 11, values: [2n, 'other key'] }]);
  await twice.append([change('c', 11, 1, 'a'), change('d', 12, 2)]);
  await twice.append([change('d', 12, 2)]);
  await twice.merge(merge);
  deepEqual(await twice.rows(), [row(1, 'a')]);

  const conflicts: readonly (readonly Change[])[] = [
    [change('c', 11, 1, 'a'), change('c', 11, 1, 'b')],
    [change('c', 11, 1, 'a'), change('c', 11, 1, null)],
    [change('c', 11, 1, 'a'), { ...change('u', 11, 1, 'a') }],
    [change('d', 11, 1), { ...change('c', 11, 1), row: 0 }],
  ];
  for (const changes of conflicts) {
    const lake = await lakeWith(t, []);
    for (const one of changes) await lake.append([one]);
    await rejects(lake.merge(merge), (error) => isFirnError(error, 'MERGE-IDENTITY-CONFLICT'));
  }
  // A row of an older schema version lacks what a later one has.
  const versions = await lakeWith(t, []);
  const old = { ...SCHEMA, columns: SCHEMA.columns.slice(0, 1) };
  await versions.append([change('c', 11, 1)], old);
  await versions.append([change('c', 11, 1, 'a')], { ...SCHEMA, version: 2 });
  await versions.merge(merge);
  deepEqual(await versions.rows(), [row(1, 'a')]);
  // Re-reads have no identity: the later file wins.
  const rereads = await lakeWith(t, []);
  await rereads.append([reread(11, 1, 'first')]);
  await rereads.append([reread(11, 1, 'second')]);
  await rereads.merge(merge);
  deepEqual(await rereads.rows(), [row(1, 'second')]);
});

test('deletes are for one file each and take earlier ones along. spec: M13', async (t) => {
  const rows = Array.from({ length: 20 }, (_, index) => [index, 'base'] as const);
  const lake = await lakeWith(t, rows);
  const first = await lake.append([change('d', 11, 3), change('d', 11, 4)]);
  await lake.merge({ from: mark(10), to: mark(11), seen: 0n });
  await lake.append([change('d', 12, 5), change('d', 12, 6), change('u', 12, 7, 'seven')]);
  const { files } = await lake.merge({ from: mark(11), to: mark(12), seen: first });
  const expected = rows
    .filter(([id]) => ![3, 4, 5, 6, 7].includes(id))
    .map(([id]) => row(id, 'base'));
  deepEqual(await lake.rows(), [...expected, row(7, 'seven')].toSorted());
  for (const { file, deletes } of lake.base) {
    ok(deletes.length <= 1);
    for (const deleted of deletes) {
      equal(deleted.referencedDataFile, file.filePath);
      deepEqual(deleted.partition, file.partition);
      const [lower, upper] = [deleted.lowerBounds, deleted.upperBounds];
      for (const bounds of [lower, upper]) {
        equal(Buffer.from(bounds?.get(2147483546) ?? []).toString(), file.filePath);
      }
      const positions = await lake.parts.query(
        deleted,
        `SELECT list(pos) = list_sort(list(pos)), count(DISTINCT pos) = count(*)
          FROM read_parquet(FILE)`,
      );
      deepEqual(positions, [[true, true]]);
    }
  }
  ok(files.removedDeletes.length > 0);
  ok(files.removedDeletes.every(({ content }) => content === 'position-deletes'));
});

test('a file past its budget is rewritten, one without live rows goes. spec: M16', async (t) => {
  const rows = Array.from({ length: 12 }, (_, index) => [index, 'base'] as const);
  const lake = await lakeWith(t, rows);
  const [first, second] = lake.base;
  ok(first !== undefined && second !== undefined);
  const firstIds = await lake.parts.query(first.file, 'SELECT id FROM read_parquet(FILE)');
  const [doomed] = firstIds.map(([id]) => Number(id));
  const secondIds = await lake.parts.query(second.file, 'SELECT id FROM read_parquet(FILE)');
  await lake.append([
    change('d', 11, doomed ?? 0),
    ...secondIds.map(([id]) => change('d', 11, Number(id))),
    change('c', 12, 100, 'new'),
  ]);
  const call = { from: mark(10), to: mark(20), seen: 0n, rewriteShare: 0.01 };
  const { files } = await lake.merge(call);
  equal(files.addedDeletes.length, 0);
  deepEqual(
    new Set(files.removedData.map(({ filePath }) => filePath)),
    new Set([first.file.filePath, second.file.filePath]),
  );
  const expected = firstIds.slice(1).map(([id]) => row(Number(id), 'base'));
  deepEqual(await lake.rows(), [...expected, row(100, 'new')].toSorted());
  for (const { file } of lake.base) {
    const sorted = 'SELECT list(id) = list_sort(list(id)) FROM read_parquet(FILE)';
    deepEqual(await lake.parts.query(file, sorted), [[true]]);
  }
  equal(files.rowsDeleted, 1 + secondIds.length);
  equal(files.rowsInserted, 1);
});

for (const buckets of [1, 2]) {
  test(`more rows than fit at a time, buckets: ${buckets}. spec: M18`, async (t) => {
    const lake = await openLake(t, SCHEMA, { buckets });
    for (const step of [0, 1, 2]) {
      const ids = Array.from({ length: 8 }, (_, index) => (index * 5 + step) % 16);
      await lake.append(ids.map((id) => change('c', 11 + step, id, `step ${step}`)));
    }
    const call = { from: mark(10), to: mark(20), seen: 0n, sortBytesMax: 1 };
    const { files } = await lake.merge(call);
    // Of one bucket a file for each that was read; of several one each, by way of runs.
    equal(files.addedData.length, buckets === 1 ? 3 : 2);
    for (const { file } of lake.base) {
      const sorted = 'SELECT list(id) = list_sort(list(id)) FROM read_parquet(FILE)';
      deepEqual(await lake.parts.query(file, sorted), [[true]]);
    }
    const newest = new Map<number, string>();
    for (const step of [0, 1, 2]) {
      for (let index = 0; index < 8; index++) newest.set((index * 5 + step) % 16, `step ${step}`);
    }
    const expected = [...newest].map(([id, name]) => row(id, name));
    deepEqual(await lake.rows(), expected.toSorted());
    deepEqual(await readdir(lake.parts.files.filesFolder), []);
  });
}

/** Ledger files: one per day, log order, every value and bound exact. spec: L1 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { decodeBound } from '../../iceberg/single-value.ts';
import { uuidV7TimeMs } from '../../kernel/identifiers.ts';
import { ledgerSchema } from '../../schema/ledger-table.ts';
import { changeBatch, tableSchema } from '../../../test/embedded/rows.ts';
import type { Change } from '../../../test/embedded/rows.ts';
import { openParts } from '../../../test/embedded/engine.ts';
import { HeldBytes, createLedgerWriter } from './ledger-writer.ts';

const V1 = tableSchema({ id: 'long', name: 'string' });
const V2 = tableSchema({ id: 'long', name: 'string', price: 'decimal(10, 2)' }, { version: 2 });
const DAY = 86_400_000_000n;
const LIMITS = { rowsMax: 1_000_000, bytesMax: 2 ** 30 };

function targetOf(options: { readonly raw: boolean; readonly beforeImages: boolean }) {
  const icebergSchema = ledgerSchema(V2, options);
  return { icebergSchema, specId: 0, sortOrderId: null, dataFolder: 'memory://lake/t/data' };
}

test('one file per day of the commit time, also before 1970, rows in log order', async (t) => {
  const { engine, files, query } = await openParts(t);
  const target = targetOf({ raw: true, beforeImages: false });
  const writer = createLedgerWriter({
    open: async () => engine,
    files,
    target,
    limits: LIMITS,
    held: new HeldBytes(2 ** 30),
  });
  const changes: Change[] = [];
  for (let seq = 1; seq <= 6000; seq++) {
    const commitTsUs = seq % 3 === 0 ? -1n : seq % 3 === 1 ? 0n : 3n * DAY - 1n;
    changes.push({ op: 'c', seq, commitTsUs, tx: `t${seq}`, values: [BigInt(seq), `n${seq}`] });
  }
  await writer.append(changeBatch(V1, changes));
  equal(writer.rowCount, 6000);
  ok(writer.sizeBytes > 6000 * 8);
  const written = await writer.finish();
  equal(writer.rowCount, 0);
  deepEqual(
    written.map(({ partition, recordCount }) => [partition, recordCount]),
    [
      [[-1], 2000n],
      [[0], 2000n],
      [[2], 2000n],
    ],
  );
  for (const file of written) {
    const name = /^memory:\/\/lake\/t\/data\/([^/]+)\.parquet$/.exec(file.filePath)?.[1] ?? '';
    ok((uuidV7TimeMs(name) ?? 0) > 0, 'the name carries the time of the append');
    const [ordered] = await query(
      file,
      `SELECT list(_firn_seq) = list_sort(list(_firn_seq)) FROM read_parquet(FILE)`,
    );
    deepEqual(ordered, [true]);
  }
  deepEqual(await readdir(files.filesFolder), []);
});

test('rows of two schema versions share a file; columns a version lacks are NULL', async (t) => {
  const { engine, files, query } = await openParts(t);
  const target = targetOf({ raw: false, beforeImages: true });
  const writer = createLedgerWriter({
    open: async () => engine,
    files,
    target,
    limits: LIMITS,
    held: new HeldBytes(2 ** 30),
  });
  await writer.append(changeBatch(V1, [{ op: 'c', seq: 1n, tx: 'a', values: [1n, 'one'] }]));
  await writer.append(
    changeBatch(V2, [
      { op: 'u', epoch: 2, seq: 2n, row: 5, values: [1n, 'uno', 125n], before: [1n, null, -5n] },
      { op: 'd', epoch: 2, seq: 3n, values: [1n, null, null] },
      { op: 't', epoch: 2, seq: 4n, commitTsUs: 1n },
      { op: 'r', epoch: 2, seq: 4n, row: 2 ** 31 - 1, values: [9n, '', 0n] },
    ]),
  );
  const [file] = await writer.finish();
  ok(file !== undefined);
  const rows = await query(
    file,
    `SELECT _firn_op, _firn_epoch, _firn_seq, _firn_row, _firn_tx, epoch_us(_firn_commit_ts),
       _firn_schema, _firn_topic, id, name, price, to_json(_firn_before)::VARCHAR
       FROM read_parquet(FILE)`,
  );
  deepEqual(rows, [
    ['c', 1, '1', 1, 'a', '0', 1, null, '1', 'one', null, null],
    ['u', 2, '2', 5, null, '0', 2, null, '1', 'uno', '1.25', '{"id":1,"name":null,"price":-0.05}'],
    ['d', 2, '3', 0, null, '0', 2, null, '1', null, null, null],
    ['t', 2, '4', 1, null, '1', 2, null, null, null, null, null],
    ['r', 2, '4', 2147483647, null, '0', 2, null, '9', '', '0.00', null],
  ]);
  const idOf = (name: string): number =>
    target.icebergSchema.fields.find((field) => field.name === name)?.id ?? 0;
  const bounds = (name: string, type: 'int' | 'long' | 'string'): readonly unknown[] => {
    const [lower, upper] = [file.lowerBounds, file.upperBounds].map((map) => map?.get(idOf(name)));
    ok(lower !== undefined && upper !== undefined, `${name} has bounds`);
    return [decodeBound({ kind: type }, lower), decodeBound({ kind: type }, upper)];
  };
  deepEqual(bounds('_firn_epoch', 'int'), [1, 2]);
  deepEqual(bounds('_firn_seq', 'long'), [1n, 4n]);
  deepEqual(bounds('_firn_row', 'int'), [0, 2147483647]);
  deepEqual(bounds('_firn_op', 'string'), ['c', 'u']);
  equal(file.valueCounts?.get(idOf('price')), 5n);
  equal(file.nullValueCounts?.get(idOf('price')), 3n);
  const schema = await query(
    file,
    `SELECT name, field_id FROM parquet_schema(FILE) WHERE field_id IS NOT NULL ORDER BY field_id`,
  );
  const before = target.icebergSchema.fields.find(({ name }) => name === '_firn_before')?.type;
  const fields = [
    ...target.icebergSchema.fields,
    ...(before?.kind === 'struct' ? before.fields : []),
  ].toSorted((left, right) => left.id - right.id);
  deepEqual(
    schema,
    fields.map(({ name, id }) => [name, String(id)]),
  );
});

test('a buffer past its limit waits as files; discard leaves nothing', async (t) => {
  const { engine, files } = await openParts(t);
  const target = targetOf({ raw: false, beforeImages: false });
  const limits = { rowsMax: 100, bytesMax: 2 ** 30 };
  const writer = createLedgerWriter({
    open: async () => engine,
    files,
    target,
    limits,
    held: new HeldBytes(2 ** 30),
  });
  const batch = (from: number): ReturnType<typeof changeBatch> =>
    changeBatch(
      V1,
      Array.from({ length: 60 }, (_, index): Change => {
        return { op: 'c', seq: from + index, values: [1n, 'x'] };
      }),
    );
  for (const from of [1, 61, 121]) await writer.append(batch(from));
  equal((await readdir(files.filesFolder)).length, 1);
  equal(writer.rowCount, 180);
  const written = await writer.finish();
  deepEqual(
    written.map(({ recordCount }) => recordCount),
    [120n, 60n],
  );
  for (const from of [1, 61]) await writer.append(batch(from));
  equal((await readdir(files.filesFolder)).length, 1);
  await writer.discard();
  equal(writer.rowCount, 0);
  deepEqual(await readdir(files.filesFolder), []);
  deepEqual(await writer.finish(), []);
});

test('writers together hold no more than their limit: the largest goes first', async (t) => {
  const { engine, files } = await openParts(t);
  const target = targetOf({ raw: false, beforeImages: false });
  const held = new HeldBytes(5000);
  const open = async () => engine;
  const writers = [0, 1, 2].map(() =>
    createLedgerWriter({ open, files, target, limits: LIMITS, held }),
  );
  const batch = (rows: number): ReturnType<typeof changeBatch> =>
    changeBatch(
      V1,
      Array.from({ length: rows }, (_, seq): Change => ({ op: 'c', seq, values: [1n, 'x'] })),
    );
  const stagedFiles = async (): Promise<number> => (await readdir(files.filesFolder)).length;
  await writers[0]?.append(batch(200));
  await writers[1]?.append(batch(100));
  equal(await stagedFiles(), 0);
  await writers[2]?.append(batch(150));
  equal(await stagedFiles(), 1);
  equal((await writers[0]?.finish())?.length, 1);
  equal((await writers[1]?.finish())?.[0]?.recordCount, 100n);
  await writers[2]?.discard();
  deepEqual(await readdir(files.filesFolder), []);
});

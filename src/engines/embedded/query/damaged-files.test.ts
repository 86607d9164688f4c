/** spec: X10 Damaged files are named, whoever reads them. */
import { deepEqual, ok, rejects } from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { openLake } from '../../../../test/embedded/mini-lake.ts';
import type { MiniLake } from '../../../../test/embedded/mini-lake.ts';
import { tableSchema, temporaryFolder } from '../../../../test/embedded/rows.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import { systemClock } from '../../../kernel/clock.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import { compareTables } from '../compare.ts';
import { openQuerySession } from '../query-session.ts';
import { compactFiles } from '../table-rows.ts';

const SCHEMA = tableSchema({ id: 'long', name: 'string' });
const ROWS = 3000;

/** A base of several files, one of them with deletes, and the ledger it was merged from. */
async function lakeOf(t: TestContext): Promise<MiniLake> {
  const lake = await openLake(t, SCHEMA);
  const insert = Array.from({ length: ROWS }, (_, id) => {
    return { op: 'c', seq: id + 1, values: [BigInt(id), `name ${id}`] } as const;
  });
  await lake.append(insert);
  await lake.merge({ from: null, to: { epoch: 1, seq: BigInt(ROWS) }, seen: -1n });
  await lake.append([{ op: 'd', seq: ROWS + 1, values: [7n, 'name 7'] }]);
  const from = { epoch: 1, seq: BigInt(ROWS) };
  await lake.merge({ from, to: { epoch: 1, seq: BigInt(ROWS + 1) }, seen: 1n });
  return lake;
}

/** Everything that reads a base. */
function readers(t: TestContext, lake: MiniLake): Readonly<Record<string, () => Promise<unknown>>> {
  const { files, engine } = lake.parts;
  const table = (name: string, icebergSchema: typeof lake.ledgerSchema, rows: typeof lake.base) => {
    return { namespace: 'app', name, icebergSchema, files: rows };
  };
  const base = table('t', lake.target.icebergSchema, lake.base);
  const ledger = table('t_ledger', lake.ledgerSchema, lake.ledger);
  return {
    async query() {
      const spillFolder = await temporaryFolder(t);
      const limits = { threads: 1, memoryBytesMax: 2 ** 27, spillFolder, spillBytesMax: 2 ** 27 };
      const session = await openQuerySession(
        { store: files.store, clock: systemClock, limits },
        { tables: [base, ledger], live: [] },
      );
      try {
        for (const name of ['t', 't_ledger']) {
          const { rows } = await session.run(`SELECT bit_xor(hash(${name})) FROM ${name}`);
          for await (const chunk of rows) ok(chunk.length > 0);
        }
      } finally {
        await session.close();
      }
    },
    async verify() {
      const mark = { epoch: 1, seq: BigInt(ROWS + 1) };
      await compareTables(files, engine, {
        schema: SCHEMA,
        documents: [],
        source: (async function* () {})(),
        sourceMarks: { low: mark, high: mark },
        base,
        baseWatermark: mark,
        ledger,
        differencesMax: 1,
      });
    },
    async compaction() {
      const connection = await engine.instance.connect();
      try {
        const { target, bucketing } = lake;
        await compactFiles(files, connection, {
          schema: SCHEMA,
          target,
          bucketing,
          files: lake.base,
        });
      } finally {
        connection.closeSync();
      }
    },
  };
}

type Damage = (bytes: Uint8Array) => Uint8Array | null;

const damages: Readonly<Record<string, Damage>> = {
  removed: () => null,
  truncated: (bytes) => bytes.subarray(0, bytes.length - 100),
  emptied: () => new Uint8Array(),
  'longer by a byte': (bytes) => Buffer.concat([bytes, new Uint8Array(1)]),
  'with a broken footer': (bytes) => changed(bytes, bytes.length - 30, 20),
  'with a forged length of the footer': (bytes) => changed(bytes, bytes.length - 8, 4),
  'with broken pages': (bytes) => changed(bytes, 40, 200),
  'all zeros': (bytes) => new Uint8Array(bytes.length),
};

function changed(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let index = at; index < at + count; index++) copy[index] = (copy[index] ?? 0) ^ 0xa5;
  return copy;
}

test('spec: X10 a damaged file is named by queries, verify and compaction', async (t) => {
  const lake = await lakeOf(t);
  const { store } = lake.parts.files;
  const deletes = lake.base.flatMap((scan) => scan.deletes);
  const victims: readonly DataFile[] = [
    ...lake.base.slice(0, 1).map(({ file }) => file),
    ...deletes.slice(0, 1),
    ...lake.ledger.slice(0, 1).map(({ file }) => file),
  ];
  ok(victims.length === 3 && deletes.length > 0, 'a data, a delete and a ledger file');
  const ledger = victims.at(-1);
  for (const victim of victims) {
    const whole = await store.read(victim.filePath);
    for (const [name, damage] of Object.entries(damages)) {
      const bytes = damage(whole);
      if (bytes === null) await store.remove(victim.filePath);
      else await store.write(victim.filePath, bytes);
      for (const [reader, read] of Object.entries(readers(t, lake))) {
        if (victim === ledger && reader === 'compaction') continue;
        await rejects(
          read,
          (error) =>
            (isFirnError(error, 'STORAGE-FILE-DAMAGED') ||
              isFirnError(error, 'STORAGE-NOT-FOUND')) &&
            error.where === victim.filePath,
          `${reader} of a ${victim.content} file ${name}`,
        );
        deepEqual(await readdir(lake.parts.files.filesFolder), [], 'nothing is left half done');
      }
    }
    await store.write(victim.filePath, whole);
  }
  for (const read of Object.values(readers(t, lake))) await read();
});

/**
 * The reader matrix: other engines open Firn’s tables with the lines of `firn catalog connect`
 * and must read what Firn reads, cell by cell. The findings are `docs/compatibility.md`, which must
 * say what this run saw; `FIRN_WRITE_PAGES=1` writes it anew.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { present } from '../../../src/kernel/assert.ts';
import type { KnownRows } from './firn-cells.ts';
import {
  DOORS,
  changeBySpark,
  keyOf,
  openAll,
  pageOf,
  placeOf,
  readAll,
  rowIds,
} from './matrix-findings.ts';
import type { Read } from './matrix-findings.ts';
import { bucketLake, changedLake, mergedLake, typedLake, vectorLake } from './matrix-lakes.ts';
import type { MatrixState } from './matrix-lakes.ts';
import type { ReaderProcess } from './reader-process.ts';
import { READERS, matrixSkip } from './readers.ts';
import type { Reader } from './readers.ts';

const PAGE = 'docs/compatibility.md';
const skip = matrixSkip();

test('every reader of the matrix', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-matrix-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { states: bucket, environment } = await bucketLake(t, folder);
  const shared = [await changedLake(t), await vectorLake(t)];
  const [spark, ...others] = READERS;
  const started = new Map<string, ReaderProcess>();
  t.after(() => {
    for (const process of started.values()) process.end();
  });
  const start = (reader: Reader): ReaderProcess => {
    const process = reader.start({ folder: mkdtempSync(join(folder, 'reader-')), environment });
    started.set(reader.engine, process);
    return process;
  };
  const first = present(spark, 'Spark');
  const sparkProcess = start(first);
  const vectors = present(shared[1], 'a lake').lake;
  await openAll(
    first,
    sparkProcess,
    shared.map(({ lake }) => lake),
  );
  for (const lake of shared) await changeBySpark(sparkProcess, lake);
  const idsBefore = await rowIds(sparkProcess, vectors, 'merged');
  const states: MatrixState[] = [];
  for (const { finish } of shared) states.push(...(await finish()));
  states.push(...(await mergedLake(t)), ...(await typedLake(t)));
  const idsAfter = await rowIds(sparkProcess, vectors, 'merged');
  const known = new Map<string, KnownRows>();
  for (const { lake, tables } of [...states, ...bucket]) {
    for (const { table } of tables) known.set(keyOf(lake, table), await lake.known(table));
  }
  const cells = [...known.values()].reduce(
    (sum, one) => sum + one.rows.length * one.columns.length,
    0,
  );
  t.diagnostic(`${known.size} tables with ${cells} cells`);
  const reads: Read[] = [];
  for (const reader of [first, ...others]) {
    const process = started.get(reader.engine) ?? start(reader);
    const all = [...states, ...bucket];
    reads.push(await readAll(reader, process, { states: all, known }));
    process.end();
  }
  await t.test('rows that are updated keep their row ids', () => {
    const kept = [...idsAfter.keys()].filter((key) => idsBefore.has(key));
    ok(kept.length > 100, `${kept.length} rows`);
    for (const key of kept) equal(idsAfter.get(key), idsBefore.get(key), key);
  });
  await t.test('what must be equal is equal', () => {
    for (const [at, reader] of READERS.entries()) {
      const failed = [...states, ...bucket].flatMap((state) =>
        DOORS.flatMap((door) => {
          const finding = reads[at]?.findings.get(placeOf(state, door));
          if (!reader.must.includes(state.format)) return [];
          if (finding?.kind === 'equal' || finding?.kind === 'closed') return [];
          return [{ place: placeOf(state, door), finding }];
        }),
      );
      deepEqual(failed, [], reader.title);
    }
  });
  await t.test(`${PAGE} says what this run saw`, () => {
    const page = pageOf(reads, { folder: states, bucket });
    if (process.env['FIRN_WRITE_PAGES'] === '1') writeFileSync(PAGE, page);
    equal(readFileSync(PAGE, 'utf8'), page);
  });
});

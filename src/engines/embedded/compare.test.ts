/**
 * A base that differs from its source by one bit is found, and nothing else is reported. spec: P14
 */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import type { ComparisonResult } from '../../ports/row-engine.ts';
import { openLake } from '../../../test/embedded/mini-lake.ts';
import type { MiniLake } from '../../../test/embedded/mini-lake.ts';
import { rowBatch, tableSchema } from '../../../test/embedded/rows.ts';
import type { Cell, Change } from '../../../test/embedded/rows.ts';
import { createBaseWriter } from './base-writer.ts';
import { compareTables } from './compare.ts';

const SCHEMA = tableSchema({
  id: 'long',
  name: 'string',
  score: 'double',
  raw: 'binary',
  price: 'decimal(20, 3)',
});

function values(id: number, changed: Readonly<Record<number, Cell>> = {}): readonly Cell[] {
  const cells = [BigInt(id), `name ${id}`, id / 3, Uint8Array.of(id), BigInt(id) * 1000n];
  return cells.map((cell, index) => (index in changed ? (changed[index] ?? null) : cell));
}

async function* batches(rows: readonly (readonly Cell[])[]): AsyncGenerator<RowBatch> {
  for (let from = 0; from < rows.length; from += 3) {
    yield rowBatch(SCHEMA, rows.slice(from, from + 3));
  }
}

async function lakeWith(t: TestContext, rows: readonly (readonly Cell[])[]): Promise<MiniLake> {
  const lake = await openLake(t, SCHEMA);
  await addRows(lake, rows);
  return lake;
}

async function addRows(lake: MiniLake, rows: readonly (readonly Cell[])[]): Promise<void> {
  const { engine, files } = lake.parts;
  const writer = createBaseWriter({
    open: async () => engine,
    files,
    target: lake.target,
    schema: SCHEMA,
    bucketing: lake.bucketing,
    limits: { rowsMax: 1e6, bytesMax: 1e9 },
  });
  await writer.append(rowBatch(SCHEMA, rows));
  lake.addBase(await writer.finish());
}

function compare(
  lake: MiniLake,
  rows: readonly (readonly Cell[])[],
  marks: {
    readonly source?: number;
    /** Where it differs from `source`. */
    readonly high?: number;
    readonly base?: number | null;
    readonly documents?: readonly string[];
  } = {},
): Promise<ComparisonResult> {
  const { engine, files } = lake.parts;
  const base = marks.base === undefined ? 10 : marks.base;
  const table = { namespace: 'shop', name: 'orders' };
  return compareTables(files, engine, {
    schema: SCHEMA,
    documents: marks.documents ?? [],
    source: batches(rows),
    sourceMarks: {
      low: { epoch: 1, seq: BigInt(marks.source ?? 10) },
      high: { epoch: 1, seq: BigInt(marks.high ?? marks.source ?? 10) },
    },
    base: { ...table, icebergSchema: lake.target.icebergSchema, files: lake.base },
    baseWatermark: base === null ? null : { epoch: 1, seq: BigInt(base) },
    ledger: { ...table, icebergSchema: lake.ledgerSchema, files: lake.ledger },
    differencesMax: 5,
  });
}

test('equal tables have no difference, NaN equals NaN', async (t) => {
  const rows = [1, 2, 3, 4, 5, 6, 7].map((id) => values(id));
  rows.push(values(8, { 1: null, 2: Number.NaN, 3: null, 4: null }), values(9, { 2: -0, 1: '' }));
  const lake = await lakeWith(t, rows);
  deepEqual(await compare(lake, rows.toReversed()), {
    sourceRows: 9,
    baseRows: 9,
    settled: 0,
    differences: [],
    differencesTotal: 0,
  });
});

test('every kind of difference is named by key and column, as many as asked for', async (t) => {
  const base = [1, 2, 3, 4, 5, 6, 7, 8].map((id) => values(id, id === 5 ? { 2: -0 } : {}));
  const lake = await lakeWith(t, base);
  const source = [
    values(1),
    values(2, { 1: 'name 2 ' }),
    values(3, { 1: null, 3: Uint8Array.of() }),
    values(4, { 4: 4001n }),
    values(5, { 2: 0 }),
    values(6, { 2: Number.NaN }),
    values(7),
    values(9),
  ];
  const result = await compare(lake, source);
  deepEqual(
    { ...result, differences: [] },
    { sourceRows: 8, baseRows: 8, settled: 0, differences: [], differencesTotal: 7 },
  );
  deepEqual(result.differences, [
    { key: ['2'], kind: 'different', columns: ['name'] },
    { key: ['3'], kind: 'different', columns: ['name', 'raw'] },
    { key: ['4'], kind: 'different', columns: ['price'] },
    { key: ['5'], kind: 'different', columns: ['score'] },
    { key: ['6'], kind: 'different', columns: ['score'] },
  ]);
  const rest = await compare(lake, [...source.slice(0, 1), ...base.slice(1, 7), values(9)]);
  deepEqual(rest.differences, [
    { key: ['8'], kind: 'missing-in-source', columns: [] },
    { key: ['9'], kind: 'missing-in-base', columns: [] },
  ]);
});

test('a key that the base has twice is a difference, though both rows are right', async (t) => {
  const rows = [values(1), values(2)];
  const lake = await lakeWith(t, rows);
  await addRows(lake, [values(2)]);
  const result = await compare(lake, rows);
  deepEqual(result.differences, [{ key: ['2'], kind: 'different', columns: [] }]);
  deepEqual(result.baseRows, 3);
});

/** Base at 10 has ids 1 to 6; the ledger holds what came after. */
const AFTER: readonly Change[] = [
  { op: 'u', seq: 9, values: values(6, { 1: 'before the base' }) },
  { op: 'u', seq: 11, values: values(1, { 1: 'newer' }) },
  { op: 'd', seq: 12, values: [2n, null, null, null, null] },
  { op: 'c', seq: 13, values: values(7) },
  { op: 'u', seq: 14, values: values(3, { 1: 'first' }) },
  { op: 'u', seq: 15, values: values(3, { 1: 'second' }) },
  { op: 'r', seq: 15, row: REREAD_ROW, values: values(4, { 1: 're-read' }) },
  { op: 'u', seq: 20, values: values(5, { 1: 'after both' }) },
];

test('changes between base and source settle a difference, if they say the same', async (t) => {
  const lake = await lakeWith(
    t,
    [1, 2, 3, 4, 5, 6].map((id) => values(id)),
  );
  await lake.append(AFTER);
  const now = [
    values(1, { 1: 'newer' }),
    values(3, { 1: 'second' }),
    values(4, { 1: 're-read' }),
    values(5),
    values(6),
    values(7),
  ];
  const result = await compare(lake, now, { source: 15 });
  deepEqual([result.settled, result.differencesTotal], [5, 0]);
  // As of 14 the source must have the first of two changes, and no re-read yet.
  const early = await compare(lake, now, { source: 14 });
  deepEqual(
    early.differences.map(({ key }) => key),
    [['3'], ['4']],
  );
  const wrong = [
    values(1, { 1: 'something else' }),
    values(2),
    values(3, { 1: 'first' }),
    values(4, { 1: 're-read', 2: 99 }),
    values(5, { 1: 'after both' }),
    values(6, { 1: 'before the base' }),
  ];
  const bad = await compare(lake, wrong, { source: 15 });
  deepEqual(bad.settled, 0);
  deepEqual(bad.differencesTotal, 5);
});

test('a base ahead of the source is settled by what the ledger said before', async (t) => {
  const lake = await lakeWith(t, [values(1, { 1: 'new' }), values(2), values(3, { 1: 'new' })]);
  await lake.append([
    { op: 'c', seq: 5, values: values(1, { 1: 'old' }) },
    { op: 'u', seq: 11, values: values(1, { 1: 'new' }) },
    { op: 'd', seq: 6, row: 0, values: [2n, null, null, null, null] },
    { op: 'c', seq: 12, values: values(2) },
    { op: 'u', seq: 13, values: values(3, { 1: 'new' }) },
  ]);
  const source = [values(1, { 1: 'old' }), values(3, { 1: 'not retained' })];
  const result = await compare(lake, source, { source: 10, base: 20 });
  deepEqual(result.settled, 2);
  deepEqual(result.differences, [{ key: ['3'], kind: 'different', columns: ['name'] }]);
});

test('a truncate settles what is gone, and nothing else', async (t) => {
  const lake = await lakeWith(t, [values(1), values(2), values(3)]);
  await lake.append([
    { op: 't', seq: 12 },
    { op: 'c', seq: 13, values: values(3, { 1: 'again' }) },
  ]);
  const result = await compare(lake, [values(3, { 1: 'again' })], { source: 15 });
  deepEqual([result.settled, result.differencesTotal], [3, 0]);
  const wrong = await compare(lake, [values(2, { 1: 'x' }), values(3, { 1: 'x' })], {
    source: 15,
  });
  deepEqual([wrong.settled, wrong.differencesTotal], [1, 2]);
});

test('without a watermark everything the ledger holds can settle', async (t) => {
  const lake = await openLake(t, SCHEMA);
  await lake.append([{ op: 'c', seq: 1, values: values(1) }]);
  const result = await compare(lake, [values(1), values(2)], { source: 5, base: null });
  deepEqual(result.settled, 1);
  deepEqual(result.differences, [{ key: ['2'], kind: 'missing-in-base', columns: [] }]);
});

test('documents are compared as values where they are spelled otherwise', async (t) => {
  const spelled = [
    [
      '{"a": 1, "b": [1.50, "\u00e9", 18446744073709551615, null]}',
      '{"a":1,"b":[1.5,"\\u00e9",18446744073709551615,null]}',
    ],
    ['1e100', '1.0E100'],
    ['"x"', '"x"'],
    ['no JSON', 'no JSON'],
  ] as const;
  const rows = (at: 0 | 1): (readonly Cell[])[] =>
    spelled.map((pair, index) => values(index + 1, { 1: pair[at] }));
  const lake = await lakeWith(t, rows(1));
  const documents = ['name'];
  deepEqual((await compare(lake, rows(0), { documents })).differencesTotal, 0);
  deepEqual((await compare(lake, rows(0))).differencesTotal, 2, 'all others bit by bit');
  const others = ['{"a": 2}', '1e101', 'null', 'no  JSON'];
  const changed = others.map((text, index) => values(index + 1, { 1: text }));
  deepEqual((await compare(lake, changed, { documents })).differencesTotal, 4);
  const empty = others.map((_, index) => values(index + 1, { 1: null }));
  deepEqual((await compare(lake, empty, { documents })).differencesTotal, 4);
  // What the ledger says of the way between the two is spelled like the base.
  await lake.append([{ op: 'u', seq: 11, values: values(1, { 1: '{"k":[1.5]}' }) }]);
  const later = [values(1, { 1: '{"k": [1.50]}' }), ...rows(0).slice(1)];
  const settled = await compare(lake, later, { documents, source: 12 });
  deepEqual([settled.settled, settled.differencesTotal], [1, 0]);
});

/** The reads every source owes beside its stream: marks, bootstrap, whole tables, single keys. */
import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { present } from '../../src/kernel/assert.ts';
import { REREAD_ROW } from '../../src/model/change-sequence.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { BootstrapChunk, BootstrapRequest, WholeTable } from '../../src/ports/source.ts';
import {
  changesIn,
  changesOf,
  fold,
  keyText,
  rowsIn,
  stateText,
} from '../support/source-events.ts';
import type { Cell, Row } from '../support/source-events.ts';
import { ITEMS, item, readFrom, withPrepared } from './source-under-test.ts';
import type {
  MakeSourceUnderTest,
  Prepared,
  SourceUnderTest,
  TableSpec,
  WriteStep,
} from './source-under-test.ts';

interface KeyCase {
  readonly spec: TableSpec;
  /** Distinct keys, some of which are hard. */
  readonly keys: readonly (readonly Cell[])[];
}

const KEYS: readonly KeyCase[] = [
  {
    spec: { name: 'by_long', columns: { id: 'long', v: 'long' }, key: ['id'] },
    keys: [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 7n].map((id) => [id]),
  },
  {
    spec: { name: 'by_text', columns: { id: 'string', v: 'long' }, key: ['id'] },
    keys: ['', 'a', 'A', 'ä', 'z', "it's", '"', 'a b', '❄️', '10', '9'].map((id) => [id]),
  },
  {
    spec: { name: 'by_bytes', columns: { id: 'binary', v: 'long' }, key: ['id'] },
    keys: ['0x00', '0x', '0xff', '0x00ff', '0x61'].map((id) => [id]),
  },
  {
    spec: {
      name: 'by_three',
      columns: { v: 'long', a: 'string', b: 'long', c: 'binary' },
      key: ['b', 'a', 'c'],
    },
    keys: ['x', 'X', ''].flatMap((a) =>
      [-1n, 0n, 1n].flatMap((b) => ['0x', '0x01'].map((c) => [b, a, c])),
    ),
  },
];

function keyRow(spec: TableSpec, key: readonly Cell[]): Row {
  return Object.fromEntries(
    spec.key.map((name, index): [string, Cell] => [name, key[index] ?? null]),
  );
}

function insertOf({ spec }: KeyCase, key: readonly Cell[], v: number): WriteStep {
  return { op: 'insert', table: spec.name, row: { v: BigInt(v), ...keyRow(spec, key) } };
}

async function chunksOf(
  world: SourceUnderTest,
  schema: TableSchema,
  more: Pick<BootstrapRequest, 'chunkRowsMax'> & Partial<BootstrapRequest>,
): Promise<BootstrapChunk[]> {
  const chunks: BootstrapChunk[] = [];
  const { signal } = new AbortController();
  const request = { schema, after: null, signal, ...more };
  for await (const chunk of world.source.bootstrap(request)) chunks.push(chunk);
  return chunks;
}

function tableNamed(prepared: Prepared, name: string): TableSchema {
  return present(
    prepared.tables.find(({ table }) => table.table === name),
    name,
  );
}

/** The reads of the suite. */
export function sourceReads(make: MakeSourceUnderTest): void {
  describe('bootstrap', () => bootstrapTests(make));
  describe('ranges of a bootstrap', () => rangeTests(make));
  describe('marks and reads beside a writer', () => markTests(make));
  describe('single keys', () => keyTests(make));
}

function bootstrapTests(make: MakeSourceUnderTest): void {
  for (const keyCase of KEYS) {
    const { spec, keys } = keyCase;
    test(`${spec.name}: no row, one row, many, in chunks of any size (spec: B2, S11)`, () =>
      withPrepared(make, [spec], async (prepared) => {
        const schema = tableNamed(prepared, spec.name);
        const { world } = prepared;
        const none = await chunksOf(world, schema, { chunkRowsMax: 3 });
        deepEqual(
          none.map(({ rows, cursor }) => [rows.rowCount, cursor]),
          [[0, null]],
        );
        for (const [index, key] of keys.entries()) {
          await world.write([insertOf(keyCase, key, index)]);
          if (index === 0)
            equal((await chunksOf(world, schema, { chunkRowsMax: 1 }))[0]?.rows.rowCount, 1);
        }
        const whole = await chunksOf(world, schema, { chunkRowsMax: 1000 });
        const expected = whole.flatMap(({ rows }) => rowsIn(rows));
        equal(expected.length, keys.length);
        equal(new Set(expected.map((row) => keyText(schema, row))).size, keys.length);
        for (const chunkRowsMax of [1, 2, 5, keys.length]) {
          const chunks = await chunksOf(world, schema, { chunkRowsMax });
          deepEqual(
            chunks.flatMap(({ rows }) => rowsIn(rows)),
            expected,
          );
          ok(chunks.every(({ rows }) => rows.rowCount <= chunkRowsMax));
          equal(chunks.at(-1)?.cursor, null);
        }
      }));

    test(`${spec.name}: goes on behind every cursor, after a restart too (spec: B5)`, () =>
      withPrepared(make, [spec], async (prepared) => {
        const schema = tableNamed(prepared, spec.name);
        const { world } = prepared;
        for (const [index, key] of keys.entries())
          await world.write([insertOf(keyCase, key, index)]);
        const chunks = await chunksOf(world, schema, { chunkRowsMax: 2 });
        await world.reopen();
        for (const [index, { cursor }] of chunks.entries()) {
          if (cursor === null) continue;
          const rest = await chunksOf(world, schema, { chunkRowsMax: 2, after: cursor });
          const expected = chunks.slice(index + 1).flatMap(({ rows }) => rowsIn(rows));
          deepEqual(
            rest.flatMap(({ rows }) => rowsIn(rows)),
            expected,
          );
        }
      }));
  }
}

/** Ranges that several processes read: their borders come from the source, in its own order. */
function rangeTests(make: MakeSourceUnderTest): void {
  for (const keyCase of KEYS) {
    const { spec, keys } = keyCase;
    test(`${spec.name}: ranges between borders hold every row once (spec: B2, B14)`, () =>
      withPrepared(make, [spec], async (prepared) => {
        const schema = tableNamed(prepared, spec.name);
        const { world } = prepared;
        const { source } = world;
        const { signal } = new AbortController();
        const low = (await source.lowMark(1)).position;
        equal(await source.border({ schema, after: null, rows: 1, low, signal }), null);
        for (const [index, key] of keys.entries())
          await world.write([insertOf(keyCase, key, index)]);
        const whole = await chunksOf(world, schema, { chunkRowsMax: 1000 });
        for (const rows of [1, 2, 3, keys.length]) {
          const found: Row[] = [];
          for (let after: string | null = null; ;) {
            const upTo = await source.border({ schema, after, rows, low, signal });
            const range = { after, upTo, low, chunkRowsMax: 2 };
            const chunks = await chunksOf(world, schema, range);
            const read = chunks.flatMap((chunk) => rowsIn(chunk.rows));
            equal(chunks.at(-1)?.cursor, null);
            if (upTo !== null) equal(read.length, rows);
            found.push(...read);
            if (upTo === null) break;
            after = upTo;
          }
          deepEqual(
            found,
            whole.flatMap((chunk) => rowsIn(chunk.rows)),
          );
        }
      }));
  }

  test('only a source that has passed the low mark is read (spec: B17)', () =>
    withPrepared(make, [ITEMS], async ({ world, tables: [schema] }) => {
      ok(schema);
      const { source } = world;
      const { signal } = new AbortController();
      const low = (await source.lowMark(1)).position;
      await world.write([item(1, 0)]);
      equal((await chunksOf(world, schema, { chunkRowsMax: 9, low }))[0]?.rows.rowCount, 1);
      // The place of another server, and one that is not there yet.
      const token = low.token
        .replace(/\/(?:[0-9a-f]{8}-[0-9a-f-]{27}|id-\d+)\//, '/id-4294967295/')
        .replace(/^(\d+)([-:])/, '9$1$2');
      notEqual(token, low.token);
      const ahead = { ...low, token };
      const isRefused = { code: 'BOOTSTRAP-OTHER-SOURCE' };
      await rejects(chunksOf(world, schema, { chunkRowsMax: 9, low: ahead }), isRefused);
      const border = { schema, after: null, rows: 1, low: ahead, signal };
      await rejects(source.border(border), isRefused);
    }));
}

function markTests(make: MakeSourceUnderTest): void {
  const ROWS = 20;

  async function besideWriter(run: (prepared: Prepared) => Promise<void>): Promise<void> {
    await withPrepared(make, [ITEMS], async (prepared) => {
      const rows = Array.from({ length: ROWS }, (_, index) => item(index + 1, 0));
      await prepared.world.write(rows);
      const writer = await prepared.world.startWriter('items', ROWS);
      try {
        await run(prepared);
      } finally {
        await writer.stop();
      }
    });
  }

  test('chunks over a low mark, then the stream from it, give the table (spec: O9, B2)', () =>
    besideWriter(async (prepared) => {
      const { world } = prepared;
      const schema = tableNamed(prepared, 'items');
      for (let round = 0; round < 15; round++) {
        const low = await world.source.lowMark(1);
        const chunks = await chunksOf(world, schema, { chunkRowsMax: 7 });
        const high = await world.source.highMark(1);
        const read = new Map(
          chunks.flatMap(({ rows }) => rowsIn(rows)).map((row) => [keyText(schema, row), row]),
        );
        const events = await readFrom(prepared, low.position);
        const state = fold(events, new Map([['items', new Map(read)]])).get('items');
        const { signal } = new AbortController();
        const whole = await world.source.readAll({ schema, epoch: 1, batchRowsMax: 9, signal });
        const later = await readFrom(prepared, low.position);
        const now: Row[] = [];
        for await (const batch of whole.batches) now.push(...rowsIn(batch));
        includesState(statesBetween(later, whole, { schema, start: read }), stateText(now));
        ok(state !== undefined);
        const atHigh = fold(eventsUpTo(later, high.completeTo.seq)).get('items');
        for (const [key, row] of read) {
          const before = atHigh?.get(key);
          if (before !== undefined)
            ok((before['v'] ?? 0n) >= (row['v'] ?? 0n), 'a high mark errs late');
        }
      }
    }));

  test('a whole table is of one moment between its marks (spec: O9)', () =>
    besideWriter(async (prepared) => {
      const schema = tableNamed(prepared, 'items');
      const found: { readonly read: WholeTable; readonly rows: readonly Row[] }[] = [];
      for (let round = 0; round < 10; round++) {
        const { signal } = new AbortController();
        const request = { schema, epoch: 1, batchRowsMax: 3, signal };
        const read = await prepared.world.source.readAll(request);
        const rows: Row[] = [];
        for await (const batch of read.batches) rows.push(...rowsIn(batch));
        found.push({ read, rows });
      }
      // Once, behind all of them: the writer writes on while the log is read.
      const events = await readFrom(prepared, prepared.mark.position);
      for (const { read, rows } of found) {
        const states = statesBetween(events, read, { schema, start: new Map() });
        includesState(states, stateText(rows));
      }
    }));
}

/** The table, as text, at each point between the two marks of a whole one: in one walk. */
function statesBetween(
  events: Awaited<ReturnType<typeof readFrom>>,
  { low, high }: WholeTable,
  { schema, start }: { readonly schema: TableSchema; readonly start: ReadonlyMap<string, Row> },
): readonly (readonly string[])[] {
  const ordered = changesOf(events).toSorted((left, right) => {
    if (left.seq !== right.seq) return left.seq < right.seq ? -1 : 1;
    return left.row - right.row;
  });
  const rows = new Map(start);
  const states: string[][] = [];
  let at = 0;
  for (let seq: bigint | undefined = low.completeTo.seq; seq !== undefined;) {
    for (; at < ordered.length; at++) {
      const { op, values, seq: own } = present(ordered[at], 'a change');
      if (own > seq) break;
      if (op === 'd') rows.delete(keyText(schema, values));
      else rows.set(keyText(schema, values), values);
    }
    states.push(stateText(rows.values()));
    const next: bigint | undefined = ordered[at]?.seq;
    seq = next !== undefined && next <= high.completeTo.seq ? next : undefined;
  }
  return states;
}

function includesState(states: readonly (readonly string[])[], state: readonly string[]): void {
  const found = states.some((one) => isDeepStrictEqual(one, state));
  if (!found) deepEqual(state, states.at(-1));
}

/** Changes at or below `seq`, as events of one row each. */
function eventsUpTo(
  events: Awaited<ReturnType<typeof readFrom>>,
  seq: bigint,
): Awaited<ReturnType<typeof readFrom>> {
  return events.flatMap((event) => {
    if (event.kind !== 'changes') return [];
    const { batch } = event;
    const count = [...batch.seq].filter((one) => one <= seq).length;
    return count === 0 ? [] : [{ kind: 'changes' as const, batch: { ...batch, rowCount: count } }];
  });
}

function keyTests(make: MakeSourceUnderTest): void {
  for (const keyCase of KEYS) {
    const { spec, keys } = keyCase;
    test(`${spec.name}: rows that are there, and those that are not (spec: O10)`, () =>
      withPrepared(make, [spec], async (prepared) => {
        const { world } = prepared;
        for (const [index, key] of keys.entries())
          await world.write([insertOf(keyCase, key, index)]);
        const schema = tableNamed(prepared, spec.name);
        const [whole] = await chunksOf(world, schema, { chunkRowsMax: 1000 });
        const wanted = present(whole, 'a chunk').rows;
        const gone = keyRow(spec, keys[0] ?? []);
        await world.write([{ op: 'delete', table: spec.name, key: gone }]);
        const low = await world.source.lowMark(1);
        const changes = changesIn(await world.source.readKeys({ keys: wanted, epoch: 1 }));
        equal(changes.length, keys.length);
        deepEqual(changes.map(({ op }) => op).toSorted(), ['d', ...keys.slice(1).map(() => 'r')]);
        const rows = new Map(rowsIn(wanted).map((row) => [keyText(schema, row), row]));
        equal(new Set(changes.map(({ values }) => keyText(schema, values))).size, keys.length);
        for (const change of changes) {
          const row = present(rows.get(keyText(schema, change.values)), 'a row of that key');
          equal(change.row, REREAD_ROW);
          ok(change.seq <= low.completeTo.seq + 1n);
          if (change.op === 'r') deepEqual(change.values, row);
        }
      }));
  }
}

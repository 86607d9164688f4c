/**
 * What every source must do, whatever database it reads. A source's own test runs this suite and
 * adds what only that database can show.
 */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { present } from '../../src/kernel/assert.ts';
import { compareMarks } from '../../src/model/change-sequence.ts';
import type { SourceEvent } from '../../src/model/source-event.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import { changesOf, ofKind, rowText } from '../support/source-events.ts';
import type { Change } from '../support/source-events.ts';
import { sourceReads } from './source-reads.ts';
import {
  ITEMS,
  item,
  lastBorder,
  readFrom,
  requestFrom,
  withPrepared,
} from './source-under-test.ts';
import type { MakeSourceUnderTest, Prepared, WriteStep } from './source-under-test.ts';

/** Identity and content of a change as text. */
function changeText(change: Change): string {
  const { table, op, seq, row, values } = change;
  return `${table} ${op} ${seq}/${row} ${rowText(values)}`;
}

function texts(events: readonly SourceEvent[]): string[] {
  return changesOf(events).map(changeText);
}

function update(id: number, set: Record<string, bigint | string | null>): WriteStep {
  return { op: 'update', table: 'items', key: { id: BigInt(id) }, set };
}

function remove(id: number): WriteStep {
  return { op: 'delete', table: 'items', key: { id: BigInt(id) } };
}

/** Transactions with every kind of change, each written and read by itself. */
const TRANSACTIONS: readonly (readonly WriteStep[])[] = [
  [item(1, 1), item(2, 1), item(3, 1, 'three')],
  [update(1, { v: 2n }), update(2, { v: 2n, note: 'two' })],
  [update(3, { id: 30n })],
  [remove(2), item(2, 3), update(2, { v: 4n })],
  [remove(1), remove(2)],
];

async function writeAndRead(
  prepared: Prepared,
): Promise<{ readonly events: SourceEvent[][]; readonly positions: SourcePosition[] }> {
  const events: SourceEvent[][] = [];
  const positions = [prepared.mark.position];
  for (const steps of TRANSACTIONS) {
    await prepared.world.write(steps);
    const read = await readFrom(prepared, present(positions.at(-1), 'a position'));
    events.push(read);
    positions.push(lastBorder(read).position);
  }
  return { events, positions };
}

/** Runs the suite against what `make` gives. */
export function sourceConformance(name: string, make: MakeSourceUnderTest): void {
  describe(`${name}: source conformance`, () => {
    describe('stream', () => streamTests(make));
    describe('stream on request', () => pacingTests(make));
    describe('positions', () => positionTests(make));
    describe('tables that change', () => tableTests(make));
    describe('coming and going', () => lifeTests(make));
    sourceReads(make);
  });
}

function streamTests(make: MakeSourceUnderTest): void {
  test('delivers every change once, in order, a key change as two (spec: O2, O4, O8)', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { events } = await writeAndRead(prepared);
      deepEqual(
        events.map((list) => changesOf(list).map(({ op }) => op)),
        [
          ['c', 'c', 'c'],
          ['u', 'u'],
          ['d', 'c'],
          ['d', 'c', 'u'],
          ['d', 'd'],
        ],
      );
      const changes = changesOf(events.flat());
      for (const atOnce of Map.groupBy(changes, ({ seq }) => seq).values()) {
        // A row that moved to another key is two changes at one index.
        const expected = atOnce.map(({ op, row }) => row % 2 === (op === 'd' ? 0 : 1));
        equal(expected.every(Boolean), true);
        equal(new Set(atOnce.map(({ row }) => row)).size, atOnce.length);
      }
      const sorted = changes.toSorted((a, b) =>
        a.seq === b.seq ? a.row - b.row : a.seq < b.seq ? -1 : 1,
      );
      deepEqual(changes.map(changeText), sorted.map(changeText));
      equal(new Set(changes.map(({ seq, row }) => `${seq}/${row}`)).size, changes.length);
      equal(rowText(present(changes[5], 'the key change').values).includes('id=bigint 3'), true);
    }));

  test('every batch is followed by a border at or above it (spec: S4)', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { events } = await writeAndRead(prepared);
      let open = 0n;
      let reached = prepared.mark.completeTo;
      for (const event of events.flat()) {
        if (event.kind === 'changes') for (const { seq } of changesOf([event])) open = seq;
        if (event.kind !== 'transaction-end' && event.kind !== 'heartbeat') continue;
        ok(event.completeTo.seq >= open, 'a border covers what came before it');
        ok(compareMarks(event.completeTo, reached) >= 0, 'borders never go back');
        reached = event.completeTo;
      }
      for (const list of events) notEqual(list.at(-1)?.kind, 'changes');
    }));

  test('reads the same again after a restart (spec: O3)', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { events } = await writeAndRead(prepared);
      await prepared.world.reopen();
      const again = await readFrom(prepared, prepared.mark.position);
      deepEqual(texts(again), texts(events.flat()));
    }));
}

function pacingTests(make: MakeSourceUnderTest): void {
  test('full before images of updates when asked for', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      await prepared.world.write([item(1, 1, 'old')]);
      await prepared.world.write([update(1, { v: 2n, note: null })]);
      const read = await readFrom(prepared, prepared.mark.position, { beforeImages: true });
      const before = changesOf(read).map((change) => rowText(change.before ?? {}));
      deepEqual(before, ['', 'id=bigint 1 v=bigint 1 note="old"']);
    }));

  test('once ends; idle it says where it is', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const idle = await readFrom(prepared, prepared.mark.position);
      deepEqual(
        idle.map(({ kind }) => kind),
        ['heartbeat'],
      );
      equal(lastBorder(idle).position.token, prepared.mark.position.token);
      deepEqual(await readFrom(prepared, null).then(texts), []);
    }));

  test('goes on until it is stopped, with heartbeats between changes', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const stop = new AbortController();
      const request = requestFrom(prepared, null, { once: false, signal: stop.signal });
      const kinds: string[] = [];
      for await (const event of prepared.world.source.stream(request)) {
        kinds.push(event.kind);
        if (kinds.length === 1) await prepared.world.write([item(1, 1)]);
        const ends = kinds.filter((kind) => kind === 'transaction-end').length;
        if (event.kind === 'transaction-end' && ends === 1)
          await prepared.world.write([item(2, 1)]);
        if (ends === 2) stop.abort();
      }
      const borders = ['heartbeat', 'changes', 'transaction-end', 'changes', 'transaction-end'];
      deepEqual(kinds.slice(0, 5), borders);
    }));
}

function positionTests(make: MakeSourceUnderTest): void {
  test('going on from any border skips nothing and repeats nothing (spec: O1)', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { events, positions } = await writeAndRead(prepared);
      await prepared.world.reopen();
      for (const [index, position] of positions.entries()) {
        const rest = await readFrom(prepared, position);
        deepEqual(texts(rest), texts(events.slice(index).flat()));
      }
    }));

  test('oldest and newest of two', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { positions } = await writeAndRead(prepared);
      const [first, last] = [present(positions[0], 'first'), present(positions.at(-1), 'last')];
      const { source } = prepared.world;
      equal(source.oldest(first, last).token, first.token);
      equal(source.oldest(last, first).token, first.token);
      equal(source.newest(first, last).token, last.token);
      equal(source.newest(last, first).token, last.token);
    }));

  test('acknowledging loses nothing behind the position, and what is gone is said (spec: S5)', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { events, positions } = await writeAndRead(prepared);
      const kept = present(positions[2], 'a position');
      await prepared.world.source.acknowledge(kept);
      await prepared.world.source.acknowledge(present(positions[1], 'an older position'));
      equal((await prepared.world.source.verifyPosition(kept)).kind, 'valid');
      deepEqual(texts(await readFrom(prepared, kept)), texts(events.slice(2).flat()));
      await prepared.world.source.acknowledge(present(positions.at(-1), 'the last'));
      const last = present(positions.at(-1), 'the last');
      await prepared.world.dropLog?.();
      equal((await prepared.world.source.verifyPosition(last)).kind, 'valid');
      await prepared.world.write([item(9, 9)]);
      equal(changesOf(await readFrom(prepared, last)).length, 1);
      equal((await prepared.world.source.verifyPosition(prepared.mark.position)).kind, 'broken');
    }));

  test('a restored database is recognised, also when it has grown again (spec: S10)', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      await prepared.world.write([item(1, 1)]);
      await prepared.world.backUp();
      const same = lastBorder(await readFrom(prepared, prepared.mark.position)).position;
      await prepared.world.write([item(2, 1), item(3, 1)]);
      const ahead = lastBorder(await readFrom(prepared, prepared.mark.position)).position;
      await prepared.world.restore();
      const source = await prepared.world.reopen();
      equal((await source.verifyPosition(same)).kind, 'valid');
      equal((await source.verifyPosition(ahead)).kind, 'broken');
      await prepared.world.write([item(4, 1), item(5, 1), item(6, 1)]);
      equal((await source.verifyPosition(ahead)).kind, 'broken');
    }));

  test('lag counts what is not read yet', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { source } = prepared.world;
      equal((await source.lag(prepared.mark.position))?.changes ?? 0n, 0n);
      await prepared.world.write([item(1, 1)]);
      notEqual((await source.lag(prepared.mark.position))?.changes, 0n);
    }));
}

function tableTests(make: MakeSourceUnderTest): void {
  const other = { ...ITEMS, name: 'others' };
  const row = (id: number): WriteStep => {
    return { op: 'insert', table: 'others', row: { id: BigInt(id), v: 1n, note: null } };
  };

  test('a new column: the schema comes before the rows that use it (spec: S8)', () =>
    withPrepared(make, [ITEMS, other], async (prepared) => {
      await prepared.world.write([item(1, 1), row(1)]);
      await prepared.world.addColumn('items', 'extra', 'string');
      await prepared.world.write([
        { op: 'insert', table: 'items', row: { id: 2n, v: 1n, note: null, extra: 'x' } },
      ]);
      const events = await readFrom(prepared, prepared.mark.position);
      const at = events.findIndex((event) => event.kind === 'schema-changed');
      ok(at >= 0, 'the new schema is delivered');
      const named = changesOf(events.slice(at)).filter(({ values }) => values['extra'] === 'x');
      ok(named.length > 0, 'the new value is delivered');
      deepEqual(
        changesOf(events.slice(0, at)).filter(({ values }) => 'extra' in values),
        [],
      );
      deepEqual(ofKind(events, 'table-halted'), []);
    }));

  test('a dropped table halts that table only (spec: S18)', () =>
    withPrepared(make, [ITEMS, other], async (prepared) => {
      await prepared.world.write([item(1, 1), row(1)]);
      await prepared.world.dropTable('items');
      await prepared.world.write([row(2)]);
      const events = await readFrom(prepared, prepared.mark.position);
      deepEqual(
        ofKind(events, 'table-halted').map(({ table, recovery }) => `${table.table} ${recovery}`),
        ['items operator'],
      );
      deepEqual(
        changesOf(events)
          .filter(({ table }) => table === 'others')
          .map(({ op }) => op),
        ['c', 'c'],
      );
    }));
}

function lifeTests(make: MakeSourceUnderTest): void {
  test('preparing again changes nothing', () =>
    withPrepared(make, [ITEMS], async (prepared) => {
      const { world, tables, mark } = prepared;
      const before = await world.traces();
      const identity = await world.source.identify();
      await world.source.prepare(tables);
      await (await world.reopen()).prepare(tables);
      deepEqual(await world.traces(), before);
      deepEqual(await world.source.identify(), identity);
      equal((await world.source.lowMark(1)).position.token, mark.position.token);
      equal(mark.position.sourceId, identity.sourceId);
    }));

  test('checking reads only (spec: S15)', async () => {
    const world = await make();
    try {
      await world.createTable(ITEMS);
      const findings = await world.source.check();
      deepEqual(
        findings.filter(({ severity }) => severity === 'error'),
        [],
      );
      deepEqual(await world.traces(), []);
    } finally {
      await world.close();
    }
  });

  test('uninstalling leaves no trace (spec: S16)', () =>
    withPrepared(make, [ITEMS], async ({ world }) => {
      await world.write([item(1, 1)]);
      const plan = await world.source.uninstallPlan();
      equal(plan.length > 0, (await world.traces()).length > 0);
      await world.source.uninstall();
      deepEqual(await world.traces(), []);
      await world.write([item(2, 1)]);
    }));
}

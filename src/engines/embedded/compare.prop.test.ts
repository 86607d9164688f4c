/**
 * A difference is accepted when the log explains it at one point between the source's two marks,
 * and only then: against every point tried one by one. spec: P14
 */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { openLake } from '../../../test/embedded/mini-lake.ts';
import { rowBatch, tableSchema } from '../../../test/embedded/rows.ts';
import type { Change } from '../../../test/embedded/rows.ts';
import { createBaseWriter } from './base-writer.ts';
import { compareTables } from './compare.ts';

const SCHEMA = tableSchema({ id: 'long', v: 'long' });
const KEYS = 40;
const SEQ_MAX = 9;
const EVENTS = { minLength: KEYS, maxLength: 3 * KEYS };

/** Value of a key, `null` without a row. */
type State = number | null;

interface History {
  /** Changes of one key or, for truncates, of all, by sequence. */
  readonly events: readonly { readonly seq: number; readonly key: number; readonly to: State }[];
  readonly truncates: readonly number[];
  readonly base: number | null;
  readonly low: number;
  readonly high: number;
  readonly baseRows: readonly State[];
  readonly sourceRows: readonly State[];
}

const state = fc.option(fc.integer({ min: 0, max: 2 }), { freq: 3 });
const seq = fc.integer({ min: 1, max: SEQ_MAX });
const histories = fc
  .record({
    events: fc.array(fc.record({ seq, key: fc.nat(KEYS - 1), to: state }), EVENTS),
    truncates: fc.uniqueArray(seq, { maxLength: 2 }),
    base: fc.option(seq, { freq: 8 }),
    marks: fc.tuple(seq, seq),
    baseRows: fc.array(state, { minLength: KEYS, maxLength: KEYS }),
    sourceRows: fc.array(state, { minLength: KEYS, maxLength: KEYS }),
  })
  .map(({ marks, ...history }): History => {
    return { ...history, low: Math.min(...marks), high: Math.max(...marks) };
  });

/** What the log says a key has after `to`, of its changes after `from`; `undefined`: nothing. */
function stateAt(history: History, key: number, range: readonly [number, number]): unknown {
  const [from, to] = range;
  let found: State | undefined;
  for (let at = from + 1; at <= to; at++) {
    if (history.truncates.includes(at)) found = null;
    // Of two changes of a key at one sequence the later one in the list has the higher row.
    const own = history.events.filter((event) => event.key === key && event.seq === at);
    const last = own.at(-1);
    if (last !== undefined) found = last.to;
  }
  return found;
}

function isExplained(history: History, key: number): boolean {
  for (let point = history.low; point <= history.high; point++) {
    const base = history.base ?? 0;
    const isAhead = base > point;
    const said = stateAt(history, key, isAhead ? [0, point] : [base, point]);
    const changed = isAhead ? stateAt(history, key, [point, base]) : said;
    const wanted = history.sourceRows[key];
    if (changed !== undefined && said !== undefined && said === wanted) return true;
  }
  return false;
}

function rowsOf(states: readonly State[]): readonly (readonly bigint[])[] {
  return states.flatMap((value, key) => (value === null ? [] : [[BigInt(key), BigInt(value)]]));
}

function changesOf(history: History): readonly Change[] {
  const changes: Change[] = [];
  for (let at = 1; at <= SEQ_MAX; at++) {
    if (history.truncates.includes(at)) changes.push({ op: 't', seq: at, row: 1 });
    for (const [index, { key, to }] of history.events.filter((one) => one.seq === at).entries()) {
      const row = 2 * index + (to === null ? 2 : 3);
      const value = to === null ? null : BigInt(to);
      changes.push({ op: to === null ? 'd' : 'u', seq: at, row, values: [BigInt(key), value] });
    }
  }
  return changes;
}

test('what the log explains at a point between the marks is settled, nothing else', async (t) => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const lake = await openLake(t, SCHEMA);
      const { engine, files } = lake.parts;
      const { target, bucketing } = lake;
      const limits = { rowsMax: 1e6, bytesMax: 1e9 };
      const open = async (): Promise<typeof engine> => engine;
      const writer = createBaseWriter({ open, files, target, schema: SCHEMA, bucketing, limits });
      await writer.append(rowBatch(SCHEMA, rowsOf(history.baseRows)));
      lake.addBase(await writer.finish());
      const changes = changesOf(history);
      if (changes.length > 0) await lake.append(changes);
      const table = { namespace: 'shop', name: 'orders' };
      const mark = (at: number): { epoch: number; seq: bigint } => ({ epoch: 1, seq: BigInt(at) });
      const result = await compareTables(files, engine, {
        documents: [],
        schema: SCHEMA,
        source: (async function* () {
          yield rowBatch(SCHEMA, rowsOf(history.sourceRows));
        })(),
        sourceMarks: { low: mark(history.low), high: mark(history.high) },
        base: { ...table, icebergSchema: target.icebergSchema, files: lake.base },
        baseWatermark: history.base === null ? null : mark(history.base),
        ledger: { ...table, icebergSchema: lake.ledgerSchema, files: lake.ledger },
        differencesMax: KEYS,
      });
      const keys = Array.from({ length: KEYS }, (_, key) => key);
      const differing = keys.filter((key) => history.baseRows[key] !== history.sourceRows[key]);
      const left = differing.filter((key) => !isExplained(history, key));
      deepEqual(
        result.differences.map(({ key }) => key),
        left.map((key) => [String(key)]),
      );
      deepEqual(result.settled, differing.length - left.length);
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

test('of two re-reads at one mark the later file speaks', async (t) => {
  const lake = await openLake(t, SCHEMA);
  const { engine, files } = lake.parts;
  const reread = { op: 'r', seq: 5, row: REREAD_ROW } as const;
  await lake.append([{ ...reread, values: [1n, 1n] }]);
  await lake.append([{ ...reread, values: [1n, 2n] }]);
  const table = { namespace: 'shop', name: 'orders' };
  for (const [value, left] of [
    [1n, 1],
    [2n, 0],
  ] as const) {
    const result = await compareTables(files, engine, {
      documents: [],
      schema: SCHEMA,
      source: (async function* () {
        yield rowBatch(SCHEMA, [[1n, value]]);
      })(),
      sourceMarks: { low: { epoch: 1, seq: 4n }, high: { epoch: 1, seq: 6n } },
      base: { ...table, icebergSchema: lake.target.icebergSchema, files: [] },
      baseWatermark: { epoch: 1, seq: 3n },
      ledger: { ...table, icebergSchema: lake.ledgerSchema, files: lake.ledger },
      differencesMax: 1,
    });
    deepEqual(result.differencesTotal, left);
  }
});

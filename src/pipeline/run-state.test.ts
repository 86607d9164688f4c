/** Who waits for the stream, and when they are let go. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { FirnError } from '../kernel/firn-error.ts';
import { LedgerStage } from '../ledger/ledger-stage.ts';
import { capturedTable } from './captured-table.ts';
import type { CapturedTable } from './captured-table.ts';
import { haltOf } from './state/halts.ts';
import { RunState } from './run-state.ts';

const MARK = { epoch: 1, seq: 7n };

function table(name: string): CapturedTable {
  const schema = {
    table: { namespace: 'shop', table: name },
    version: 1,
    columns: [],
    keyColumnIds: [],
  };
  const source = {
    table: schema.table,
    columns: [],
    keyColumns: [],
    ledgerOnlyReason: null,
    rowsEstimate: null,
  };
  return capturedTable({ schema, source, base: null, needsBootstrap: true, halt: null });
}

function runOf(...tables: readonly CapturedTable[]): RunState {
  const never = (): never => {
    throw new Error('nothing is committed here');
  };
  return new RunState({
    epoch: 1,
    tables,
    known: new Set(),
    absentUntil: null,
    stage: new LedgerStage({ commit: never, openWriter: never }),
    schemas: {
      tables: () => [],
      newest: () => null,
      preview: never,
      resolve: never,
      resolveAll: never,
      forget: never,
    },
    restart: new AbortController(),
  });
}

/** Whether a promise has been settled. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const late = Symbol('late');
  return (await Promise.race([promise, Promise.resolve().then(() => late)])) !== late;
}

test('who waits for a mark or asks for a job makes the stream be waited for', async () => {
  const orders = table('orders');
  const run = runOf(orders);
  const { signal } = new AbortController();
  equal(run.isWaitedFor, false);
  const reached = run.ledgerReaches(orders, MARK, signal);
  equal(run.isWaitedFor, true);
  deepEqual([...run.awaitedTables()], ['shop.orders']);
  equal(run.isAwaited({ epoch: 1, seq: 6n }), false, 'nobody waits for what comes before');
  equal(run.isAwaited(MARK), true);
  run.end();
  await reached;
  equal(run.isWaitedFor, false);

  const other = runOf(orders);
  const job = other.inStream(async () => 5);
  equal(other.isWaitedFor, true);
  await other.runJobs();
  equal(await job, 5);
  equal(other.isWaitedFor, false);
  other.end();
  await rejects(
    other.inStream(async () => 6),
    { code: 'PIPELINE-REQUEST-FAILED' },
  );
});

test('a table that stops lets go of who waits for its ledger, and of nobody else (spec: Y5)', async () => {
  const [orders, lines] = [table('orders'), table('lines')];
  const run = runOf(orders, lines);
  const { signal } = new AbortController();
  const [first, second] = [orders, lines].map((one) => run.ledgerReaches(one, MARK, signal));
  const error = new FirnError('SOURCE-TABLE-MISSING', { what: 'gone' });
  orders.halt = haltOf(error, { scope: 'capture', recovery: 'operator', sinceMs: 0 });
  run.settleWaiters();
  equal(await isDone(first ?? Promise.resolve()), true);
  equal(await isDone(second ?? Promise.resolve()), false);
  equal(run.isWaitedFor, true);
  lines.halt = { ...orders.halt, scope: 'merge' };
  run.settleWaiters();
  equal(run.isWaitedFor, true, 'its ledger goes on');
});

test('a held run is held until the last task is done, however it ends', async () => {
  const run = runOf();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const held = [run.hold(() => first.promise), run.hold(() => second.promise)];
  equal(run.isHeld, true);
  first.resolve();
  await held[0];
  equal(run.isHeld, true);
  second.reject(new Error('failed'));
  await rejects(held[1] ?? Promise.resolve(), /failed/);
  equal(run.isHeld, false);
});

/**
 * The life of one pipeline, from an empty lake to a second start: bootstraps beside transactions,
 * commits, merges, a new column, re-reads, retention, compaction. It repeats exactly, so that every
 * operation of it has a number, and a fault can be put on each.
 */
import { deepEqual } from 'node:assert/strict';
import { carryOut } from '../../src/pipeline/control/control-commands.ts';
import { readHalts } from '../../src/pipeline/state/halts.ts';
import type { RunState } from '../../src/pipeline/run-state.ts';
import type { FaultPlan } from '../faults/fault-plan.ts';
import { auditLake } from './audit-lake.ts';
import type { Audit } from './audit-lake.ts';
import type { ModelDatabase, Statement } from './model-database.ts';
import { SimulatedWorld, noFault } from './simulated-world.ts';
import type { SimulatedProcess, WorldOptions } from './simulated-world.ts';
import { supervise } from './supervise.ts';
import type { Watch } from './supervise.ts';

/** Time between two transactions of the application. */
const WORK_MS = 310;

const TRANSACTIONS = 26;

/** The application ends so many transactions after a fault: the rest has its own faults. */
const TRANSACTIONS_AFTER_FAULT = 6;

/** After this transaction there is a new column. */
const COLUMN_AFTER = 14;

const MAINTENANCE_MS = 5600;

/** The first process is asked to end so long after the last transaction. */
const REST_MS = 1500;

/** Where a fault strikes. */
export interface FaultPlace {
  /** 0: first process, 1: the second start. */
  readonly process: 0 | 1;
  readonly plan: FaultPlan;
  /** Operations of the next process before a late effect of the dead one comes. */
  readonly lateAfter?: number;
}

/** What a life was like. */
export interface Life {
  readonly watch: Watch;
  readonly audit: Audit;
  /** Operations of the first process and of the second start. */
  readonly operations: readonly [FaultPlan['operations'], FaultPlan['operations']];
  /** Kinds of what the pipeline told, with counts. */
  readonly told: ReadonlyMap<string, number>;
}

/** Plays the scenario and audits what it left. */
export async function playScenario(
  options: WorldOptions,
  faultOf: (world: SimulatedWorld) => FaultPlace | null,
): Promise<Life> {
  const world = new SimulatedWorld(options);
  return world.clock.run(live(world, faultOf(world)));
}

async function live(world: SimulatedWorld, fault: FaultPlace | null): Promise<Life> {
  fillDatabase(world.database);
  const watch: Watch = { starts: 0, crashes: 0, stops: [] };
  const plans = [0, 1].map((process) => (fault?.process === process ? fault.plan : noFault()));
  const [first = noFault(), second = noFault()] = plans;
  const told = new Map<string, number>();
  const processes: SimulatedProcess[] = [];
  const onStart = (process: SimulatedProcess): void => {
    processes.push(process);
    if (process.plan !== fault?.plan) settleLate(fault, process);
  };
  const stop = new AbortController();
  const work = application(world, { stop, isDisturbed: () => fault?.plan.fired === true });
  let current: { process: SimulatedProcess; run: RunState } | null = null;
  const maintenance = maintain(world, () => current);
  const { signal } = stop;
  const onRun = (process: SimulatedProcess, run: RunState | null): void => {
    current = run === null ? null : { process, run };
  };
  await supervise(world, { once: false, signal, plan: first, onRun, onStart }, watch);
  await work;
  await maintenance;
  await fault?.plan.settle();
  await supervise(world, { once: true, plan: second, onStart }, watch);
  await fault?.plan.settle();
  // What a fault left at the very end is caught up with here.
  if (fault?.process === 1) await supervise(world, { once: true, onStart }, watch);
  const reader = world.start();
  deepEqual([...(await readHalts(reader.parts.state)).keys()], [], 'halted tables');
  const audit = await auditLake(world, reader.parts.engine);
  await reader.parts.engine.close();
  for (const { kind } of processes.flatMap(({ events }) => events)) {
    told.set(kind, (told.get(kind) ?? 0) + 1);
  }
  return { watch, audit, operations: [first.operations, second.operations], told };
}

/** Lets the late effect of a dead process come while the next one is at work. */
function settleLate(fault: FaultPlace | null, process: SimulatedProcess): void {
  const after = fault?.lateAfter;
  if (fault === null || after === undefined) return;
  process.plan.onOperation = (number) =>
    number === after ? fault.plan.settle() : Promise.resolve();
}

function fillDatabase(database: ModelDatabase): void {
  database.createTable(
    'orders',
    [
      ['id', 'long'],
      ['note', 'string'],
    ],
    1,
  );
  database.createTable(
    'lines',
    [
      ['code', 'string'],
      ['line', 'int'],
      ['count', 'long'],
    ],
    2,
  );
  database.createTable('visits', [['page', 'string']], 0);
  database.transact([
    ...Array.from({ length: 8 }, (_, id) => order('insert', id)),
    ...Array.from({ length: 4 }, (_, line) => row('lines', ['a', String(line), '1'])),
    row('visits', ['before']),
  ]);
}

function row(table: string, values: readonly (string | null)[]): Statement {
  return { do: 'insert', table, row: values };
}

function order(what: 'insert' | 'update' | 'delete', id: number, note = 'new'): Statement {
  const table = 'orders';
  const key = [String(id)];
  if (what === 'delete') return { do: 'delete', table, key };
  const values = [String(id), note];
  return what === 'insert'
    ? { do: 'insert', table, row: values }
    : { do: 'update', table, key, row: values };
}

/** The application that writes to the database; some time after its end the pipeline is stopped. */
async function application(
  world: SimulatedWorld,
  life: { readonly stop: AbortController; readonly isDisturbed: () => boolean },
): Promise<void> {
  const { clock, database } = world;
  let end = TRANSACTIONS;
  for (let turn = 0; turn < end; turn++) {
    await clock.sleep(WORK_MS);
    database.transact(transaction(turn));
    if (turn === COLUMN_AFTER) database.addColumn('orders', ['paid', 'long']);
    if (life.isDisturbed()) end = Math.min(end, turn + TRANSACTIONS_AFTER_FAULT);
  }
  await clock.sleep(REST_MS);
  life.stop.abort();
}

/** The statements of a turn: every kind in turn, over keys that come back. */
function transaction(turn: number): readonly Statement[] {
  const id = 100 + turn;
  const statements: Statement[] = [order('insert', id)];
  if (turn > COLUMN_AFTER) {
    const values = [String(id), 'paid', String(turn)];
    statements.push({ do: 'update', table: 'orders', key: [String(id)], row: values });
  }
  if (turn < 8) statements.push(order('update', turn, `turn ${turn}`));
  if (turn % 4 === 1) statements.push(order('delete', id - 1), order('insert', id - 1, 'again'));
  statements.push(row('lines', ['b', String(turn), '2']));
  if (turn === 3) {
    const key = ['b', String(turn - 1)];
    statements.push({ do: 'update', table: 'lines', key, row: ['c', String(turn), null] });
  }
  if (turn % 7 === 4) statements.push(row('visits', [`page ${turn}`]));
  if (turn % 7 === 5) statements.push({ do: 'vanish', table: 'orders', key: [String(id - 2)] });
  if (turn === 23) statements.push({ do: 'truncate', table: 'lines' });
  return statements;
}

/** Somebody asks for maintenance until it is done. */
async function maintain(
  world: SimulatedWorld,
  current: () => { readonly process: SimulatedProcess; readonly run: RunState } | null,
): Promise<void> {
  await world.clock.sleep(MAINTENANCE_MS);
  for (let attempt = 0; attempt < 20; attempt++) {
    const now = current();
    if (now !== null) {
      const task = { command: 'maintain', arguments: {}, progress: () => undefined } as const;
      try {
        await carryOut(now.process.parts, now.run, task);
        return;
      } catch {
        // The process died, or its run ended: the request is made again, as a person does.
      }
    }
    await world.clock.sleep(150);
  }
}

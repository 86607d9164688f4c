/**
 * What other commands can ask of the process that owns a pipeline. Each either is done when it
 * answers, or fails with a coded error; asking twice is harmless.
 */
import { unreachable } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseMark } from '../../model/change-sequence.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { CapturedTable } from '../captured-table.ts';
import { dropTable } from './drop-table.ts';
import { maintainTables } from './maintain-tables.ts';
import { mergeTable } from '../merge-runner.ts';
import { storeHalts } from '../open-tables.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import { rereadKeys } from './repair-keys.ts';
import { resumeTable } from './resume-table.ts';
import type { RunState } from '../run-state.ts';
import { upgradeTable } from './upgrade-table.ts';
import { haltedName, readHalts, changeHalts } from '../state/halts.ts';

/** Names of the requests an owner answers. */
export type ControlCommand =
  | 'bootstrap'
  | 'resume'
  | 'merge'
  | 'maintain'
  | 'drop'
  | 'upgrade'
  | 'reach'
  | 'reread'
  | 'apply';

/** A request, its arguments checked only as far as each command needs. */
export interface ControlTask {
  readonly command: ControlCommand;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly progress: (text: string) => void;
}

/** How long a request to reach a mark is waited for. */
const REACH_MS_MAX = 20_000;

/** How often a wait looks again. */
const TICK_MS = 100;

/** Carries out a request in the run that owns the tables. */
export async function carryOut(
  parts: PipelineParts,
  run: RunState,
  task: ControlTask,
): Promise<unknown> {
  switch (task.command) {
    case 'merge':
      return mergeAll(parts, run);
    case 'maintain':
      return maintainTables(parts, run);
    case 'bootstrap':
      return bootstrapAgain(parts, run, task);
    case 'resume':
      return resume(parts, run, task);
    case 'drop': {
      const { schema } = tableNamed(run, task);
      await run.inStream(async () => {
        await run.stage.remove(schema.table);
        await dropTable(parts, run.schemas, schema);
      });
      run.restart.abort();
      return null;
    }
    case 'upgrade':
      return upgradeTable(parts, tableNamed(run, task));
    case 'reach':
      return reach(parts, run, task);
    case 'reread':
      return rereadKeys(parts, run, {
        table: tableNamed(run, task),
        keys: keysArgument(task),
      });
    case 'apply':
      return apply(parts, run, task);
    default:
      return unreachable(task.command);
  }
}

/** Brings the cluster to what the pipeline file asks; also what somebody has stopped. */
async function apply(parts: PipelineParts, run: RunState, task: ControlTask): Promise<null> {
  const { applyNow } = await import('../cluster/apply-now.ts');
  await applyNow(parts, run, task.progress);
  return null;
}

async function mergeAll(parts: PipelineParts, run: RunState): Promise<null> {
  for (const table of run.tables.values()) {
    table.unmerged = true;
    await mergeTable(parts, run, table);
  }
  return null;
}

/**
 * Loads a table again and answers when it is published. One whose capture is halted begins anew,
 * its ledger behind a gap; so does the ledger of a table that has no base.
 */
async function bootstrapAgain(
  parts: PipelineParts,
  run: RunState,
  task: ControlTask,
): Promise<unknown> {
  const table = tableNamed(run, task);
  if (table.halt?.scope === 'retired') {
    throw new FirnError('PIPELINE-REQUEST-FAILED', {
      what: 'The source has no such table any more.',
      where: table.name,
      remedy: table.halt.remedy,
    });
  }
  if (table.halt?.scope === 'capture') {
    table.halt = { ...table.halt, recovery: 'bootstrap' };
    await storeHalts(parts, [...run.tables.values()]);
    run.restart.abort();
    return { started: true };
  }
  if (table.base === null) {
    throw new FirnError('PIPELINE-REQUEST-FAILED', {
      what: 'The table is ledger only: it has no key that a base could have.',
      where: table.name,
      remedy: 'Give it a primary key, then start it over with firn drop.',
    });
  }
  table.needsBootstrap = true;
  for (let told = -1; table.needsBootstrap || table.bootstrap !== null;) {
    const rows = table.bootstrap?.progress.rows ?? 0;
    if (rows !== told) task.progress(`${table.name}: ${rows} rows`);
    told = rows;
    if (run.restart.signal.aborted) return { started: true };
    await parts.clock.sleep(TICK_MS, run.restart.signal);
  }
  return { halted: table.halt };
}

async function resume(parts: PipelineParts, run: RunState, task: ControlTask): Promise<unknown> {
  const halts = await readHalts(parts.state);
  const was = halts.get(haltedName(halts, String(task.arguments['table'])) ?? '');
  if (was?.scope === 'refused') {
    // Opening all tables looks at it again.
    await changeHalts(parts.state, (now) => {
      now.delete(haltedName(now, String(task.arguments['table'])) ?? '');
      return now;
    });
    run.restart.abort();
    return { was };
  }
  const table = tableNamed(run, task);
  const { halt } = table;
  if (halt?.scope === 'retired') return { was: null };
  await resumeTable(parts, table);
  await storeHalts(parts, [...run.tables.values()]);
  if (halt?.scope === 'capture') run.restart.abort();
  return { was: halt };
}

/**
 * Answers when every capturing ledger holds everything up to a mark, or when that takes too long:
 * whoever asked looks for itself.
 */
async function reach(parts: PipelineParts, run: RunState, task: ControlTask): Promise<null> {
  const mark = parseMark(String(task.arguments['mark']));
  if (mark === null) {
    throw new FirnError('PIPELINE-REQUEST-FAILED', { what: 'The mark is not understood.' });
  }
  const done = new AbortController();
  const signal = AbortSignal.any([run.restart.signal, done.signal]);
  const all = Promise.all(
    run.stage.tables().flatMap((ledger) => {
      const table = run.tables.get(formatTableName(ledger.schema.table));
      return table === undefined ? [] : [run.ledgerReaches(table, mark, signal)];
    }),
  );
  await Promise.race([all, parts.clock.sleep(REACH_MS_MAX, signal)]);
  done.abort();
  return null;
}

/** The captured table that a request names, as `table` or `namespace.table`. */
function tableNamed(run: RunState, task: ControlTask): CapturedTable {
  const name = String(task.arguments['table']);
  for (const table of run.tables.values()) {
    if (table.name === name || table.schema.table.table === name) return table;
  }
  const known = [...run.tables.values()].map((table) => table.schema.table.table).join(', ');
  throw new FirnError('PIPELINE-UNKNOWN-TABLE', {
    what: `There is no table ${name}; there are ${known}.`,
  });
}

function keysArgument(task: ControlTask): readonly (readonly string[])[] {
  const keys = task.arguments['keys'];
  const isKeys = Array.isArray(keys) && keys.every((key) => Array.isArray(key));
  if (!isKeys) throw new FirnError('PIPELINE-REQUEST-FAILED', { what: 'The keys are missing.' });
  return keys.map((key: readonly unknown[]) => key.map(String));
}

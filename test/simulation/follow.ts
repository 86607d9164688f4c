/** A pipeline that a test starts, asks and stops. */
import { ok } from 'node:assert/strict';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { carryOut } from '../../src/pipeline/control/control-commands.ts';
import type { ControlTask } from '../../src/pipeline/control/control-commands.ts';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import type { RunState } from '../../src/pipeline/run-state.ts';
import { readHalts } from '../../src/pipeline/state/halts.ts';
import { auditLake } from './audit-lake.ts';
import type { Audit } from './audit-lake.ts';
import type { SimulatedProcess, SimulatedWorld } from './simulated-world.ts';

/** A running pipeline. */
export interface Following {
  readonly process: SimulatedProcess;
  /** Ends it; gives the code of the error that ended it before, `null`: none. */
  stop(): Promise<string | null>;
  /** Asks the owner for something. */
  ask(command: ControlTask['command'], args?: ControlTask['arguments']): Promise<unknown>;
  /** Code of the error that ended it; `null` while it runs or after a regular end. */
  readonly endedWith: string | null;
}

/** Starts a pipeline that follows the source. */
export function follow(world: SimulatedWorld): Following {
  const process = world.start();
  const stop = new AbortController();
  let current: RunState | null = null;
  let code: string | null = null;
  const running = runPipeline(process.parts, {
    once: false,
    signal: stop.signal,
    onRun: (run) => {
      current = run;
    },
  }).catch((error: unknown) => {
    if (!isFirnError(error)) throw error;
    ({ code } = error);
  });
  // Reported by `stop`.
  running.catch(() => undefined);
  return {
    process,
    get endedWith() {
      return code;
    },
    async stop() {
      stop.abort();
      await running;
      await process.parts.engine.close();
      return code;
    },
    ask(command, args = {}) {
      ok(current !== null, 'a run is going on');
      return carryOut(process.parts, current, { command, arguments: args, progress: () => {} });
    },
  };
}

/** Catches up with a new process. */
export async function catchUp(world: SimulatedWorld): Promise<SimulatedProcess> {
  const process = world.start();
  const { signal } = new AbortController();
  await runPipeline(process.parts, { once: true, signal, onRun: () => {} });
  await process.parts.engine.close();
  return process;
}

/** Halted tables with the codes of their halts. */
export async function haltsOf(world: SimulatedWorld): Promise<Readonly<Record<string, string>>> {
  const halts = await readHalts(world.start().parts.state);
  return Object.fromEntries([...halts].map(([table, { code }]) => [table, code]));
}

/** Audits the lake with a new process. */
export async function audit(world: SimulatedWorld): Promise<Audit> {
  const { engine } = world.start().parts;
  try {
    return await auditLake(world, engine);
  } finally {
    await engine.close();
  }
}

/**
 * One server's process: started on its own, known again, ended. A process is known by what was
 * written down of it when it was started (number, start, boot), and by a mark in its environment
 * where the program that started it died before it could write. None is ever ended by its number
 * alone, and none by its name.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { numberAt, textAt } from '../engines/cluster/json-answer.ts';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import { replaceFile } from './cluster-settings.ts';
import type { ServerName } from './cluster-settings.ts';
import { commandOf, identityOf, isRunning, listenerAt, processesWith } from './process-table.ts';
import type { ProcessIdentity } from './process-table.ts';

/** A server that runs, ready or not. */
export interface ServerProcess extends ProcessIdentity {
  /** Names this start of it among all. */
  readonly instance: string;
  /** Of the program that was started. */
  readonly version: string;
  /** Milliseconds since 1970; 0: not known. */
  readonly startedAtMs: number;
}

/** What is started. */
export interface Launch {
  /** Program and words. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the process works. */
  readonly workFolder: string;
}

/** A server of a cluster's folder. */
export interface ServerPlace {
  readonly folder: string;
  readonly name: ServerName;
}

/** In the environment of each server: folder, name and instance. */
const MARK = 'FIRN_CLUSTER_SERVER';

const POLL_MS = 50;
/** From SIGKILL to the end; the kernel does it, unless the disk hangs. */
const KILL_MS = 10_000;

/** File of a server's output; that of the start before is beside it, with `.1`. */
export function logFile({ folder, name }: ServerPlace): string {
  return join(folder, 'log', `${name}.log`);
}

function recordFile({ folder, name }: ServerPlace): string {
  return join(folder, 'run', `${name}.json`);
}

/** The process of a server, when it runs. */
export function findServer(place: ServerPlace): ServerProcess | null {
  return recorded(place) ?? unrecorded(place);
}

function recorded(place: ServerPlace): ServerProcess | null {
  const file = recordFile(place);
  if (!existsSync(file)) return null;
  let record;
  try {
    record = parseJson(readFileSync(file, 'utf8'));
  } catch {
    // Damaged: the mark in the environment tells.
    return null;
  }
  const found: ServerProcess = {
    pid: numberAt(record, 'pid') ?? 0,
    startTicks: textAt(record, 'startTicks') ?? '',
    bootId: textAt(record, 'bootId') ?? '',
    instance: textAt(record, 'instance') ?? '',
    version: textAt(record, 'version') ?? '',
    startedAtMs: numberAt(record, 'startedAtMs') ?? 0,
  };
  return found.pid > 0 && isRunning(found) ? found : null;
}

/** One that was started by a program which died before it wrote the record. */
function unrecorded({ folder, name }: ServerPlace): ServerProcess | null {
  const start = `${folder}:${name}:`;
  for (const [mark, pid] of processesWith(MARK)) {
    const identity = mark.startsWith(start) ? identityOf(pid) : null;
    if (identity === null) continue;
    return { ...identity, instance: mark.slice(start.length), version: '', startedAtMs: 0 };
  }
  return null;
}

/**
 * Sees that nobody listens at the ports of a server that is to be started.
 *
 * @throws {FirnError} DEVCLUSTER-PORT
 */
export function refuseTakenPorts(name: ServerName, ports: readonly number[]): void {
  for (const port of ports) {
    const listener = listenerAt(port);
    if (listener === null) continue;
    const { pid } = listener;
    const who = pid === null ? 'another user’s program' : `process ${pid} (${commandOf(pid)})`;
    const what = `port ${port}, which ${name} needs, is taken by ${who}`;
    throw new FirnError('DEVCLUSTER-PORT', { what, where: `127.0.0.1:${port}` });
  }
}

/**
 * Starts a server, which outlives this program. Its output goes to its log, which begins anew.
 *
 * @throws {FirnError} DEVCLUSTER-START when the program cannot be run
 */
export async function startServer(
  place: ServerPlace,
  launch: Launch,
  told: Pick<ServerProcess, 'instance' | 'version' | 'startedAtMs'>,
): Promise<ServerProcess> {
  const log = logFile(place);
  const record = recordFile(place);
  for (const file of [log, record]) mkdirSync(dirname(file), { recursive: true });
  if (existsSync(log)) renameSync(log, `${log}.1`);
  const { command, environment, workFolder } = launch;
  const [program = '', ...words] = command;
  const output = openSync(log, 'w', 0o600);
  const child = spawn(program, words, {
    cwd: workFolder,
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...environment, [MARK]: `${place.folder}:${place.name}:${told.instance}` },
  });
  closeSync(output);
  const failure = await new Promise<Error | null>((resolve) => {
    child.once('error', resolve).once('spawn', () => resolve(null));
  });
  const identity = child.pid === undefined ? null : identityOf(child.pid);
  if (failure !== null || identity === null) {
    const what = `${place.name} cannot be run: ${failure?.message ?? 'it ended at once'}`;
    throw new FirnError('DEVCLUSTER-START', { what, where: log });
  }
  child.unref();
  const server: ServerProcess = { ...identity, ...told };
  replaceFile(record, `${stringifyJson(server)}\n`);
  return server;
}

/** How a server is ended. */
export interface Ending {
  readonly clock: Clock;
  /** After SIGTERM it has so long; 0: it is killed at once. */
  readonly graceMs: number;
}

/**
 * Ends a server and waits for its end.
 *
 * @returns false when it outlived SIGKILL, which a disk that hangs can do
 */
export async function endServer(
  place: ServerPlace,
  server: ServerProcess,
  { clock, graceMs }: Ending,
): Promise<boolean> {
  if (graceMs > 0) send(server, 'SIGTERM');
  if (!(await ended(server, clock, graceMs))) {
    send(server, 'SIGKILL');
    if (!(await ended(server, clock, KILL_MS))) return false;
  }
  rmSync(recordFile(place), { force: true });
  return true;
}

/** A signal to the very process, if it still is. */
function send(server: ServerProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (!isRunning(server)) return;
  try {
    process.kill(server.pid, signal);
  } catch {
    // It ended in between.
  }
}

async function ended(server: ServerProcess, clock: Clock, withinMs: number): Promise<boolean> {
  const untilMs = clock.monotonicMs() + withinMs;
  while (isRunning(server)) {
    if (clock.monotonicMs() >= untilMs) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

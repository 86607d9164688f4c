/**
 * Runs a program and measures it from outside: wall time, CPU time of all its processes, and the
 * highest resident memory that they had together (Linux, from `/proc`).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What a run took. */
export interface Measured {
  readonly wallMs: number;
  /** User and system time of the program and everything that it started. */
  readonly cpuMs: number;
  readonly rssBytesMax: number;
}

/** A program that runs. */
export interface MeasuredRun {
  readonly pid: number;
  /** CPU time so far. */
  cpuMs(): number;
  rssBytes(): number;
  /** Sends the program a signal. */
  signal(name: 'SIGINT' | 'SIGKILL'): void;
  /** Resolves at its end; rejects when it fails. */
  readonly done: Promise<Measured>;
}

/** What to run. */
export interface MeasuredWish {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each line of standard output; left out, the output is thrown away. */
  readonly onLine?: (line: string) => void;
}

const SAMPLE_MS = 50;

/** Clock ticks of `/proc/PID/stat` per second, on every Linux that Node runs on. */
const TICKS_PER_SEC = 100;

function processTree(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    const ids = children.flatMap((text) => (text === '' ? [] : [Number.parseInt(text, 10)]));
    return [pid, ...ids.flatMap((id) => processTree(id))];
  } catch {
    // It has ended.
    return [];
  }
}

/** CPU time of one living process so far, and of those of its children that have ended. */
export function cpuMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), the third is the first here.
    const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number.parseInt(text, 10), 0);
    return (ticks / TICKS_PER_SEC) * 1000;
  } catch {
    // It has ended.
    return 0;
  }
}

function rssBytesOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number.parseInt(kilobytes ?? '0', 10) * 1024;
  } catch {
    // It has ended.
    return 0;
  }
}

function sumOver(pid: number, measureOf: (pid: number) => number): number {
  return processTree(pid).reduce((sum, id) => sum + measureOf(id), 0);
}

/** Starts a program and measures it until it ends. */
export function startMeasured(wish: MeasuredWish): MeasuredRun {
  const startMs = performance.now();
  // `times` of the shell prints the CPU time of what it ran on its second line (POSIX).
  const script = '"$@"; code=$?; times >&3; exit $code';
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...wish.command], {
    cwd: wish.cwd,
    env: { ...process.env, ...wish.env },
    stdio: ['ignore', wish.onLine === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? 0;
  let rssBytesMax = 0;
  const sampler = setInterval(() => {
    rssBytesMax = Math.max(rssBytesMax, sumOver(pid, rssBytesOf));
  }, SAMPLE_MS);
  if (child.stdout !== null && wish.onLine !== undefined) {
    createInterface({ input: child.stdout }).on('line', wish.onLine);
  }
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-4000);
  });
  let times = '';
  child.stdio[3]?.on('data', (text: Buffer) => (times += text.toString()));
  const done = new Promise<Measured>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(sampler);
      const wallMs = performance.now() - startMs;
      const cpu = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(times)?.slice(1).map(Number);
      const [userMin = 0, userSec = 0, sysMin = 0, sysSec = 0] = cpu ?? [];
      const cpuMs = ((userMin + sysMin) * 60 + userSec + sysSec) * 1000;
      if (code === 0) resolve({ wallMs, cpuMs, rssBytesMax });
      else reject(new Error(`${wish.command.slice(0, 2).join(' ')}: ${code}\n${complaint}`));
    });
  });
  // Whoever waits for it is told; a failure before anybody does must not end the benchmark, which
  // has a server to end.
  done.catch(() => undefined);
  return {
    pid,
    cpuMs: () => sumOver(pid, cpuMsOf),
    rssBytes: () => sumOver(pid, rssBytesOf),
    signal: (name) => {
      // The shell waits for the program: only that one is told.
      for (const id of processTree(pid).slice(1, 2)) process.kill(id, name);
    },
    done,
  };
}

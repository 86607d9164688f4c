/** Runs test files in a child process with a hard end, and brings back the counts. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCounts } from './test-reporter.ts';

/** What to run. */
export interface TestRun {
  /** Paths of test files. */
  readonly files: readonly string[];
  /** How many files run at once, each in its own process; 0: one process for all. */
  readonly processes: number;
  /** After this long the run is killed and counts as failed. */
  readonly killAfterMs: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** How it went. */
export interface TestRunResult extends TestCounts {
  readonly fileCount: number;
  /** Whether the run ended by itself with nothing failed. */
  readonly ok: boolean;
}

function readCounts(path: string): TestCounts {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as TestCounts;
  } catch {
    // The run died before its reporter could write: one failure, without a name.
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

async function waitFor(
  args: readonly string[],
  run: TestRun,
  countsPath: string,
): Promise<boolean> {
  const child = spawn(process.execPath, args, {
    stdio: 'inherit',
    env: { ...process.env, ...run.env, FIRN_COUNTS: countsPath },
  });
  const timer = setTimeout(() => {
    process.stderr.write(`killed after ${Math.round(run.killAfterMs / 1000)} s\n`);
    child.kill('SIGKILL');
  }, run.killAfterMs);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearTimeout(timer);
  return status === 0;
}

/** Runs the test files; output goes to this process's streams. */
export async function runTests(run: TestRun): Promise<TestRunResult> {
  const { files } = run;
  if (files.length === 0) return { fileCount: 0, ok: true, passed: 0, failed: 0, skipped: 0 };
  const folder = mkdtempSync(join(tmpdir(), 'firn-tests-'));
  const countsPath = join(folder, 'counts.json');
  const args = [
    '--test',
    `--test-isolation=${run.processes > 0 ? 'process' : 'none'}`,
    ...(run.processes > 0 ? [`--test-concurrency=${run.processes}`] : []),
    // A test that hangs is named long before the whole run is killed.
    `--test-timeout=${Math.round(run.killAfterMs / 6)}`,
    '--test-reporter=./tools/test-reporter.ts',
    '--test-reporter-destination=stdout',
    ...files,
  ];
  try {
    const ok = await waitFor(args, run, countsPath);
    return { fileCount: files.length, ok, ...readCounts(countsPath) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

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
  /** How many processes run at once. */
  readonly processes: number;
  /** Whether each file has its own process; otherwise the processes share the files out. */
  readonly isolated: boolean;
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

/** One run of the test runner over some of the files. */
async function runShare(run: TestRun, files: readonly string[]): Promise<TestRunResult> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-tests-'));
  const countsPath = join(folder, 'counts.json');
  const args = [
    '--test',
    ...(run.isolated
      ? ['--test-isolation=process', `--test-concurrency=${run.processes}`]
      : ['--test-isolation=none']),
    // A test that hangs is named long before the whole run is killed.
    `--test-timeout=${Math.round(run.killAfterMs / 3)}`,
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

/** The files in turn: those of one folder, which are alike, go to different shares. */
function dealOut(files: readonly string[], count: number): readonly (readonly string[])[] {
  return Array.from({ length: count }, (_, share) =>
    files.filter((_file, index) => index % count === share),
  );
}

/** Runs the test files; output goes to this process's streams. */
export async function runTests(run: TestRun): Promise<TestRunResult> {
  const shares = run.isolated ? [run.files] : dealOut(run.files, run.processes);
  const results = await Promise.all(
    shares.filter((files) => files.length > 0).map((files) => runShare(run, files)),
  );
  return joinResults(results);
}

/** What several runs came to. */
export function joinResults(results: readonly TestRunResult[]): TestRunResult {
  const sum = (countOf: (result: TestRunResult) => number): number =>
    results.reduce((total, result) => total + countOf(result), 0);
  return {
    fileCount: sum(({ fileCount }) => fileCount),
    ok: results.every(({ ok }) => ok),
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
  };
}

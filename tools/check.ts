/**
 * `npm run check`: format, lint, types, then every test that needs no service. Prints time and
 * count of each part; goes on after a failing part, so that one run shows everything.
 */
import { spawnSync } from 'node:child_process';
import { saveResult } from './lane-result.ts';
import { CHECK_LANE, filesOf } from './lanes.ts';
import { runTests } from './test-run.ts';

interface Part {
  readonly name: string;
  readonly ok: boolean;
  readonly count: string;
  readonly seconds: number;
}

function secondsSince(started: number): number {
  return Math.round((performance.now() - started) / 100) / 10;
}

/** Runs a tool; its output is shown only when it fails. */
function toolPart(name: string, args: readonly string[], counted: RegExp): Part {
  const started = performance.now();
  const [command = '', ...rest] = args;
  const run = spawnSync(command, rest, { encoding: 'utf8', shell: process.platform === 'win32' });
  const ok = run.status === 0;
  if (!ok) process.stderr.write(`${run.stdout}${run.stderr}${run.error?.message ?? ''}\n`);
  const count = counted.exec(`${run.stdout}${run.stderr}`)?.[1] ?? '0';
  return { name, ok, count: `${count} files`, seconds: secondsSince(started) };
}

function print(part: Part): Part {
  const verdict = part.ok ? 'ok    ' : 'FAILED';
  process.stdout.write(
    `${part.name.padEnd(8)} ${verdict} ${part.count}, ${part.seconds.toFixed(1)} s\n`,
  );
  return part;
}

const started = performance.now();
const parts = [
  print(toolPart('format', ['oxfmt', '--check', '.'], /on (\d+) files/)),
  print(toolPart('lint', ['oxlint', '--deny-warnings'], /on (\d+) files/)),
  print(toolPart('types', ['tsc', '--diagnostics'], /Files:\s+(\d+)/)),
];
const testsStarted = performance.now();
const tests = await runTests({
  files: filesOf(CHECK_LANE),
  processes: CHECK_LANE.processes,
  isolated: CHECK_LANE.isolated,
  killAfterMs: 3 * CHECK_LANE.budgetMinutes * 60_000,
});
print({
  name: 'tests',
  ok: tests.ok,
  count: `${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped`,
  seconds: secondsSince(testsStarted),
});

const seconds = secondsSince(started);
const late = seconds > CHECK_LANE.budgetMinutes * 60;
const failedParts =
  parts.filter((part) => !part.ok).length + (tests.ok || tests.failed > 0 ? 0 : 1);
const failed = failedParts + tests.failed + (late ? 1 : 0);
const passed = parts.filter((part) => part.ok).length + tests.passed;
process.stdout.write(
  `check: ${passed} passed, ${failed} failed, ${tests.skipped} skipped ` +
    `in ${seconds.toFixed(1)} s (budget ${CHECK_LANE.budgetMinutes * 60} s${late ? ', EXCEEDED' : ''})\n`,
);
saveResult({ lane: 'check', passed, failed, skipped: tests.skipped, seconds });
process.exitCode = failed === 0 ? 0 : 1;

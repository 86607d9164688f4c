/**
 * `npm run test:<lane>`: prepares what the lane needs, runs its tests and judges them. A lane whose
 * need is not met is skipped in plain sight; where `FIRN_REQUIRE` names it, that is a failure.
 * With `--list` it prints the names of all lanes.
 */
import { saveResult } from './lane-result.ts';
import type { Lane } from './lanes.ts';
import { LANES, filesOf } from './lanes.ts';
import { ensurePython } from './python.ts';
import type { TestRunResult } from './test-run.ts';
import { runTests } from './test-run.ts';

/** Why a finished lane is not good although no test failed, or `null`. */
export function laneProblem(
  lane: Lane,
  result: TestRunResult,
  judged: { readonly seconds: number; readonly required: boolean },
): string | null {
  if (result.fileCount === 0 || result.passed + result.failed + result.skipped === 0) {
    return 'it has no tests';
  }
  if (!result.ok && result.failed === 0) return 'the run ended without a verdict';
  if (judged.seconds > lane.budgetMinutes * 60) {
    return `it took longer than its budget of ${lane.budgetMinutes} min`;
  }
  if (judged.required && result.skipped > 0) return `${result.skipped} required tests were skipped`;
  return null;
}

interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly note: string;
}

async function runLane(lane: Lane, required: boolean): Promise<Verdict> {
  const python = lane.needs === 'python' ? ensurePython() : null;
  if (python !== null && python.kind === 'absent') {
    const failed = required ? 1 : 0;
    return { passed: 0, failed, skipped: 1, note: `skipped: ${python.reason}` };
  }
  const started = performance.now();
  const result = await runTests({
    files: filesOf(lane),
    processes: lane.processes,
    killAfterMs: 3 * lane.budgetMinutes * 60_000,
    env: python === null ? {} : { FIRN_PYTHON: python.path },
  });
  const seconds = (performance.now() - started) / 1000;
  const problem = laneProblem(lane, result, { seconds, required });
  const failed = result.failed + (problem === null ? 0 : 1);
  return { passed: result.passed, failed, skipped: result.skipped, note: problem ?? '' };
}

async function main(name: string | undefined): Promise<number> {
  if (name === '--list') {
    process.stdout.write(`${LANES.map((lane) => lane.name).join('\n')}\n`);
    return 0;
  }
  const lane = LANES.find((candidate) => candidate.name === name);
  if (lane === undefined) {
    process.stderr.write(
      `no lane ${name ?? ''}; lanes: ${LANES.map((row) => row.name).join(', ')}\n`,
    );
    return 2;
  }
  const required = (process.env['FIRN_REQUIRE'] ?? '').split(',').includes(lane.name);
  const started = performance.now();
  const verdict = await runLane(lane, required);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const note = verdict.note === '' ? '' : `; ${verdict.note}`;
  process.stdout.write(
    `${lane.name}: ${verdict.passed} passed, ${verdict.failed} failed, ` +
      `${verdict.skipped} skipped in ${seconds.toFixed(1)} s (budget ${lane.budgetMinutes} min)${note}\n`,
  );
  saveResult({ lane: lane.name, seconds, ...verdict });
  return verdict.failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv[2]);

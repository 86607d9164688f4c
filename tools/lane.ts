/**
 * `npm run test:<lane>`: prepares what the lane needs, runs its tests and judges them. A lane whose
 * need is not met is skipped in plain sight; where `FIRN_REQUIRE` names it, that is a failure.
 * With `--list` it prints the names of all lanes.
 */
import { ensureEngineParts } from './engine-parts.ts';
import { saveResult } from './lane-result.ts';
import type { Lane, Need } from './lanes.ts';
import { LANES, tracksOf } from './lanes.ts';
import { ensurePython } from './python.ts';
import { startLaneCluster } from './servers/lane-cluster.ts';
import { startLaneServers } from './servers/lane-servers.ts';
import type { TestRunResult } from './test-run.ts';
import { joinResults, runTests } from './test-run.ts';

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

/** What a lane needs, made ready; `end` undoes it. */
export type Prepared =
  | {
      readonly kind: 'ready';
      readonly env: Readonly<Record<string, string>>;
      readonly end: () => Promise<void>;
    }
  | { readonly kind: 'absent'; readonly reason: string };

async function prepareNeed(need: Need): Promise<Prepared> {
  switch (need) {
    case 'servers':
      return startLaneServers();
    case 'cluster':
      return startLaneCluster();
    case 'engines':
      await ensureEngineParts();
      return { kind: 'ready', env: {}, end: async () => {} };
    case 'python': {
      const python = ensurePython();
      if (python.kind === 'absent') return python;
      return { kind: 'ready', env: { FIRN_PYTHON: python.path }, end: async () => {} };
    }
    default:
      return need satisfies never;
  }
}

/** Makes all that a lane needs ready, or nothing: what one began is undone without the next. */
export async function prepareNeeds(
  needs: readonly Need[],
  prepare: (need: Need) => Promise<Prepared>,
): Promise<Prepared> {
  const ends: (() => Promise<void>)[] = [];
  const end = async (): Promise<void> => {
    for (const undo of ends.toReversed()) await undo();
  };
  let env: Readonly<Record<string, string>> = {};
  for (const need of needs) {
    const prepared = await prepare(need).catch(async (error: unknown) => {
      await end();
      throw error;
    });
    if (prepared.kind === 'absent') {
      await end();
      return prepared;
    }
    env = { ...env, ...prepared.env };
    ends.push(prepared.end);
  }
  return { kind: 'ready', env, end };
}

/** Runs the tracks of a lane side by side, then its other files. */
async function runFiles(lane: Lane, env: Readonly<Record<string, string>>): Promise<TestRunResult> {
  const { tracks, rest } = tracksOf(lane);
  const run = (files: readonly string[]): Promise<TestRunResult> => {
    const { processes, isolated } = lane;
    return runTests({
      files,
      processes,
      isolated,
      killAfterMs: 3 * lane.budgetMinutes * 60_000,
      env,
    });
  };
  const beside = await Promise.all(tracks.map(run));
  return joinResults([...beside, await run(rest)]);
}

async function runLane(lane: Lane, required: boolean): Promise<Verdict> {
  const prepared = await prepareNeeds(lane.needs, prepareNeed);
  if (prepared.kind === 'absent') {
    const failed = required ? 1 : 0;
    return { passed: 0, failed, skipped: 1, note: `skipped: ${prepared.reason}` };
  }
  const started = performance.now();
  try {
    const result = await runFiles(lane, prepared.env);
    const seconds = (performance.now() - started) / 1000;
    const problem = laneProblem(lane, result, { seconds, required });
    const failed = result.failed + (problem === null ? 0 : 1);
    return { passed: result.passed, failed, skipped: result.skipped, note: problem ?? '' };
  } finally {
    await prepared.end();
  }
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
  const verdict = await runLane(lane, required).catch((error: unknown): Verdict => {
    const note = error instanceof Error ? error.message : String(error);
    return { passed: 0, failed: 1, skipped: 0, note: `not run: ${note}` };
  });
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

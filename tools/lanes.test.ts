/** Every test is in exactly one lane, and a lane is judged strictly. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { laneProblem, prepareNeeds } from './lane.ts';
import type { Prepared } from './lane.ts';
import type { Lane, Need } from './lanes.ts';
import { CHECK_LANE, LANES, filesOf, tracksOf } from './lanes.ts';

test('every test file is in exactly one lane', () => {
  const all = globSync('{src,tools,test,bench}/**/*.test.ts').toSorted();
  deepEqual([CHECK_LANE, ...LANES].flatMap((lane) => filesOf(lane)).toSorted(), all);
  equal(new Set(all).size, all.length);
});

test('each file of a lane is in one track, or in none', () => {
  for (const lane of LANES) {
    const { tracks, rest } = tracksOf(lane);
    deepEqual([...tracks.flat(), ...rest].toSorted(), filesOf(lane), lane.name);
    equal(
      tracks.every((files) => files.length > 0),
      true,
      lane.name,
    );
  }
});

const LANE: Lane = {
  name: 'x',
  files: [],
  budgetMinutes: 1,
  needs: [],
  processes: 1,
  isolated: true,
};
const GOOD = { ok: true, fileCount: 1, passed: 3, failed: 0, skipped: 0 };

test('a lane fails late, empty, without a verdict, and skipped where it is required', () => {
  const judged = { seconds: 5, required: true };
  equal(laneProblem(LANE, GOOD, judged), null);
  match(laneProblem(LANE, GOOD, { ...judged, seconds: 61 }) ?? '', /longer than its budget/);
  match(laneProblem(LANE, { ...GOOD, fileCount: 0 }, judged) ?? '', /no tests/);
  match(laneProblem(LANE, { ...GOOD, passed: 0 }, judged) ?? '', /no tests/);
  match(laneProblem(LANE, { ...GOOD, ok: false }, judged) ?? '', /without a verdict/);
  match(laneProblem(LANE, { ...GOOD, skipped: 2 }, judged) ?? '', /2 required tests were skipped/);
  equal(laneProblem(LANE, { ...GOOD, skipped: 2 }, { ...judged, required: false }), null);
});

test('a lane has all that it needs, or what it began is undone', async () => {
  const done: string[] = [];
  const ready = async (need: Need): Promise<Prepared> => {
    done.push(need);
    const end = async (): Promise<void> => void done.push(`no ${need}`);
    return { kind: 'ready', env: { [need]: 'here' }, end };
  };
  const both = await prepareNeeds(['python', 'servers'], ready);
  deepEqual(both.kind === 'ready' && both.env, { python: 'here', servers: 'here' });
  if (both.kind === 'ready') await both.end();
  deepEqual(done.splice(0), ['python', 'servers', 'no servers', 'no python']);

  const absent = { kind: 'absent', reason: 'none here' } as const;
  const onlyPython = async (need: Need): Promise<Prepared> =>
    need === 'python' ? ready(need) : absent;
  deepEqual(await prepareNeeds(['python', 'servers'], onlyPython), absent);
  deepEqual(done.splice(0), ['python', 'no python']);

  const failing = async (need: Need): Promise<Prepared> => {
    if (need === 'python') return ready(need);
    throw new Error('does not start');
  };
  await rejects(prepareNeeds(['python', 'servers'], failing), /does not start/);
  deepEqual(done, ['python', 'no python']);
});

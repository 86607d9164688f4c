/** Every test is in exactly one lane, and a lane is judged strictly. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { laneProblem } from './lane.ts';
import type { Lane } from './lanes.ts';
import { CHECK_LANE, LANES, filesOf } from './lanes.ts';

test('every test file is in exactly one lane', () => {
  const all = globSync('{src,tools,test,bench}/**/*.test.ts').toSorted();
  deepEqual([CHECK_LANE, ...LANES].flatMap((lane) => filesOf(lane)).toSorted(), all);
  equal(new Set(all).size, all.length);
});

const LANE: Lane = { name: 'x', files: [], budgetMinutes: 1, needs: null, processes: 1 };
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

/** What each lane came to, kept in `.cache/results/` for the last line of CI. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestCounts } from './test-reporter.ts';

const FOLDER = '.cache/results';

/** Counts and time of one lane. */
export interface LaneResult extends TestCounts {
  readonly lane: string;
  readonly seconds: number;
}

/** Keeps `result` until the next CI run. */
export function saveResult(result: LaneResult): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/${result.lane}.json`, `${JSON.stringify(result)}\n`);
}

/** The results of all lanes that have run. */
export function savedResults(): readonly LaneResult[] {
  return globSync(`${FOLDER}/*.json`)
    .toSorted()
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as LaneResult);
}

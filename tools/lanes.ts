/**
 * The lanes of the tests: one row each, with its files, its budget and what it needs. A lane fails
 * when a test fails, when it runs past its budget, when it has no test, and, where it is required
 * (`FIRN_REQUIRE`), when any of its tests was skipped.
 */
import { globSync } from 'node:fs';

/** One lane. */
export interface Lane {
  readonly name: string;
  /** Globs of test files, from the root of the project. */
  readonly files: readonly string[];
  /** Wall time on a machine with two cores, after installation. */
  readonly budgetMinutes: number;
  /** What the machine must have beyond Node and npm; `null` for nothing. */
  readonly needs: 'python' | 'servers' | null;
  /** How many files run at once, each in its own process; 0: one process for all, much faster. */
  readonly processes: number;
}

/** The other lanes, in the order in which CI runs them. */
export const LANES: readonly Lane[] = [
  {
    name: 'engines',
    files: ['test/engines/**/*.test.ts'],
    budgetMinutes: 25,
    needs: 'python',
    processes: 1,
  },
  {
    name: 'proof',
    files: [
      'test/proof/**/*.test.ts',
      'test/cli/**/*.test.ts',
      'test/simulation/accidents.test.ts',
    ],
    budgetMinutes: 15,
    needs: null,
    processes: 2,
  },
  {
    name: 'live',
    files: ['test/live/**/*.test.ts'],
    budgetMinutes: 15,
    needs: 'servers',
    processes: 1,
  },
];

/**
 * The tests of `npm run check`: no service, no other language. Every test that no other lane takes
 * is in this one, so that a new folder of tests cannot be forgotten.
 */
export const CHECK_LANE: Lane = {
  name: 'check',
  files: ['{src,tools,test,bench}/**/*.test.ts'],
  budgetMinutes: 2,
  needs: null,
  processes: 0,
};

/** The test files of a lane, sorted. */
export function filesOf(lane: Lane): readonly string[] {
  const exclude = lane === CHECK_LANE ? LANES.flatMap(({ files }) => files) : [];
  return globSync([...lane.files], { exclude }).toSorted();
}

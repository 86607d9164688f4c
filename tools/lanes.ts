/**
 * The lanes of the tests: one row each, with its files, its budget and what it needs. A lane fails
 * when a test fails, when it runs past its budget, when it has no test, and, where it is required
 * (`FIRN_REQUIRE`), when any of its tests was skipped.
 */
import { globSync } from 'node:fs';

/**
 * A Python with PyIceberg, the database servers, what reads tables and keeps files, or a
 * development cluster.
 */
export type Need = 'python' | 'servers' | 'engines' | 'cluster';

/** One lane. */
export interface Lane {
  readonly name: string;
  /** Globs of test files, from the root of the project. */
  readonly files: readonly string[];
  /** Wall time on a machine with two cores, after installation. */
  readonly budgetMinutes: number;
  /** What the machine must have beyond Node and npm. */
  readonly needs: readonly Need[];
  /** How many processes run at once. */
  readonly processes: number;
  /** Whether each file has its own process; where files share them, starting is much faster. */
  readonly isolated: boolean;
  /**
   * Globs of files that need different services: each track is run like a lane, all of them side
   * by side, and the lane's other files when they have ended.
   */
  readonly tracks?: readonly (readonly string[])[];
}

/** The other lanes, in the order in which CI runs them. */
export const LANES: readonly Lane[] = [
  {
    name: 'engines',
    files: ['test/engines/**/*.test.ts'],
    budgetMinutes: 25,
    needs: ['python', 'engines'],
    processes: 2,
    isolated: true,
  },
  {
    name: 'proof',
    files: [
      'test/proof/**/*.test.ts',
      'test/cli/**/*.test.ts',
      'test/pipeline/**/*.test.ts',
      'test/simulation/**/*.test.ts',
    ],
    budgetMinutes: 15,
    needs: [],
    processes: 2,
    isolated: true,
  },
  {
    name: 'live',
    files: ['test/live/**/*.test.ts'],
    budgetMinutes: 15,
    needs: ['python', 'servers'],
    processes: 2,
    isolated: true,
  },
  {
    name: 'cluster',
    files: ['test/cluster/**/*.test.ts'],
    budgetMinutes: 20,
    needs: ['python', 'servers', 'cluster'],
    // They share the cluster, and some kill parts of it.
    processes: 1,
    isolated: true,
    // What waits for Connect beside what works on Spark.
    tracks: [
      ['test/cluster/{change-feed,debezium-*,kafka-*,reconcile-capture}.test.ts'],
      ['test/cluster/spark-*.test.ts'],
    ],
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
  needs: [],
  processes: 2,
  isolated: false,
};

/** The test files of each track of a lane, sorted; those of no track come last. */
export function tracksOf(lane: Lane): {
  readonly tracks: readonly (readonly string[])[];
  readonly rest: readonly string[];
} {
  const tracks = (lane.tracks ?? []).map((globs) => globSync([...globs]).toSorted());
  const taken = new Set(tracks.flat());
  return { tracks, rest: filesOf(lane).filter((file) => !taken.has(file)) };
}

/** The test files of a lane, sorted. */
export function filesOf(lane: Lane): readonly string[] {
  const exclude = lane === CHECK_LANE ? LANES.flatMap(({ files }) => files) : [];
  return globSync([...lane.files], { exclude }).toSorted();
}

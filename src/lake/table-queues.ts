/**
 * One queue per Iceberg table for all commits of this process, so that it never races itself
 * (docs/spec/commit.md C1, C2). A turn over several tables takes their queues in order of table
 * uuid, so two turns never wait for each other. Long jobs on one table (merge, compaction, publish)
 * have a second queue: they follow one another from plan to commit, and take a turn only to commit,
 * so that short commits pass a long job.
 */

/** Queues by table uuid. */
export interface TableQueues {
  /**
   * Runs `run` while no other turn has any of these tables. Turns of a table run in the order they
   * were asked for. Never ask for a turn inside a turn.
   */
  turn<T>(tableUuids: readonly string[], run: () => Promise<T>): Promise<T>;
  /**
   * Runs `run` while no other job has this table. A job takes turns; a turn never starts a job, nor
   * a job another one.
   */
  job<T>(tableUuid: string, run: () => Promise<T>): Promise<T>;
  /**
   * Tables with a commit of this process that was never answered: it may still be applied. Their
   * next commit ends that, for it moves the head that the open one asserts.
   */
  readonly unanswered: Set<string>;
}

/**
 * Runs tasks of one name one after the other; a task's failure is its caller's, not the next one's.
 */
function namedQueue(): <T>(name: string, run: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<void>>();
  return async (name, run) => {
    const before = tails.get(name);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    tails.set(name, done);
    try {
      await before;
      return await run();
    } finally {
      if (tails.get(name) === done) tails.delete(name);
      finish();
    }
  };
}

/** Queues with nothing in them. */
export function createTableQueues(): TableQueues {
  const turns = namedQueue();
  const jobs = namedQueue();
  return {
    turn(tableUuids, run) {
      const ordered = [...new Set(tableUuids)].sort();
      const enter = (index: number): ReturnType<typeof run> => {
        const uuid = ordered[index];
        return uuid === undefined ? run() : turns(uuid, () => enter(index + 1));
      };
      return enter(0);
    },
    job: jobs,
    unanswered: new Set(),
  };
}

/** Exit codes, a contract with scripts (docs/spec/pipeline.md P15). */

/** How the program ends. */
export const EXIT = {
  done: 0,
  /** The answer is no: a check failed, a comparison found differences. */
  no: 1,
  /** Wrong usage or pipeline file. */
  usage: 2,
  /** Halted: an operator must act. */
  halted: 3,
  /** Stopped by a signal after a clean flush. */
  interrupted: 130,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

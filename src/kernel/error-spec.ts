/**
 * What one entry of the error registry says. The disposition, not the class of an error, decides
 * what the program does next.
 */

/**
 * - `retry`: transient; the same input may succeed. Bounded, only in `kernel/retry.ts`.
 * - `refresh`: lost a race; reload, plan again, try again. Commit loop.
 * - `verify`: the outcome is unknown; read the state before anything else. Commit loop, supervisor.
 * - `dead-letter`: this event is bad; the rest may go on.
 * - `halt-table`: this table stops, the others go on. Supervisor.
 * - `halt-pipeline`: an operator must act.
 * - `refuse`: the request was wrong (arguments, pipeline file); nothing was changed. Command line.
 */
export type Disposition =
  | 'retry'
  | 'refresh'
  | 'verify'
  | 'dead-letter'
  | 'halt-table'
  | 'halt-pipeline'
  | 'refuse';

/** One registered error. */
export interface ErrorSpec {
  readonly disposition: Disposition;
  /** One sentence: what happened. */
  readonly summary: string;
  /** One or two sentences: what the reader does next. */
  readonly remedy: string;
}

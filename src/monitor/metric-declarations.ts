/**
 * Every metric of Firn in one table: code, `/metrics` and the reference page are made from it.
 * Names follow the Prometheus conventions (base units, `_total` for counters). Labels are table
 * names and fixed words, never values of rows, so their number is bounded by the pipeline's tables.
 */

/** One metric. */
export interface MetricDeclaration {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly unit: 'rows' | 'changes' | 'files' | 'bytes' | 'seconds' | 'state' | 'events';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets, in `unit`. */
  readonly buckets?: readonly number[];
}

const secondsBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const declarations = {
  firn_source_changes_total: {
    kind: 'counter',
    unit: 'changes',
    labels: ['table'],
    help: 'Changes read from the source.',
  },
  firn_source_lag_changes: {
    kind: 'gauge',
    unit: 'changes',
    labels: [],
    help: 'Changes in the source that have not been read yet.',
  },
  firn_bootstrap_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: ['table'],
    help: 'Existing rows copied by bootstraps.',
  },
  firn_ledger_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: ['table'],
    help: 'Rows committed to ledgers.',
  },
  firn_ledger_commit_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: [],
    help: 'Time from the first write of a ledger commit to its durable end.',
    buckets: secondsBuckets,
  },
  firn_ledger_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: ['table'],
    help: 'Age of the oldest change that is not in the ledger; 0 when caught up.',
  },
  firn_merge_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: ['table', 'change'],
    help: 'Base rows inserted and deleted by merges.',
  },
  firn_merge_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: ['table'],
    help: 'Time of one merge from plan to commit.',
    buckets: secondsBuckets,
  },
  firn_base_files: {
    kind: 'gauge',
    unit: 'files',
    labels: ['table', 'content'],
    help: 'Live files of bases; content is data or deletes.',
  },
  firn_base_deleted_rows: {
    kind: 'gauge',
    unit: 'rows',
    labels: ['table'],
    help: 'Delete debt: rows in data files that delete files take out again.',
  },
  firn_table_halted: {
    kind: 'gauge',
    unit: 'state',
    labels: ['table'],
    help: '1 while the table is halted, else 0.',
  },
  firn_dead_letters: {
    kind: 'gauge',
    unit: 'changes',
    labels: ['table'],
    help: 'Records that were set aside unread and are not loaded again yet.',
  },
} as const satisfies Record<string, MetricDeclaration>;

/** Name of a declared metric. */
export type MetricName = keyof typeof declarations;

/** Label names of one metric. */
export type MetricLabel<Name extends MetricName> = (typeof declarations)[Name]['labels'][number];

/** Names of the metrics of one kind. */
export type MetricNameOf<Kind extends MetricDeclaration['kind']> = {
  [Name in MetricName]: (typeof declarations)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

/** Every metric by name. */
export const METRIC_DECLARATIONS: Readonly<Record<MetricName, MetricDeclaration>> = declarations;

/** Errors of the query area: codes `QUERY-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const queryErrors = {
  'QUERY-NOT-SELECT': {
    disposition: 'refuse',
    summary: 'A query is not one SELECT over the tables of the lake.',
    remedy:
      'Send one SELECT; it may use the tables listed by SHOW TABLES, and no files or settings.',
  },
  'QUERY-FAILED': {
    disposition: 'refuse',
    summary: 'DuckDB refused or could not finish a query.',
    remedy: 'Correct the query; the message is DuckDB’s own.',
  },
  'QUERY-KEY-MISMATCH': {
    disposition: 'refuse',
    summary: "The key given does not fit the table's key.",
    remedy: 'Give one value per key column, in key order.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** Errors of the merge area. Codes start with `MERGE-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const mergeErrors = {
  'MERGE-HISTORY-EXPIRED': {
    disposition: 'halt-table',
    summary: "The ledger no longer holds every change since the base's watermark.",
    remedy: 'Load the table again: firn bootstrap FILE --table T.',
  },
  'MERGE-LEDGER-BEHIND': {
    disposition: 'halt-table',
    summary: "The ledger ends before the base's watermark: it was rolled back or replaced.",
    remedy: 'Load the table again: firn bootstrap FILE --table T.',
  },
  'MERGE-COUNT-MISMATCH': {
    disposition: 'halt-table',
    summary: 'A merge did not change as many rows as its plan said.',
    remedy: 'Run firn verify; load the table again if it reports differences.',
  },
  'MERGE-BASE-MOVED': {
    disposition: 'refresh',
    summary: 'The base changed between the plan of a merge and its commit.',
    remedy:
      'None needed: the merge is planned again.',
  },
} as const satisfies Record<string, ErrorSpec>;

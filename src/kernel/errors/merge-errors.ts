/** Errors of the merge area: codes `MERGE-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
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
  'MERGE-IDENTITY-CONFLICT': {
    disposition: 'halt-table',
    summary: 'Two ledger rows claim to be the same change and differ.',
    remedy:
      'The source gave one place of its log two contents (a restored or rewritten log). Load the table again: firn bootstrap FILE --table T.',
  },
  'MERGE-COUNT-MISMATCH': {
    disposition: 'halt-table',
    summary: 'A merge did not change as many rows as its plan said.',
    remedy: 'Run firn verify; load the table again if it reports differences.',
  },
  'MERGE-BRANCH-WRONG': {
    disposition: 'halt-table',
    summary:
      'What Spark wrote for a merge is not what a base may have. Nothing of it was published.',
    remedy:
      'Has the base another partition spec or delete mode than Firn gave it? Set it back, then firn resume.',
  },
  'MERGE-LATE-TRUNCATE': {
    disposition: 'halt-table',
    summary: 'A truncate came into the ledger after the base had been merged past it.',
    remedy: 'Load the table again: firn bootstrap FILE --table T.',
  },
  'MERGE-BASE-MOVED': {
    disposition: 'refresh',
    summary: 'The base changed between the plan of a merge and its commit.',
    remedy: 'None needed: the merge is planned again.',
  },
  'MERGE-FOREIGN-CHANGE': {
    disposition: 'halt-table',
    summary: 'Another engine changed the rows of a base, or may have.',
    remedy:
      'The base is no longer a copy. Load the table again with `firn bootstrap FILE --table T`; or roll it back to the snapshot of the tag `firn_state`, then `firn resume`; or keep the change with `base.foreignChanges: accept`.',
  },
  'MERGE-STATE-OFF-CHAIN': {
    disposition: 'halt-table',
    summary: 'The tag of a base’s state is missing, or main was moved away from it.',
    remedy:
      'Somebody rolled main back or removed the tag. Go on from the state at the head with `firn resume`, or load the table again with `firn bootstrap`.',
  },
} as const satisfies Record<string, ErrorSpec>;

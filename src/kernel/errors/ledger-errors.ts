/** Errors of the ledger area. Codes start with `LEDGER-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const ledgerErrors = {
  'LEDGER-SCHEMA-INCOMPATIBLE': {
    disposition: 'halt-table',
    summary: 'A table changed in a way that its lake tables cannot follow.',
    remedy:
      'Load the table again: firn bootstrap FILE --table T; where types narrow, drop it first with firn drop.',
  },
} as const satisfies Record<string, ErrorSpec>;

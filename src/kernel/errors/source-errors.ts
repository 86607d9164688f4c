/** Errors of the source area. Codes start with `SOURCE-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const sourceErrors = {
  'SOURCE-RESERVED-COLUMN': {
    disposition: 'halt-table',
    summary: 'A source column has a name that the ledger keeps for itself.',
    remedy: 'Rename it for the lake with the rename option of its table.',
  },
  'SOURCE-DUPLICATE-COLUMN': {
    disposition: 'halt-table',
    summary: 'Two columns of a table have names that differ only in case.',
    remedy: 'Rename one of them for the lake with the rename option of its table.',
  },
} as const satisfies Record<string, ErrorSpec>;

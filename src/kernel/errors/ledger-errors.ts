/** Errors of the ledger area. Codes start with `LEDGER-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const ledgerErrors = {
} as const satisfies Record<string, ErrorSpec>;

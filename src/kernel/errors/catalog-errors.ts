/** Errors of the catalog area. Codes start with `CATALOG-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const catalogErrors = {
} as const satisfies Record<string, ErrorSpec>;

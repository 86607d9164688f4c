/** Errors of the merge area. Codes start with `MERGE-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const mergeErrors = {
} as const satisfies Record<string, ErrorSpec>;

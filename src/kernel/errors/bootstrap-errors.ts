/** Errors of the bootstrap area. Codes start with `BOOTSTRAP-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const bootstrapErrors = {
} as const satisfies Record<string, ErrorSpec>;

/** Errors of the source area. Codes start with `SOURCE-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const sourceErrors = {
} as const satisfies Record<string, ErrorSpec>;

/** Errors of the config area. Codes start with `CONFIG-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const configErrors = {
} as const satisfies Record<string, ErrorSpec>;

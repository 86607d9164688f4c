/** Errors of the storage area. Codes start with `STORAGE-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const storageErrors = {
} as const satisfies Record<string, ErrorSpec>;

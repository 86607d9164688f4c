/** Errors of the iceberg area. Codes start with `ICEBERG-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const icebergErrors = {
} as const satisfies Record<string, ErrorSpec>;

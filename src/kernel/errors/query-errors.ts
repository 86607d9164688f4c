/** Errors of the query area. Codes start with `QUERY-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const queryErrors = {} as const satisfies Record<string, ErrorSpec>;

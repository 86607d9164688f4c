/** Errors of the query area: codes `QUERY-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const queryErrors = {} as const satisfies Record<string, ErrorSpec>;

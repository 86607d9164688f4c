/** Errors of the pipeline area. Codes start with `PIPELINE-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const pipelineErrors = {
} as const satisfies Record<string, ErrorSpec>;

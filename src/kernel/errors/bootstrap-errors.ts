/** Errors of the bootstrap area. Codes start with `BOOTSTRAP-`; a code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

export const bootstrapErrors = {
  'BOOTSTRAP-RESTARTED': {
    disposition: 'retry',
    summary: 'What a bootstrap relied on changed, so it starts again.',
    remedy: 'None needed; it starts again by itself.',
  },
} as const satisfies Record<string, ErrorSpec>;

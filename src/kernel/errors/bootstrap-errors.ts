/**
 * Errors of the bootstrap area: codes `BOOTSTRAP-…`. A code is never reused for another meaning.
 */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const bootstrapErrors = {
  'BOOTSTRAP-RESTARTED': {
    disposition: 'retry',
    summary: 'What a bootstrap relied on changed, so it starts again.',
    remedy: 'None needed; it starts again by itself.',
  },
  'BOOTSTRAP-STOPPED': {
    disposition: 'refuse',
    summary: 'A bootstrap was stopped before its end.',
    remedy: 'Start the pipeline again: it goes on after the last committed chunk.',
  },
  'BOOTSTRAP-OTHER-SOURCE': {
    disposition: 'retry',
    summary: 'The server that answers is not the one of the low mark, or does not show it yet.',
    remedy:
      'Give the worker the address of the very server that the pipeline reads: on a replica rows would be missing.',
  },
  'BOOTSTRAP-CURSOR-UNKNOWN': {
    disposition: 'halt-table',
    summary: 'The saved place of an initial copy cannot be read.',
    remedy: 'Start the copy of the table again with `firn bootstrap FILE --table T`.',
  },
} as const satisfies Record<string, ErrorSpec>;

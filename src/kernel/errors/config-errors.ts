/** Errors of the config area: codes `CONFIG-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const configErrors = {
  'CONFIG-KEY-EXCLUDED': {
    disposition: 'refuse',
    summary: 'A key column is excluded in the pipeline file.',
    remedy: 'Take the column out of exclude: without its key a table cannot be merged.',
  },
  'CONFIG-BUCKET-COLUMN': {
    disposition: 'refuse',
    summary: 'bucketBy names a column that cannot decide a bucket.',
    remedy:
      'Name a key column of type int, long, decimal, date, timestamp, string or binary, or leave bucketBy out.',
  },
} as const satisfies Record<string, ErrorSpec>;

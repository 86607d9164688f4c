/** Errors of the config area: codes `CONFIG-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const configErrors = {
  'CONFIG-INVALID': {
    disposition: 'refuse',
    summary: 'The pipeline file has problems; each is listed with its line and column.',
    remedy: 'Correct the lines that are named. docs/reference/config.md lists every option.',
  },
  'CONFIG-NOT-FOUND': {
    disposition: 'refuse',
    summary: 'There is no pipeline file at this path.',
    remedy: 'Name a pipeline file, or a folder that holds firn.yaml; firn init writes one.',
  },
  'CONFIG-UNREADABLE': {
    disposition: 'refuse',
    summary: 'The pipeline file cannot be read as text.',
    remedy: 'Check that it is a file of UTF-8 text which you may read.',
  },
} as const satisfies Record<string, ErrorSpec>;

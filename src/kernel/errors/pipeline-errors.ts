/** Errors of the pipeline area: codes `PIPELINE-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const pipelineErrors = {
  'PIPELINE-STATE-INVALID': {
    disposition: 'halt-pipeline',
    summary: 'A state file of the pipeline is damaged or was written by a newer Firn.',
    remedy: 'Restore the file from a copy, or use the Firn that wrote it.',
  },
  'PIPELINE-OWNED': {
    disposition: 'halt-pipeline',
    summary: 'Another process owns this pipeline.',
    remedy: 'Stop the other process, or let this command send its request to it.',
  },
  'PIPELINE-NO-TABLES': {
    disposition: 'refuse',
    summary: 'The source has none of the tables that the pipeline file names.',
    remedy: 'Correct the names under tables; firn init lists what the source has.',
  },
  'PIPELINE-UNKNOWN-TABLE': {
    disposition: 'refuse',
    summary: 'The pipeline has no table of this name.',
    remedy: 'firn status lists the tables of the pipeline.',
  },
  'PIPELINE-NOT-RUNNING': {
    disposition: 'refuse',
    summary: 'No process owns this pipeline, and the request needs one.',
    remedy: 'Start it with firn run.',
  },
  'PIPELINE-REQUEST-FAILED': {
    disposition: 'refuse',
    summary: 'The process that owns the pipeline could not do what was asked.',
    remedy: 'Look at its log; firn status shows halted tables.',
  },
  'PIPELINE-TABLE-TAKEN': {
    disposition: 'refuse',
    summary: 'The base table belongs to another pipeline.',
    remedy: 'Give this pipeline another name or warehouse: two pipelines cannot write one table.',
  },
  'PIPELINE-TABLE-EDITED': {
    disposition: 'halt-table',
    summary: 'Another engine changed the columns, the key or the partitioning of a lake table.',
    remedy:
      'Undo the change with the engine that made it (the message names it), then `firn resume FILE --table T`; or start the table over with `firn drop`.',
  },
  'PIPELINE-NAME-TAKEN': {
    disposition: 'halt-table',
    summary: 'A table has the name that the ledger of another table has in the lake.',
    remedy:
      'Give one of the two tables another name in the source, or leave this one out: name the tables that are copied instead of a pattern.',
  },
  'PIPELINE-TABLE-GONE': {
    disposition: 'halt-table',
    summary: 'A captured table is no longer in the source.',
    remedy:
      'If that is meant, take it out of the pipeline file; firn drop removes its lake tables.',
  },
  'PIPELINE-SOURCE-CHANGED': {
    disposition: 'refuse',
    summary: 'The lake was filled from another source.',
    remedy: 'Use another warehouse for this source, or drop the tables with firn drop.',
  },
  'PIPELINE-STATE-MISSING': {
    disposition: 'refuse',
    summary: 'The pipeline has never run: there is nothing to show yet.',
    remedy: 'Start it with firn run.',
  },
  'PIPELINE-STATUS-INVALID': {
    disposition: 'refuse',
    summary: 'The status document is damaged.',
    remedy: 'Start the pipeline: it writes a new one. Tables are not affected.',
  },
  'PIPELINE-STATUS-VERSION': {
    disposition: 'refuse',
    summary: 'The status document was written by another version of Firn.',
    remedy: 'Ask with the version of Firn that runs the pipeline.',
  },
  'PIPELINE-KEY-EXCLUDED': {
    disposition: 'refuse',
    summary: 'A key column is excluded in the pipeline file.',
    remedy: 'Take the column out of exclude: without its key a table cannot be merged.',
  },
  'PIPELINE-BUCKET-COLUMN': {
    disposition: 'refuse',
    summary: 'bucketBy names a column that cannot decide a bucket.',
    remedy:
      'Name a key column of type int, long, decimal, date, timestamp, string or binary, or leave bucketBy out.',
  },
  'PIPELINE-COLUMNS-CHANGED': {
    disposition: 'refuse',
    summary: 'exclude or rename of a captured table was changed.',
    remedy: 'Put it back, or start the table over with firn drop FILE --table T.',
  },
} as const satisfies Record<string, ErrorSpec>;

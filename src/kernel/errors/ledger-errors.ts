/** Errors of the ledger area: codes `LEDGER-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const ledgerErrors = {
  'LEDGER-SCHEMA-INCOMPATIBLE': {
    disposition: 'halt-table',
    summary: 'A table changed in a way that its lake tables cannot follow.',
    remedy:
      'Load the table again: firn bootstrap FILE --table T; where types narrow, drop it first with firn drop.',
  },
  'LEDGER-STATE-LOST': {
    disposition: 'halt-table',
    summary: 'A table of Firn has snapshots, but none with Firn’s state.',
    remedy:
      'Another program replaced the table’s history. Roll it back to a snapshot that Firn made, or drop the table with `firn drop` and start over.',
  },
  'LEDGER-STATE-OFF-CHAIN': {
    disposition: 'halt-table',
    summary: 'The tag of a ledger’s state is missing, or main was moved away from it.',
    remedy:
      'Somebody rolled main back or removed the tag. Move main back to the snapshot of the tag `firn_state`, or drop the table with `firn drop` and start over.',
  },
  'LEDGER-STATE-INVALID': {
    disposition: 'halt-table',
    summary: 'The state in a table’s snapshot cannot be read.',
    remedy:
      'The table was written by another version of Firn, or its metadata was changed by hand.',
  },
  'LEDGER-FOREIGN-CHANGE': {
    disposition: 'halt-table',
    summary: 'Another engine changed the files of a ledger.',
    remedy:
      'Only Firn may write to a ledger. Roll it back to the snapshot of the tag `firn_state` with the engine that wrote, then `firn resume FILE --table T`; or start the table over with `firn drop`.',
  },
  'LEDGER-OTHER-ENGINE': {
    disposition: 'halt-table',
    summary: 'A ledger was written by the other engine.',
    remedy:
      'Set `engine` back to what it was; or start the table over with `firn drop FILE --table T`.',
  },
  'LEDGER-BRANCH-CHANGED': {
    disposition: 'halt-table',
    summary: 'The branch that Flink writes holds something else than what Flink appends.',
    remedy:
      'Another program wrote to the branch that is named; nothing of it was published. `firn resume FILE --table T` starts a new job on a new branch, from the records that are not published yet.',
  },
  'LEDGER-RECORDS-REPEATED': {
    disposition: 'halt-table',
    summary: 'A branch holds records of the topic that main has already, or holds one twice.',
    remedy:
      'Two jobs wrote to one branch, or somebody added files; nothing of it was published. `firn resume FILE --table T` starts a new job on a new branch.',
  },
  'LEDGER-RECORDS-LOST': {
    disposition: 'halt-table',
    summary: 'Records of a topic left no row in the ledger.',
    remedy:
      'Where they cannot be read any more, load the table again with `firn bootstrap FILE --table T`. Raise cluster.kafka.retention if Flink may stand still for longer than that.',
  },
  'LEDGER-TOPIC-CHANGED': {
    disposition: 'halt-table',
    summary: 'The topic of a table is another one than the ledger was written from.',
    remedy:
      'Somebody removed the topic, or made it anew. Load the table again with `firn bootstrap FILE --table T`.',
  },
  'LEDGER-LATE-COMMIT': {
    disposition: 'verify',
    summary: 'A commit of an earlier process of the pipeline arrived after this one had started.',
    remedy: 'None needed: the pipeline goes on from the table as it is now.',
  },
  'LEDGER-OTHER-WRITER': {
    disposition: 'halt-pipeline',
    summary: 'Another process of Firn commits to the same table.',
    remedy: 'Find the other process and stop one of the two; then run the pipeline again.',
  },
} as const satisfies Record<string, ErrorSpec>;

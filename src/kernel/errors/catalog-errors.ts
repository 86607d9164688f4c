/** Errors of the catalog area: codes `CATALOG-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Registered errors of the catalog area by code. */
export const catalogErrors = {
  'CATALOG-TABLE-EXISTS': {
    disposition: 'halt-table',
    summary: 'A table of this name is already in the catalog and is not the one to be created.',
    remedy: 'Drop or rename the table there, or give the source table another name in the lake.',
  },
  'CATALOG-NAMESPACE-MISSING': {
    disposition: 'halt-table',
    summary: 'The namespace of the table is not in the catalog.',
    remedy: 'Create the namespace first.',
  },
  'CATALOG-METADATA-MISSING': {
    disposition: 'halt-table',
    summary: 'The catalog points to a metadata file that is not there.',
    remedy:
      'Restore the file from a backup, or drop the table from the catalog and bootstrap it again.',
  },
  'CATALOG-BUSY': {
    disposition: 'retry',
    summary: 'Another program held the catalog file locked for too long; nothing was changed.',
    remedy: 'Find the program that keeps a transaction on the catalog file open and end it.',
  },
  'CATALOG-IO': {
    disposition: 'halt-pipeline',
    summary: 'The catalog file could not be read or written.',
    remedy: 'Look at the system log for the disk; after it is healthy, start again.',
  },
  'CATALOG-FULL': {
    disposition: 'retry',
    summary: 'The disk that holds the catalog file has no space left.',
    remedy: 'Free space on that disk; nothing was changed and the run goes on.',
  },
  'CATALOG-READ-ONLY': {
    disposition: 'halt-pipeline',
    summary: 'The catalog file, or the folder that it lies in, cannot be written.',
    remedy: 'Give the user that runs Firn the right to write the file and its folder.',
  },
  'CATALOG-CANNOT-OPEN': {
    disposition: 'halt-pipeline',
    summary: 'The catalog file cannot be opened.',
    remedy: 'Check the path: its folder must exist, and it must name a file, not a folder.',
  },
  'CATALOG-CORRUPT': {
    disposition: 'halt-pipeline',
    summary: 'The catalog file is damaged, or is no catalog of Iceberg tables.',
    remedy: 'Check the path; restore the catalog file from a backup if it is the right one.',
  },
  'CATALOG-CREATE-UNKNOWN': {
    disposition: 'retry',
    summary: 'The catalog did not say whether the table was created.',
    remedy: 'Create the table again with the same uuid: the one that was made is then found.',
  },
  'CATALOG-OTHER-WAREHOUSE': {
    disposition: 'halt-pipeline',
    summary: 'The files of this warehouse belong to another catalog.',
    remedy: 'Use the catalog that the warehouse was made with, or an empty warehouse folder.',
  },
  'CATALOG-TABLE-GONE': {
    disposition: 'halt-table',
    summary: 'A table was dropped from the catalog while the pipeline was running.',
    remedy: 'Nothing was committed. Register the table again, or start it over with `firn drop`.',
  },
  'CATALOG-TABLE-REPLACED': {
    disposition: 'halt-table',
    summary: 'Another table stands in the catalog under the name of one of the pipeline’s tables.',
    remedy: 'Nothing was committed. Put the former table back, or start over with `firn drop`.',
  },
  'CATALOG-PARENT-LOST': {
    disposition: 'halt-table',
    summary: 'The snapshot that a commit builds on is no longer in the history of its branch.',
    remedy:
      'Somebody rolled the branch back or replaced it. Run `firn verify` for the table, then `firn resume`, or load it again with `firn bootstrap`.',
  },
  'CATALOG-SCHEMA-MOVED': {
    disposition: 'halt-table',
    summary:
      'The table’s schema was changed by somebody else while files were written with the old one.',
    remedy: 'Nothing was committed. Run `firn resume` for the table.',
  },
  'CATALOG-COMMIT-CONFLICTS': {
    disposition: 'halt-table',
    summary: 'A commit was overtaken by other writers again and again.',
    remedy:
      'Nothing was committed. Find out which program changes the table so often, then run `firn resume`.',
  },
  'CATALOG-COMMIT-UNKNOWN': {
    disposition: 'verify',
    summary:
      'The catalog did not say whether a commit was made, and asking again did not settle it.',
    remedy:
      'No file was removed. See that the catalog answers, and run the pipeline again: it reads from the table what was committed.',
  },
  'CATALOG-COMMIT-LATE': {
    disposition: 'verify',
    summary: 'A commit of this process whose answer was missing was applied after it was given up.',
    remedy: 'None needed: the pipeline goes on from the table as it is now.',
  },
  'CATALOG-COMMIT-LOST': {
    disposition: 'halt-pipeline',
    summary: 'The catalog reported a commit as done, but its answer does not contain it.',
    remedy: 'The catalog does not keep its contract. Report it to those who run the catalog.',
  },
  'CATALOG-SERVER-ADDRESS': {
    disposition: 'refuse',
    summary: 'The catalog server cannot listen at the address it was given.',
    remedy: 'Choose another port with --port; or end the program that has it already.',
  },
  'CATALOG-REMOTE-FAILED': {
    disposition: 'retry',
    summary: 'The REST catalog could not be reached, or failed again and again.',
    remedy:
      'Look at `lake.catalog.uri`, the network and the catalog’s own state; the pipeline goes on from its last commit when the catalog answers.',
  },
  'CATALOG-REMOTE-DENIED': {
    disposition: 'halt-pipeline',
    summary: 'The REST catalog, or the server that gives its tokens, refused the credentials.',
    remedy:
      'Look at `lake.catalog.auth`, and at what the catalog allows this user: making namespaces and tables, reading and changing them.',
  },
  'CATALOG-REMOTE-REFUSED': {
    disposition: 'halt-pipeline',
    summary: 'The REST catalog does not accept what Firn asked it for.',
    remedy:
      'The message has the catalog’s own words. Look at `lake.catalog.uri` and `lake.catalog.warehouse`; docs/catalog-rest.md lists what a catalog must be able to do.',
  },
  'CATALOG-REMOTE-CERTIFICATE': {
    disposition: 'halt-pipeline',
    summary: 'The certificate of the REST catalog is not one that this machine trusts.',
    remedy:
      'Use the name that the certificate is for; for an authority of your own, name its certificates in the environment’s NODE_EXTRA_CA_CERTS.',
  },
  'CATALOG-REMOTE-STALE': {
    disposition: 'retry',
    summary: 'The REST catalog gave back an older state of a table than it gave before.',
    remedy:
      'Look for a cache between Firn and the catalog. If the catalog was restored from a backup, end the pipeline, run `firn verify`, and start it again.',
  },
  'CATALOG-REMOTE-NAME': {
    disposition: 'halt-table',
    summary: 'The name of a table or namespace cannot stand in a request to a REST catalog.',
    remedy: 'Rename the source table, or leave it out.',
  },
} as const satisfies Record<string, ErrorSpec>;

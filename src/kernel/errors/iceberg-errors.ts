/** Errors of the iceberg area: codes `ICEBERG-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const icebergErrors = {
  'ICEBERG-JSON-INVALID': {
    disposition: 'halt-table',
    summary: 'A metadata document lacks a required key, or a key holds the wrong kind of value.',
    remedy:
      'The metadata file was damaged or written by something that does not follow the Iceberg specification. Point the catalog at an earlier metadata file, or create the table again.',
  },
  'ICEBERG-TYPE-UNSUPPORTED': {
    disposition: 'halt-table',
    summary: 'A column has a type that Firn does not know.',
    remedy:
      'Remove the column with the engine that added it, or leave the table out of the pipeline.',
  },
  'ICEBERG-SCHEMA-INVALID': {
    disposition: 'halt-table',
    summary: 'A schema breaks a rule of the Iceberg specification.',
    remedy:
      'Correct the schema with the engine that made it; the message names the field and the rule.',
  },
  'ICEBERG-SCHEMA-CHANGE-REFUSED': {
    disposition: 'halt-table',
    summary: 'A schema change is not one that keeps every existing data file readable.',
    remedy:
      'Start the table over with its new columns: `firn drop FILE --table T`, then `firn run FILE`.',
  },
  'ICEBERG-TRANSFORM-UNSUPPORTED': {
    disposition: 'halt-table',
    summary: 'A transform is unknown, or cannot be applied to its column.',
    remedy:
      'Partition or sort the table by another transform; the message names column and transform.',
  },
  'ICEBERG-SPEC-INVALID': {
    disposition: 'halt-table',
    summary: 'A partition spec or sort order breaks a rule of the Iceberg specification.',
    remedy: 'Correct it with the engine that made it; the message names the field and the rule.',
  },
  'ICEBERG-VALUE-INVALID': {
    disposition: 'halt-table',
    summary: 'The bytes of a bound or partition value do not fit the type of their column.',
    remedy:
      'The manifest was damaged or written wrongly; rewrite the table’s manifests with the engine that wrote it.',
  },
  'ICEBERG-AVRO-INVALID': {
    disposition: 'halt-table',
    summary: 'A manifest or manifest list is not a sound Avro file.',
    remedy:
      'The file was damaged or cut short. Restore it from a backup or a replica, or roll the table back to a snapshot that does not use it.',
  },
  'ICEBERG-AVRO-TOO-LARGE': {
    disposition: 'halt-table',
    summary: 'A manifest or manifest list is larger than Firn reads into memory.',
    remedy: 'Rewrite the table’s manifests into smaller ones (8 MB is the usual target).',
  },
  'ICEBERG-AVRO-CODEC-UNSUPPORTED': {
    disposition: 'halt-table',
    summary: 'A manifest or manifest list is compressed with a codec that Firn does not read.',
    remedy:
      'Set the writer’s `write.avro.compression-codec` to gzip and rewrite the table’s manifests.',
  },
  'ICEBERG-MANIFEST-INVALID': {
    disposition: 'halt-table',
    summary: 'A manifest or manifest list contradicts the Iceberg specification or itself.',
    remedy:
      'The file was written wrongly; rewrite the table’s manifests with the engine that wrote it, or roll back to an earlier snapshot.',
  },
  'ICEBERG-FORMAT-UNSUPPORTED': {
    disposition: 'halt-table',
    summary: 'A table has a format version that Firn cannot read, or cannot write.',
    remedy:
      'Firn reads format versions 1 to 3 and writes 2 and 3. Upgrade a version 1 table with the engine that made it, or create the table again.',
  },
  'ICEBERG-UPDATE-INVALID': {
    disposition: 'halt-table',
    summary: 'A commit asks for a change that the table cannot take.',
    remedy:
      'Nothing was changed. The message names the rule; if Firn itself sent the commit, report it as a bug.',
  },
  'ICEBERG-UPDATE-STALE': {
    disposition: 'refresh',
    summary: 'A commit was prepared on an older state of the table.',
    remedy: 'Nothing was changed. Firn reads the table again and repeats the commit by itself.',
  },
  'ICEBERG-FILE-NOT-LIVE': {
    disposition: 'refresh',
    summary: 'A commit removes a file that is not in the table any more.',
    remedy: 'Nothing was changed. Firn reads the table again and plans anew by itself.',
  },
  'ICEBERG-EQUALITY-DELETES': {
    disposition: 'halt-table',
    summary: 'A table has an equality-delete file that Firn cannot apply.',
    remedy:
      'Rewrite the table with the engine that wrote it (for example Spark’s rewrite_data_files with `delete-file-threshold` 1), then resume.',
  },
  'ICEBERG-FILE-UNSUPPORTED': {
    disposition: 'halt-table',
    summary: 'A table has a file in a format that Firn does not read, or an encrypted one.',
    remedy:
      'Rewrite the table’s files as Parquet with the engine that wrote it (`write.format.default`), then resume.',
  },
  'ICEBERG-FILE-COLUMNS': {
    disposition: 'halt-table',
    summary: 'A data file does not say which of the table’s columns it holds.',
    remedy:
      'The file has no field ids. Give the table a name mapping (property `schema.name-mapping.default`), or rewrite the file with the engine that added it, then resume.',
  },
  'ICEBERG-PUFFIN-INVALID': {
    disposition: 'halt-table',
    summary: 'A deletion vector is damaged, or contradicts its file or the manifest.',
    remedy:
      'The file was written wrongly or damaged since; rewrite the data file it belongs to from a snapshot before it, or roll back to that snapshot with the engine that wrote it.',
  },
} as const satisfies Record<string, ErrorSpec>;

/**
 * Errors of the log area (the binary log of MySQL and MariaDB): codes `LOG-…`. A code is never
 * reused for another meaning.
 */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const logErrors = {
  'LOG-PACKET-LOST': {
    disposition: 'retry',
    summary: 'The packets of the connection to the source are not in order.',
    remedy: 'None needed; the log is read again from the last committed transaction.',
  },
  'LOG-CHECKSUM': {
    disposition: 'retry',
    summary: 'An event of the binary log does not match its checksum.',
    remedy:
      'The log is read again. If the same place fails again, the log file on the server is damaged: check it with `mysqlbinlog --verify-binlog-checksum`, then load the tables again with `firn bootstrap`.',
  },
  'LOG-EVENT-MALFORMED': {
    disposition: 'halt-pipeline',
    summary: 'An event of the binary log is not built as the protocol says.',
    remedy:
      'Check the log file with `mysqlbinlog --verify-binlog-checksum` at this place. If it is healthy, report the server’s version and the place.',
  },
  'LOG-EVENT-TOO-LARGE': {
    disposition: 'halt-pipeline',
    summary: 'An event of the binary log is larger than Firn reads.',
    remedy:
      'Firn reads events up to 1 GiB, the protocol’s own bound, compressed or not. Split the transaction at the source, then load the table again with `firn bootstrap`.',
  },
  'LOG-FORMAT-UNKNOWN': {
    disposition: 'halt-pipeline',
    summary: 'The binary log has a format or an event that this version of Firn does not know.',
    remedy: 'Read docs/sources/mysql.md for the versions of the servers that are supported.',
  },
  'LOG-TABLE-UNKNOWN': {
    disposition: 'halt-pipeline',
    summary: 'The binary log has rows of a table that it did not describe before.',
    remedy: 'Report the server’s version and the place; the tables can be loaded again.',
  },
  'LOG-FILE-NUMBER': {
    disposition: 'halt-pipeline',
    summary: 'The name of a binary log file does not end in a number below 8,388,608.',
    remedy: 'Start the numbering of the log again at the source; Firn then begins a new epoch.',
  },
  'LOG-ROW-IMAGE-PARTIAL': {
    disposition: 'halt-table',
    summary: 'The binary log holds only some columns of changed rows.',
    remedy:
      'Run `SET GLOBAL binlog_row_image = FULL`, let the sessions that still have another value end, then load the table again with `firn bootstrap`.',
  },
  'LOG-JSON-PARTIAL': {
    disposition: 'halt-table',
    summary: 'The binary log holds only the changed parts of JSON values.',
    remedy:
      "Run `SET GLOBAL binlog_row_value_options = ''`, let the sessions that still have another value end, then load the table again with `firn bootstrap`.",
  },
  'LOG-COLUMN-TYPE': {
    disposition: 'halt-table',
    summary: 'A table has a column of a type whose values cannot be found in the binary log.',
    remedy: 'Change the column to a supported type, then load the table again.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** Errors of the value area: codes `VALUE-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const valueErrors = {
  'VALUE-DAMAGED': {
    disposition: 'halt-table',
    summary: 'The bytes of a value are not a value of its type.',
    remedy:
      'Check the server’s log (`mysqlbinlog --verify-binlog-checksum`) and its table (`CHECK TABLE`), then load the table again with `firn bootstrap FILE --table T`.',
  },
  'VALUE-TYPE-DIFFERS': {
    disposition: 'halt-table',
    summary: 'The log describes a column by another type than its schema has.',
    remedy:
      'The table was changed around this place of its log: load it again with `firn bootstrap FILE --table T`.',
  },
  'VALUE-CHARSET-UNKNOWN': {
    disposition: 'halt-table',
    summary: 'A column’s text is in a character set that Firn cannot read exactly.',
    remedy:
      'Leave the column out with `exclude: [NAME]` under its table, or convert it in the source to utf8mb4.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** Errors of the source area: codes `SOURCE-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const sourceErrors = {
  'SOURCE-MISSING': {
    disposition: 'refuse',
    summary: 'The source database does not exist.',
    remedy: 'Correct the path in the pipeline file, or create the database first.',
  },
  'SOURCE-NOT-A-DATABASE': {
    disposition: 'refuse',
    summary: 'The file is not a SQLite database.',
    remedy:
      'Point the pipeline at the database file itself. An encrypted database cannot be read; give Firn a plain one.',
  },
  'SOURCE-READ-ONLY': {
    disposition: 'refuse',
    summary: 'The source database or its folder cannot be written.',
    remedy:
      'Firn puts triggers and a log table into the database and SQLite keeps two files beside it: give this user write permission on the file and its folder.',
  },
  'SOURCE-BUSY': {
    disposition: 'retry',
    summary: 'Another program holds the source database locked.',
    remedy: 'Wait for the other program’s transaction to end, or find what holds it open.',
  },
  'SOURCE-WAL-REQUIRED': {
    disposition: 'refuse',
    summary: 'The source database is not in WAL mode and could not be switched to it.',
    remedy:
      'Close the other programs that use the database once and run `PRAGMA journal_mode=WAL;` on it. The setting stays in the file. WAL needs a local disk, not a network folder.',
  },
  'SOURCE-OTHER-PIPELINE': {
    disposition: 'refuse',
    summary: 'The source database already feeds another pipeline.',
    remedy:
      'One database feeds one pipeline: add the tables to that pipeline, or take it out first with `firn uninstall FILE`.',
  },
  'SOURCE-NOT-PREPARED': {
    disposition: 'refuse',
    summary: 'The source does not hold what capture needs yet.',
    remedy: 'Run `firn run FILE`, which installs it, or `firn check FILE` to see what it will do.',
  },
  'SOURCE-DISK-FULL': {
    disposition: 'halt-pipeline',
    summary: 'The disk of the source database is full.',
    remedy: 'Free space on that disk; the pipeline goes on from its saved position.',
  },
  'SOURCE-DAMAGED': {
    disposition: 'halt-pipeline',
    summary: 'The source database is damaged.',
    remedy: 'Run `PRAGMA integrity_check;` on it and restore it from a backup.',
  },
  'SOURCE-FAILED': {
    disposition: 'halt-pipeline',
    summary: 'The source database refused a statement.',
    remedy:
      'The message holds the database’s own words as far as they can hold no value of a row; `firn check FILE` looks for the cause.',
  },
  'SOURCE-REPLACED': {
    disposition: 'retry',
    summary: 'The file of the source database was replaced by another one.',
    remedy: 'Nothing to do: the source is opened again and its saved position is verified.',
  },
  'SOURCE-POSITION-BROKEN': {
    disposition: 'verify',
    summary: 'The source’s log is no longer the one that was read.',
    remedy:
      'A pipeline looks at all its places again by itself: it goes on where the same changes are there, and else begins a new epoch and loads its tables.',
  },
  'SOURCE-TABLE-MISSING': {
    disposition: 'halt-table',
    summary: 'The source has no such table any more.',
    remedy:
      'Create the table again, or take it out of the pipeline file. Or let it retire with its copy: `onDrop: keep` under its table, then `firn resume FILE --table T`.',
  },
  'SOURCE-TABLE-RENAMED': {
    disposition: 'halt-table',
    summary: 'A captured table has another name now.',
    remedy:
      'Rename it back, or put the new name into the pipeline file: it then gets tables of its own in the lake.',
  },
  'SOURCE-TABLE-REBUILT': {
    disposition: 'halt-table',
    summary: 'A captured table was built anew or lost its triggers, so changes were not recorded.',
    remedy: 'Nothing to do: the table is loaded again by itself.',
  },
  'SOURCE-CAPTURE-BEGAN': {
    disposition: 'halt-table',
    summary: 'Changes of a table are recorded only from a later place in the log on.',
    remedy: 'Nothing to do: the table is loaded from there by itself.',
  },
  'SOURCE-CAPTURE-ENDED': {
    disposition: 'halt-table',
    summary: 'Changes of a table are not recorded any more.',
    remedy: 'Put the table into the pipeline file and start the pipeline; it is then loaded again.',
  },
  'SOURCE-TABLE-CHANGED': {
    disposition: 'halt-table',
    summary: 'The columns of a table changed in a way that alters rows without a recorded change.',
    remedy: 'Nothing to do: the table is loaded again by itself.',
  },
  'SOURCE-COLUMN-TYPE-CHANGED': {
    disposition: 'halt-table',
    summary: 'A column has another type now.',
    remedy:
      'Start the table over with `firn drop FILE --table T` and `firn run`, or change the type back.',
  },
  'SOURCE-KEY-CHANGED': {
    disposition: 'halt-table',
    summary: 'The key of a table changed, so its rows cannot be told apart as before.',
    remedy: 'Start the table over with `firn drop FILE --table T`, or change the key back.',
  },
  'SOURCE-TABLE-UNSUPPORTED': {
    disposition: 'halt-table',
    summary: 'A table cannot be captured.',
    remedy: 'Take the table out of the pipeline file.',
  },
  'SOURCE-RESERVED-COLUMN': {
    disposition: 'halt-table',
    summary: 'A column has a name that Firn keeps for itself.',
    remedy: 'Give the column another name in the lake: `rename: {_firn_x: x}` under its table.',
  },
  'SOURCE-VALUE-MISFIT': {
    disposition: 'halt-table',
    summary: 'A value does not fit the declared type of its column.',
    remedy:
      'Correct the value in the source, then load the table again with `firn bootstrap FILE --table T`. Or choose for its column: `columns: {NAME: {onMisfit: null}}` stores NULL for values that do not fit, then `firn resume`; `onMisfit: text` keeps every value as text, then start the table over with `firn drop`.',
  },
  'SOURCE-DUPLICATE-COLUMN': {
    disposition: 'halt-table',
    summary: 'Two columns of a table have names that differ only in case.',
    remedy: 'Rename one of them for the lake with the rename option of its table.',
  },
  'SOURCE-UNREACHABLE': {
    disposition: 'retry',
    summary: 'The source database cannot be reached, or the connection to it was cut.',
    remedy: 'Check that the server runs and that host, port and firewall let Firn through.',
  },
  'SOURCE-TIMEOUT': {
    disposition: 'retry',
    summary: 'A statement of Firn took too long at the source and was given up.',
    remedy: 'Look for locks and long statements at the server: `SHOW PROCESSLIST`.',
  },
  'SOURCE-LOGIN-REFUSED': {
    disposition: 'halt-pipeline',
    summary: 'The source database refused the login.',
    remedy:
      'Correct user and password in the pipeline file, or create the user; `firn check FILE` shows the statements.',
  },
  'SOURCE-TLS': {
    disposition: 'halt-pipeline',
    summary: 'No trusted encrypted connection to the source database came about.',
    remedy:
      'Give the certificate authority that signed the server’s certificate, or correct the server’s TLS settings. `tls: off` (`?tls=off` behind an address) is for servers on the same machine or behind a tunnel.',
  },
  'SOURCE-NO-DATABASE': {
    disposition: 'refuse',
    summary: 'The server has no such database.',
    remedy: 'Correct the name of the database in the pipeline file, or create it.',
  },
  'SOURCE-PRIVILEGE': {
    disposition: 'halt-pipeline',
    summary: 'The user of the pipeline lacks a privilege at the source.',
    remedy: 'Run `firn check FILE`: it names the GRANT statement that is missing.',
  },
  'SOURCE-DUPLICATE-READER': {
    disposition: 'halt-pipeline',
    summary: 'Another reader of the log uses the same server id.',
    remedy:
      'Give each pipeline and each replica an id of its own: `serverId` in the pipeline file, or leave it out and Firn takes a free one.',
  },
  'SOURCE-ANSWER-MALFORMED': {
    disposition: 'retry',
    summary: 'The answer of the source to a statement does not follow its protocol.',
    remedy:
      'Nothing to do if it happens once: the read begins again. Otherwise look for a proxy between Firn and the server, and connect without it.',
  },
  'SOURCE-LOG-OFF': {
    disposition: 'refuse',
    summary: 'The server writes no binary log.',
    remedy: 'Set `log_bin` in the server’s configuration and restart it.',
  },
  'SOURCE-LOG-METADATA': {
    disposition: 'halt-table',
    summary: 'The log does not name the columns of a table.',
    remedy:
      'Run `SET PERSIST binlog_row_metadata = FULL;` (MariaDB: `SET GLOBAL`, and in its configuration), then load the table again with `firn bootstrap FILE --table T`.',
  },
  'SOURCE-STATEMENT-LOGGED': {
    disposition: 'halt-table',
    summary: 'A statement changed rows of a table, or its columns, without row images in the log.',
    remedy:
      'Load the table again with `firn bootstrap FILE --table T`; with `binlog_format = ROW` in every session data changes do not do this.',
  },
  'SOURCE-TABLE-SWAPPED': {
    disposition: 'halt-table',
    summary: 'Another table took the place of a captured one.',
    remedy:
      'Load the table again with `firn bootstrap FILE --table T`; with `onSwap: bootstrap` under `source` that happens by itself.',
  },
  'SOURCE-XA': {
    disposition: 'halt-table',
    summary: 'An XA transaction changed a captured table.',
    remedy:
      'Keep XA transactions away from captured tables, then load the table again with `firn bootstrap FILE --table T`.',
  },
  'SOURCE-ROLLED-BACK': {
    disposition: 'halt-table',
    summary: 'The log has rows of a captured table in a transaction that was rolled back.',
    remedy:
      'Nothing to do: the table is loaded again by itself. It comes from tables without transactions (MyISAM) changed together with others.',
  },
  'SOURCE-CONNECTOR': {
    disposition: 'halt-pipeline',
    summary: 'The Debezium connector is missing, or set so that changes or values would be lost.',
    remedy: 'The message names the options; docs/sources/debezium.md has all that are needed.',
  },
  'SOURCE-CONNECTOR-STOPPED': {
    disposition: 'retry',
    summary: 'The Debezium connector does not run.',
    remedy:
      'Look at its status and log in Kafka Connect, and start it again there: nothing is lost as long as the database keeps its log.',
  },
  'SOURCE-NOT-CARRIED': {
    disposition: 'halt-table',
    summary: 'The server has done something that Debezium carries wrongly or not at all.',
    remedy:
      'End what does it, then load the table again: `firn bootstrap FILE --table T`. Or read the log itself, which has it: `source.type: mysql`.',
  },
  'SOURCE-RECORD-UNREADABLE': {
    disposition: 'halt-table',
    summary: 'A record in a table’s topic is no change that can be read.',
    remedy:
      'Keep other writers out of the topic. Load the table again behind that record with `firn bootstrap FILE --table T`.',
  },
  'SOURCE-TOPIC-PARTITIONS': {
    disposition: 'halt-table',
    summary: 'The topic of a table has more than one partition.',
    remedy:
      'Changes are in order within one partition alone: give each table’s topic one partition, then load the table again with `firn bootstrap FILE --table T`.',
  },
  'SOURCE-LOG-INCIDENT': {
    disposition: 'halt-pipeline',
    summary: 'The server says that its log lacks changes.',
    remedy:
      'Look into the server’s error log, and load each table again: `firn bootstrap FILE --table T`.',
  },
} as const satisfies Record<string, ErrorSpec>;

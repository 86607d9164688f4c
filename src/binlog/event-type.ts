/**
 * Type codes of the events of a binary log that Firn reads or knows to be without meaning for rows.
 * Codes up to 159 are MySQL's, which MariaDB shares up to 38; 160 and up are MariaDB's own.
 */

/** Code of an event type in the header of an event. */
export const EVENT_TYPE = {
  query: 2,
  stop: 3,
  rotate: 4,
  intVar: 5,
  appendBlock: 9,
  deleteFile: 11,
  rand: 13,
  userVar: 14,
  format: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  writeRowsV1: 23,
  updateRowsV1: 24,
  deleteRowsV1: 25,
  incident: 26,
  heartbeat: 27,
  ignorable: 28,
  rowsQuery: 29,
  writeRows: 30,
  updateRows: 31,
  deleteRows: 32,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  transactionContext: 36,
  viewChange: 37,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  heartbeatV2: 41,
  taggedGtid: 42,
  mariadbAnnotateRows: 160,
  mariadbBinlogCheckpoint: 161,
  mariadbGtid: 162,
  mariadbGtidList: 163,
  mariadbStartEncryption: 164,
  mariadbQueryCompressed: 165,
  mariadbWriteRowsCompressedV1: 166,
  mariadbUpdateRowsCompressedV1: 167,
  mariadbDeleteRowsCompressedV1: 168,
  mariadbWriteRowsCompressed: 169,
  mariadbUpdateRowsCompressed: 170,
  mariadbDeleteRowsCompressed: 171,
} as const;

/** Known events that say nothing about rows: comments, statement context, group replication. */
export const SILENT_EVENTS: ReadonlySet<number> = new Set([
  EVENT_TYPE.stop,
  EVENT_TYPE.intVar,
  EVENT_TYPE.appendBlock,
  EVENT_TYPE.deleteFile,
  EVENT_TYPE.rand,
  EVENT_TYPE.userVar,
  EVENT_TYPE.beginLoadQuery,
  EVENT_TYPE.ignorable,
  EVENT_TYPE.rowsQuery,
  EVENT_TYPE.transactionContext,
  EVENT_TYPE.viewChange,
  EVENT_TYPE.mariadbAnnotateRows,
  EVENT_TYPE.mariadbBinlogCheckpoint,
  EVENT_TYPE.mariadbStartEncryption,
]);

/** What a rows event does to its rows, and how its body is built. */
export interface RowsEventShape {
  readonly change: 'insert' | 'update' | 'delete';
  /** Version 2 has a run of extra data before the columns. */
  readonly version: 1 | 2;
  /** MariaDB's `log_bin_compress`: the row images are deflated. */
  readonly compressed: boolean;
}

/** Shapes of rows events by type code. */
export const ROWS_EVENTS: ReadonlyMap<number, RowsEventShape> = new Map([
  [EVENT_TYPE.writeRowsV1, { change: 'insert', version: 1, compressed: false }],
  [EVENT_TYPE.updateRowsV1, { change: 'update', version: 1, compressed: false }],
  [EVENT_TYPE.deleteRowsV1, { change: 'delete', version: 1, compressed: false }],
  [EVENT_TYPE.writeRows, { change: 'insert', version: 2, compressed: false }],
  [EVENT_TYPE.updateRows, { change: 'update', version: 2, compressed: false }],
  [EVENT_TYPE.deleteRows, { change: 'delete', version: 2, compressed: false }],
  [EVENT_TYPE.mariadbWriteRowsCompressedV1, { change: 'insert', version: 1, compressed: true }],
  [EVENT_TYPE.mariadbUpdateRowsCompressedV1, { change: 'update', version: 1, compressed: true }],
  [EVENT_TYPE.mariadbDeleteRowsCompressedV1, { change: 'delete', version: 1, compressed: true }],
  [EVENT_TYPE.mariadbWriteRowsCompressed, { change: 'insert', version: 2, compressed: true }],
  [EVENT_TYPE.mariadbUpdateRowsCompressed, { change: 'update', version: 2, compressed: true }],
  [EVENT_TYPE.mariadbDeleteRowsCompressed, { change: 'delete', version: 2, compressed: true }],
]);

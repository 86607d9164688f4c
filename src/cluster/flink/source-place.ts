/**
 * The identity of a change, computed in SQL from the `source` block of an envelope
 * (docs/spec/order.md O2, O4). It must be what Firn's own reader of the log gives the same change:
 * both engines then know it by the same name. Arguments are SQL expressions of text; a part that
 * cannot be read gives NULL, never another change's place.
 */

/** Offsets within a file of the log stay below this: a file's number stands above them. */
const FILE_FACTOR = 2n ** 40n;

/** File numbers of one epoch stay below this: `seq` has 63 bits. */
const FILE_NUMBER_END = 2n ** 23n;

/** `name.000012`: name of the log, number of the file. */
const FILE_PATTERN = "'^(.*)[.]([0-9]+)$'";

/** Columns of the source block. */
export interface PlaceColumns {
  /** Name of the log's file. */
  readonly file: string;
  /** Offset of the event in it. */
  readonly pos: string;
  /** Index of the row in the event, of this table's rows. */
  readonly row: string;
  readonly op: string;
}

/**
 * `seq` of a change: `file number * 2^40 + offset`. The expression **fails** for a log of another
 * name: that is another epoch, whose rows must not be read by this job.
 *
 * @param logName SQL text literal: the epoch's name of the log
 */
export function seqExpression({ file, pos }: PlaceColumns, logName: string): string {
  const name = `REGEXP_EXTRACT(${file}, ${FILE_PATTERN}, 1)`;
  const number = `TRY_CAST(REGEXP_EXTRACT(${file}, ${FILE_PATTERN}, 2) AS BIGINT)`;
  const offset = `TRY_CAST(${pos} AS BIGINT)`;
  const isPlace = `${number} < ${FILE_NUMBER_END} AND ${offset} >= 0 AND ${offset} < ${FILE_FACTOR}`;
  return `CASE
    WHEN ${name} <> ${logName} THEN CAST(CONCAT('this is another log: ', ${name}) AS BIGINT)
    WHEN ${isPlace} THEN ${number} * ${FILE_FACTOR} + ${offset}
  END`;
}

/**
 * `row` of a change: `2 * index + (0 for a delete, 1 for anything else)`. A truncate is a statement
 * without rows, at index 0: what Debezium says there is left over from an event before it.
 */
export function rowExpression({ row, op }: PlaceColumns): string {
  const index = `CASE WHEN ${op} = 't' THEN 0 ELSE TRY_CAST(${row} AS INT) END`;
  const isPlace = `${index} >= 0 AND ${index} < 1073741823`;
  return `CASE WHEN ${isPlace} THEN 2 * ${index} + CASE WHEN ${op} = 'd' THEN 0 ELSE 1 END END`;
}

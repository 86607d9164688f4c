/**
 * The part of a rows event before its images: which table, which columns. Rows whose images leave
 * columns out (`binlog_row_image` MINIMAL, NOBLOB, FULL_NODUP) are told apart here; a value that is
 * absent must never be taken for NULL.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { formatTableName } from '../model/table-schema.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';
import { inflateRun } from './compressed-run.ts';
import type { RowsEventShape } from './event-type.ts';
import type { LogTable } from './log-table.ts';
import type { ImageBytes } from './row-image.ts';

/** Table id of an event without rows, which ends a statement whose rows were all filtered out. */
export const NO_TABLE_ID = 0xff_ff_ff;

/** A run of bytes with a view over the same memory. */
export interface ByteRun extends ImageBytes {
  readonly at: number;
}

/**
 * The row images of a rows event: `body` behind its table id.
 *
 * @throws {FirnError} LOG-ROW-IMAGE-PARTIAL when an image leaves columns out; LOG-EVENT-MALFORMED;
 *   LOG-EVENT-TOO-LARGE when inflated images have more than `bytesMax` bytes
 */
export function readRowsHead(
  body: ByteRun,
  table: LogTable,
  { shape, bytesMax }: { readonly shape: RowsEventShape; readonly bytesMax: number },
): ByteRun {
  const cursor = new ByteCursor(body.bytes, body.at, body.end);
  cursor.skip(2);
  if (shape.version === 2) {
    const extraBytes = cursor.uint(2);
    if (extraBytes < 2) throw malformed('the extra data of a rows event has an impossible length');
    cursor.skip(extraBytes - 2);
  }
  const columnCount = cursor.packedInt();
  if (columnCount !== table.columns.length) {
    throw malformed('a rows event has another number of columns than its table');
  }
  checkComplete(cursor, table);
  if (shape.change === 'update') checkComplete(cursor, table);
  if (!shape.compressed) return { ...body, at: cursor.at };
  const bytes = inflateRun(cursor.rest(), bytesMax);
  return byteRun(bytes);
}

/** All of `bytes` as a run. */
export function byteRun(bytes: Uint8Array): ByteRun {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes, view, at: 0, end: bytes.length };
}

function checkComplete(cursor: ByteCursor, table: LogTable): void {
  const columnCount = table.columns.length;
  const bits = cursor.take((columnCount + 7) >> 3);
  for (let column = 0; column < columnCount; column++) {
    if ((((bits[column >> 3] ?? 0) >> (column & 7)) & 1) === 1) continue;
    const name = table.columns[column]?.name ?? `${column + 1}`;
    throw new FirnError('LOG-ROW-IMAGE-PARTIAL', {
      what: `Changed rows are logged without column ${name}: a session’s binlog_row_image is not FULL`,
      where: formatTableName(table),
    });
  }
}

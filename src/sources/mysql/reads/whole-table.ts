/**
 * All rows of a table at one moment, for verification. MariaDB tells the place in its log of a
 * snapshot exactly; MySQL does not, so there the moment lies between a mark taken before the
 * snapshot and one taken after it.
 */
import type { RowBatch } from '../../../model/change-batch.ts';
import type { ChangeSource, WholeTable } from '../../../ports/source.ts';
import { RowSession } from './row-session.ts';
import { columnsOf, openReadConnection, planReading, tableError } from './table-reading.ts';
import type { TableReadParts } from './table-reading.ts';
import { selectRange } from '../../../mysql/table-statements.ts';

/** Bytes of one batch. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** Opens a snapshot of the table's server and reads the table in it. */
export async function readTable(
  parts: TableReadParts,
  request: Parameters<ChangeSource['readAll']>[0],
): Promise<WholeTable> {
  const { schema, epoch, batchRowsMax, signal } = request;
  const connection = await openReadConnection(parts);
  try {
    const reading = await planReading(connection, parts.rules, schema);
    const before = await parts.marks.low(epoch);
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const exact = await parts.marks.ofSnapshot(connection, epoch);
    const low = exact ?? before;
    const high = exact ?? (await parts.marks.high(epoch));
    const session = new RowSession(connection, parts.clock);
    const batches = async function* (): AsyncGenerator<RowBatch> {
      try {
        const all = { after: null, upTo: null, limit: null };
        const rows = session.rows(selectRange(reading.statement, all), {
          columns: columnsOf(reading),
          limits: { rowsMax: batchRowsMax, bytesMax: BATCH_BYTES_MAX },
          signal,
        });
        for await (const { rowCount, columns } of rows) yield { schema, rowCount, columns };
      } catch (error) {
        throw tableError(error, schema);
      } finally {
        session.close();
      }
    };
    return { low, high, batches: batches() };
  } catch (error) {
    connection.destroy();
    throw tableError(error, schema);
  }
}

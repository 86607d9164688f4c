/** Whether the literals of keys find the rows that they were made from. */
import { isValid } from '../../../src/model/column-vector.ts';
import { keyLiteral } from '../../../src/mysql/parameter-text.ts';
import type { LiveServer } from './live-server.ts';
import type { TwoPaths } from './two-paths.ts';

/** Rows of a table whose literal does not compare equal to what it was made from. */
export async function notFound(
  server: LiveServer,
  paths: TwoPaths,
): Promise<{ readonly asked: number; readonly missed: readonly number[] }> {
  const { namespace, table } = paths.schema.table;
  const column = paths.schema.columns[1];
  const vector = paths.selected.columns[1];
  if (column === undefined || vector === undefined) throw new Error('not read');
  const rows = [...Array(paths.selected.rowCount).keys()].filter((row) => isValid(vector, row));
  const missed: number[] = [];
  for (const row of rows) {
    const literal = keyLiteral(column, vector, row, server.flavour);
    const found = await server.query(
      `SELECT id FROM ${namespace}.${table} WHERE v = ${literal} AND id = ${row}`,
    );
    if (found.length !== 1) missed.push(row);
  }
  return { asked: rows.length, missed };
}

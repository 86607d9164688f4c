/** Whole tables through an engine's query session. */
import type { RowEngine } from '../../src/ports/row-engine.ts';
import type { TextRow } from '../oracles/fold-events.ts';

/** Rows of one table of a query request, as text. */
export async function readQuery(
  engine: RowEngine,
  request: Parameters<RowEngine['openQuery']>[0],
  table: { readonly namespace: string; readonly name: string },
): Promise<readonly TextRow[]> {
  const session = await engine.openQuery(request);
  try {
    const answer = await session.run(`SELECT * FROM "${table.namespace}"."${table.name}"`);
    const rows: TextRow[] = [];
    for await (const some of answer.rows) rows.push(...some);
    return rows;
  } finally {
    await session.close();
  }
}

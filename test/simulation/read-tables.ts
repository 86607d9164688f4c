/** Whole tables through an engine's query session. */
import type { RowEngine } from '../../src/ports/row-engine.ts';
import { baseStateOf } from '../../src/base/base-table.ts';
import { present } from '../../src/kernel/assert.ts';
import { ledgerStateOf } from '../../src/ledger/ledger-table.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import { queryTablesOf } from '../../src/pipeline/view/lake-view.ts';
import type { TablePair } from './table-pair.ts';
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

/** Rows of a pair's base on main, as text. */
export async function readBase(engine: RowEngine, pair: TablePair): Promise<readonly TextRow[]> {
  const { tables, name } = await pairViews(pair);
  const base = present(
    tables.find((table) => table.name === name),
    'the base',
  );
  return readQuery(engine, { tables: [base], live: [] }, base);
}

/** The tables of a pair, as queries see them. */
export async function pairViews(
  pair: TablePair,
): Promise<Awaited<ReturnType<typeof queryTablesOf>> & { readonly name: string }> {
  const { context, schema } = pair;
  const [ledger, base] = [await pair.ledger(), await pair.base()];
  const { store, catalog } = context;
  const state = openStateFolder(store, context.pipeline);
  const view = {
    name: schema.table.table,
    schema,
    ledger,
    ledgerState: ledgerStateOf(ledger),
    base,
    baseState: baseStateOf(base),
  };
  const tables = await queryTablesOf({ store, catalog, state }, view);
  return { ...tables, name: base.identifier.name };
}

/**
 * The same source history through both engines gives equal tables (docs/spec/cluster.md): every
 * type that the cluster carries, changes of keys, rows of several tables in one transaction,
 * columns that come later, a truncate.
 */
import { ok } from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { describeColumns } from '../live/support/two-paths.ts';
import { createTable, typeTablesOf } from '../live/support/type-tables.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { EnginePair, skipPair } from './support/engine-pair.ts';
import { isCarried, typeHistory } from './support/type-history.ts';

/** The cases whose columns the cluster carries, as `table.case`. */
async function carriedCases({ server, database }: EnginePair): Promise<ReadonlySet<string>> {
  const carried = new Set<string>();
  for (const table of typeTablesOf(server.flavour)) {
    await server.run(createTable(table, true));
    const columns = await describeColumns(server, database, table.name);
    for (const one of table.cases) {
      const column = columns.find(({ name }) => name === `c_${one.name}`);
      if (column !== undefined && isCarried(column, server.flavour, one.onMisfit)) {
        carried.add(`${table.name}.${one.name}`);
      }
    }
    await server.run(`DROP TABLE ${table.name}`);
  }
  return carried;
}

// Side by side: most of it is waiting for checkpoints.
suite('equality', { concurrency: SERVER_FLAVOURS.length }, () => {
  for (const flavour of SERVER_FLAVOURS) {
    const skip = skipPair(flavour);
    test(`spec: E1 — ${flavour}: both engines make equal tables`, { skip }, async (t) => {
      const pair = await EnginePair.open(t, flavour);
      await pair.server.run(CASE_SESSION);
      const carried = await carriedCases(pair);
      const history = typeHistory(flavour, {
        isCarried: (table, one) => carried.has(`${table}.${one.name}`),
        isWhole: process.env['FIRN_ALL_TYPES'] !== undefined,
      });
      await pair.server.run(...history.before);
      await pair.configure(
        t,
        history.rules.map(({ table, columns }) => ({
          table: `${pair.database}.${table}`,
          columns,
        })),
      );
      await Promise.all([pair.catchUp('embedded'), pair.catchUp('cluster')]);
      await pair.server.run(...history.during);
      await Promise.all([pair.catchUp('embedded'), pair.catchUp('cluster')]);
      const found = pair.compare(history.names);
      t.diagnostic(JSON.stringify(found));
      ok(found.rows > 500 && found.ledgerRows > 1500);
    });
  }
});

/**
 * Statements that another reader found in this server's log, judged as this source judges them
 * itself (docs/spec/source-mysql.md Y11): which tables cannot go on behind them.
 */
import type { TableName } from '../../../model/table-schema.ts';
import { classifyStatement } from '../../../mysql/classify-statement.ts';
import type { ForeignStatement, StatementHalt } from '../../../ports/source.ts';
import type { MysqlConnection } from '../connection.ts';
import { joined } from '../../../mysql/statement.ts';
import { effectsOf, tablesExtendedBy } from '../../../mysql/statement-effects.ts';

/** Statements in the order of the log, and who is asked about. */
export interface StatementRequest {
  readonly statements: readonly ForeignStatement[];
  readonly tables: readonly TableName[];
  readonly onSwap: 'halt' | 'bootstrap';
}

/** The tables that stop, each with the first statement that stops it. */
export async function statementHalts(
  connection: MysqlConnection,
  { statements, tables, onSwap }: StatementRequest,
): Promise<readonly StatementHalt[]> {
  const [row] = await connection.query('SELECT @@lower_case_table_names');
  const foldNames = row?.[0] !== '0';
  const halts = new Map<TableName, StatementHalt>();
  const extended = new Set<TableName>();
  for (const [where, there] of Map.groupBy(statements.entries(), ([, one]) => one.where)) {
    // A statement on several tables may have been found as one on each.
    const classified = there.map(([, { sql, database }]) => {
      return classifyStatement({ sql, database, sqlMode: null }, connection.server);
    });
    const [[index] = [0]] = there;
    for (const statement of joined(classified)) {
      const captured = tables.filter((table) => !halts.has(table));
      // Whether rows are told apart by another key is seen by the columns of the key.
      const effects = effectsOf(statement, {
        captured,
        foldNames,
        onSwap,
        hasOtherKey: () => false,
        where,
      });
      for (const effect of effects) {
        if (effect.kind !== 'halt') continue;
        halts.set(effect.table, { ...effect, index, isExtended: extended.has(effect.table) });
      }
      for (const table of tablesExtendedBy(statement, { captured, foldNames })) extended.add(table);
    }
  }
  return [...halts.values()];
}

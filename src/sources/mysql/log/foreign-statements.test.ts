/** Statements that a connector found in the log, judged by place. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { MysqlConnection } from '../connection.ts';
import { statementHalts } from './foreign-statements.ts';

test('spec: E20, Y14 — the two renames of a swap are judged together', async () => {
  // What judging asks a server for.
  const connection = {
    server: { flavour: 'mysql', version: 90_000 },
    query: async () => [['0']],
  } as unknown as MysqlConnection;
  const statements = ['RENAME TABLE orders TO _orders_del', 'RENAME TABLE _orders_gho TO orders'];
  const request = (onSwap: 'halt' | 'bootstrap', places: readonly string[]) => ({
    statements: statements.map((sql, index) => {
      return { sql, database: 'shop', where: places[index] ?? '' };
    }),
    tables: [{ namespace: 'shop', table: 'orders' }],
    onSwap,
  });
  const halts = async (...asked: Parameters<typeof request>): Promise<readonly string[]> => {
    const found = await statementHalts(connection, request(...asked));
    return found.map(({ error, recovery }) => `${error.code} ${recovery}`);
  };
  deepEqual(await halts('bootstrap', ['a:1', 'a:1']), ['SOURCE-TABLE-SWAPPED bootstrap']);
  deepEqual(await halts('halt', ['a:1', 'a:1']), ['SOURCE-TABLE-SWAPPED operator']);
  // Two statements are no swap.
  deepEqual(await halts('bootstrap', ['a:1', 'a:2']), ['SOURCE-TABLE-RENAMED operator']);
});

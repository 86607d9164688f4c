/** Names of tables as text. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatTableName } from './table-schema.ts';

test('different tables have different names as text', () => {
  equal(formatTableName({ namespace: 'shop', table: 'orders.v2' }), 'shop.orders.v2');
  equal(formatTableName({ namespace: 'shop.orders', table: 'v2' }), '`shop.orders`.v2');
  const part = fc.string({ unit: fc.constantFrom('a', '.', '`'), maxLength: 4 });
  const name = fc.record({ namespace: part, table: part });
  fc.assert(
    fc.property(name, name, (left, right) => {
      const isSame = left.namespace === right.namespace && left.table === right.table;
      equal(formatTableName(left) === formatTableName(right), isSame);
    }),
    { numRuns: 5000 },
  );
});

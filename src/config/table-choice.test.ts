/** Which rule takes a table, and what it says of columns. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { TableRule } from './pipeline-config.ts';
import { chooseTable, firstRule, tablesNamed } from './table-choice.ts';

function rule(pattern: string, more: Partial<TableRule> = {}): TableRule {
  return { pattern, exclude: [], rename: {}, columns: {}, onDrop: 'halt', ...more };
}

test('a star stands for any run of characters, letters match in either case', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['shop.orders', 'shop.orders', true],
    ['shop.orders', 'Shop.ORDERS', true],
    ['shop.orders', 'shop.orders2', false],
    ['shop.*', 'shop.orders', true],
    ['shop.*', 'shop2.orders', false],
    ['*.*', 'a.b', true],
    ['*', 'a.b', true],
    ['shop.e*_*', 'shop.event_1', true],
    ['shop.e*_*', 'shop.event', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['sh.p.orders', 'shop.orders', false],
    ['täbl*', 'täble', true],
  ];
  for (const [pattern, table, expected] of cases) {
    equal(chooseTable([rule(pattern)], table) !== null, expected, `${pattern} ${table}`);
  }
});

test('the first rule that matches says everything', () => {
  const choice = chooseTable(
    [
      rule('a.x'),
      rule('a.*', {
        exclude: ['SSN'],
        rename: { Note: 'remark' },
        columns: { age: { onMisfit: 'null' } },
      }),
      rule('a.y'),
    ],
    'a.y',
  );
  deepEqual(
    ['ssn', 'note', 'age'].map((name) => [
      choice?.isExcluded(name),
      choice?.lakeName(name),
      choice?.onMisfit(name),
    ]),
    [
      [true, 'ssn', 'halt'],
      [false, 'remark', 'halt'],
      [false, 'age', 'null'],
    ],
  );
  const rules = ['a.x', 'a.*', 'a.x', 'x', '*'].map((pattern) => rule(pattern));
  const placeOf = (...names: readonly string[]): number =>
    rules.findIndex((one) => one === firstRule(rules, names));
  deepEqual([placeOf('A.x'), placeOf('a.y'), placeOf('X'), placeOf('y')], [0, 1, 3, 4]);
  deepEqual([placeOf('x', 'b.x'), placeOf('x', 'a.x'), placeOf('y', 'a.y')], [3, 0, 1]);
  equal(firstRule([rule('a.x')], ['x', 'b.x']), null);
  deepEqual(tablesNamed([rule('a.*'), rule('a.b')]), ['a.b']);
});

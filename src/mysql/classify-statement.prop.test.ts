/** Any text is classified: no exception, no table passed over, no work that grows without bound. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { classifyStatement } from './classify-statement.ts';
import type { MysqlFlavour } from './mysql-column.ts';
import { mentionsTable } from './statement.ts';
import type { Statement } from './statement.ts';

const WORDS =
  `ALTER TABLE ADD DROP COLUMN INDEX RENAME TO CREATE LIKE SELECT FROM INSERT INTO UPDATE
SET DELETE WHERE TRUNCATE XA START COMMIT BEGIN PARTITION EXCHANGE WITH NOT NULL DEFAULT IF EXISTS
DATABASE VIEW TRIGGER DEFINER = ( ) , ; . * @ ' " \` /* */ /*! /*!50001 /*M!100100 -- # \\ orders
\`orders\` "orders" 'orders' shop.orders \n \0 😀 X'78' 0x78 CONVERT CHANGE MODIFY ORDER BY FOR STATEMENT
ANALYZE CONSTRAINT PRIMARY KEY UNIQUE CHECK`.split(/[ \n]/);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(fc.constantFrom(...WORDS), { maxLength: 40 })
    .chain((words) => fc.constantFrom(words.join(' '), words.join(''))),
);
const flavour = fc.constantFrom<MysqlFlavour>('mysql', 'mariadb');
const mode = fc.constantFrom(null, 0n, 4n, 1n << 20n, 4n | (1n << 20n));

function classify(sql: string, of: { flavour: MysqlFlavour; sqlMode: bigint | null }): Statement {
  const version = of.flavour === 'mysql' ? 90_704 : 101_114;
  const text = { sql, database: 'shop', sqlMode: of.sqlMode };
  return classifyStatement(text, { flavour: of.flavour, version });
}

test('any text is classified (spec: Y10)', () => {
  fc.assert(
    fc.property(text, flavour, mode, (sql, which, sqlMode) => {
      const statement = classify(sql, { flavour: which, sqlMode });
      ok(statement.kind !== 'unknown' || statement.sql === sql);
    }),
    { numRuns: 3000 },
  );
});

test('an unknown verb with a table’s name in it names the table, however it is quoted (spec: Y11)', () => {
  const rest = fc.array(fc.constantFrom(...WORDS), { maxLength: 10 });
  const spelling = fc.constantFrom(
    'orders',
    '`orders`',
    'Orders',
    'shop.orders',
    '`shop`.`orders`',
  );
  fc.assert(
    fc.property(rest, spelling, rest, flavour, mode, (before, name, after, which, sqlMode) => {
      const sql = ['FROBNICATE', ...before, name, ...after].join(' ');
      equal(classify(sql, { flavour: which, sqlMode }).kind, 'unknown');
      ok(mentionsTable(sql, { namespace: 'shop', table: 'orders' }));
    }),
  );
});

test('blanks, comments and letter case between the words of a statement mean nothing', () => {
  const filler = fc.constantFrom(' ', '\n', '\t ', ' /* DROP */ ', '/**/', ' -- x\n', '#x\n', '  ');
  const recase = fc.infiniteStream(fc.boolean());
  const cases = ['DROP TABLE `t`', 'ALTER TABLE `t` ADD COLUMN c INT NULL', 'RENAME TABLE a TO b'];
  fc.assert(
    fc.property(fc.constantFrom(...cases), filler, recase, flavour, (sql, blank, small, which) => {
      const words = sql
        .split(' ')
        .map((word) =>
          /^[A-Z]{2,}$/.test(word) && small.next().value === true ? word.toLowerCase() : word,
        );
      const of = { flavour: which, sqlMode: null };
      equal(JSON.stringify(classify(words.join(blank), of)), JSON.stringify(classify(sql, of)));
    }),
  );
});

test('long texts take time in proportion', () => {
  const parts = [
    '(',
    ',',
    '/*!',
    '/*M!1',
    'SET STATEMENT FOR ',
    'ADD CONSTRAINT ',
    "'",
    '`a',
    '(a,',
    'a.',
  ];
  for (const part of parts) {
    const sql = `ALTER TABLE t ${part.repeat(100_000)}`;
    const start = performance.now();
    classify(sql, { flavour: 'mysql', sqlMode: null });
    mentionsTable(sql, { namespace: 'shop', table: 'orders' });
    ok(performance.now() - start < 3000, `100,000 times ${part}`);
  }
});

/** Hostile names on real SQLite, and the text form of values read back. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { changesOf, rowsIn } from '../../../test/support/source-events.ts';
import { inSqliteWorld, lastPosition } from '../../../test/support/sqlite-world.ts';
import { cutIndexText, quoteName, sameName } from './sql-text.ts';
import { literalText, parseLiteral, parseValuesKey, sameValue, valuesKey } from './sqlite-value.ts';
import type { LiteralClass, SqliteValue } from './sqlite-value.ts';

const HOSTILE = [
  '"',
  "'",
  '`',
  ']',
  'a"b',
  'x; DROP TABLE t; --',
  '../../etc',
  'new',
  'old',
  'select',
  'rowid',
  'line\nbreak',
  '❄️'.repeat(32),
  'a'.repeat(200),
  ' ',
  '%',
  '*',
  '?1',
  '--',
  '/*',
  'OLD"."id',
  'toString',
  '__proto__',
  'constructor',
  '$x',
  ':y',
  '@z',
];

const name = fc
  .oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }))
  .filter(
    (text) => !text.includes('\0') && text.isWellFormed() && !/^(?:sqlite_|_firn_)/i.test(text),
  );

const names = fc
  .tuple(name, fc.uniqueArray(name, { minLength: 3, maxLength: 3, comparator: sameName }), name)
  .filter(([, columns, added]) => !columns.some((column) => sameName(column, added)))
  // A new column that hides the rowid is a reason to load the table again; see the drift tests.
  .filter(([, , added]) => !sameName(added, 'rowid'));

test('any name of a table and its columns (spec: S17)', async () => {
  await fc.assert(
    fc.asyncProperty(names, async ([table, [key = '', unique = '', plain = ''], added]) => {
      const [t, k, u, p] = [table, key, unique, plain].map(quoteName);
      const schema = `CREATE TABLE keep(id INTEGER PRIMARY KEY);
        CREATE TABLE ${t ?? ''}(${u ?? ''} UNIQUE, ${k ?? ''} TEXT NOT NULL PRIMARY KEY, ${p ?? ''})`;
      if (sameName(table, 'keep')) return;
      await inSqliteWorld({ schema }, async (world) => {
        const { tables, mark } = await world.prepare();
        const own = tables.find((one) => one.table.table === table);
        ok(own !== undefined);
        const insert = `INSERT OR REPLACE INTO ${t ?? ''}(${k ?? ''}, ${u ?? ''}, ${p ?? ''}) VALUES(?, ?, ?)`;
        for (const row of [
          ['a', 1n, 'x'],
          ['b', 1n, 'y'],
        ])
          world.writer.prepare(insert).run(...row);
        const events = await world.read(mark.position, tables);
        deepEqual(
          changesOf(events).map(({ op, values }) => [op, values[key], values[plain]]),
          [
            ['c', 'a', 'x'],
            ['c', 'b', 'y'],
            ['d', 'a', null],
          ],
        );
        const { signal } = new AbortController();
        const request = { schema: own, after: null, chunkRowsMax: 10, signal };
        for await (const { rows } of world.source.bootstrap(request)) {
          deepEqual(rowsIn(rows), [{ [unique]: '1', [key]: 'b', [plain]: 'y' }]);
          equal((await world.source.readKeys({ keys: rows, epoch: 1 })).rowCount, 1);
        }
        world.exec(`ALTER TABLE ${t ?? ''} ADD COLUMN ${quoteName(added)}`);
        world.exec(`UPDATE ${t ?? ''} SET ${quoteName(added)} = 'new'`);
        const later = changesOf(await world.read(lastPosition(events), tables));
        equal(later.at(-1)?.values[added], 'new');
        await world.source.uninstall();
        const left = world.writer.prepare('SELECT name FROM sqlite_master').all();
        ok(left.every((row) => !String(row['name']).startsWith('_firn_')));
        world.writer.prepare(insert).run('c', 3, 'z');
      });
    }),
    {
      numRuns: 30,
      examples: HOSTILE.map((hostile) => [[hostile, [`${hostile}1`, hostile, `"${hostile}`], 'z']]),
    },
  );
});

const value = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.constantFrom(
    '1',
    '1.0',
    "'1'",
    "x'31'",
    'Inf',
    '-Inf',
    '1e+21',
    '',
    "''",
    "x'0",
    '01',
    '-0',
    'NULL',
  ),
  fc.uint8Array({ maxLength: 8 }),
);

for (const kind of ['any', 'text'] satisfies LiteralClass[]) {
  const values = value.filter(
    (one) => kind === 'any' || (typeof one !== 'bigint' && typeof one !== 'number'),
  );

  test(`the text form of a value gives the value back, ${kind} (spec: S12)`, () => {
    fc.assert(
      fc.property(values, (one) => {
        ok(sameValue(parseLiteral(literalText(one, kind), kind), one), literalText(one, kind));
      }),
    );
  });

  test(`different values have different text, ${kind} (spec: S12)`, () => {
    fc.assert(
      fc.property(values, values, (left, right) => {
        equal(literalText(left, kind) === literalText(right, kind), sameValue(left, right));
      }),
    );
  });
}

test('the text form is what the documentation says (spec: S12)', () => {
  const forms: [Exclude<SqliteValue, null>, string][] = [
    [1n, '1'],
    [1, '1.0'],
    ['1', "'1'"],
    [0.1, '0.1'],
    [1e21, '1e+21'],
    [-0, '0.0'],
    [Infinity, 'Inf'],
    ['2026-11-21', '2026-11-21'],
    ["it's", "it's"],
    ["'q'", "'''q'''"],
    [new Uint8Array([49]), "x'31'"],
  ];
  for (const [one, text] of forms) equal(literalText(one, 'any'), text);
});

test('keys of maps and cursors keep every value', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(value, fc.constant(null))), (row) => {
      const back = parseValuesKey(valuesKey(row)) ?? [];
      equal(back.length, row.length);
      for (const [index, one] of row.entries()) ok(sameValue(back[index], one));
    }),
  );
});

test('index statements are cut at commas and brackets that count', () => {
  const cut = cutIndexText(
    `CREATE UNIQUE INDEX "i(" ON "t,"(a, lower(b, ')') COLLATE "no case" DESC, (c || ',') asc) WHERE d = ')' -- x`,
  );
  deepEqual(cut, { terms: ['a', `lower(b, ')')`, `(c || ',')`], condition: `d = ')' -- x` });
  deepEqual(cutIndexText('CREATE INDEX i ON t(a)/* c */ where b'), {
    terms: ['a'],
    condition: 'b',
  });
  equal(cutIndexText('CREATE INDEX i'), null);
});

/** What `check` finds, table by table, and what `discover` makes of it. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../ports/source.ts';
import { inSqliteWorld, tableRule } from '../../../test/support/sqlite-world.ts';

function about(findings: readonly Finding[], table: string | null): string[] {
  return findings
    .filter((finding) => (finding.table?.table ?? null) === table)
    .map(({ severity, code }) => `${severity} ${code}`);
}

test('tables that can be captured, and those that cannot (spec: S11, S15)', () =>
  inSqliteWorld(
    {
      schema: `
        CREATE TABLE good(id INTEGER PRIMARY KEY, a TEXT);
        CREATE TABLE alternative(id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE);
        CREATE TABLE nullable(id TEXT PRIMARY KEY);
        CREATE TABLE keyless(a, b);
        CREATE TABLE floating(id REAL NOT NULL PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE reserved(id INTEGER PRIMARY KEY, _firn_op TEXT);
        CREATE TABLE descending(id INTEGER PRIMARY KEY DESC);
        CREATE TABLE strict_one(id TEXT PRIMARY KEY, v ANY) STRICT;
        CREATE TABLE guarded(id INTEGER PRIMARY KEY);
        CREATE TRIGGER g BEFORE INSERT ON guarded BEGIN SELECT RAISE(IGNORE); END;
        CREATE VIRTUAL TABLE words USING fts5(a);
        CREATE VIEW seen AS SELECT * FROM good;`,
      rules: [tableRule('missing'), tableRule('seen'), tableRule('words'), tableRule('*')],
    },
    async (world) => {
      const findings = await world.source.check();
      deepEqual(about(findings, 'good'), ['ok triggers']);
      deepEqual(about(findings, 'alternative'), ['ok triggers']);
      deepEqual(about(findings, 'strict_one'), ['ok triggers']);
      for (const name of ['nullable', 'keyless', 'floating', 'descending']) {
        deepEqual(about(findings, name), ['ok triggers', 'warning ledger-only'], name);
      }
      deepEqual(about(findings, 'reserved'), ['error SOURCE-RESERVED-COLUMN']);
      deepEqual(about(findings, 'guarded'), ['ok triggers', 'warning foreign-trigger']);
      deepEqual(about(findings, 'missing'), ['error SOURCE-TABLE-MISSING']);
      deepEqual(about(findings, 'seen'), ['error SOURCE-TABLE-UNSUPPORTED']);
      deepEqual(about(findings, 'words'), ['error SOURCE-TABLE-UNSUPPORTED']);
      deepEqual(about(findings, null), ['ok journal-mode', 'warning drop-column']);
      const named = findings
        .filter(({ code }) => code === 'ledger-only')
        .map(({ message }) => message);
      ok(named.some((message) => message.includes('key column id may be NULL')));
      ok(named.some((message) => message.includes('floating-point')));
      const found = await world.source.discover();
      const keys = new Map(found.map(({ table, keyColumns }) => [table.table, keyColumns.join()]));
      equal(keys.get('alternative'), 'code');
      equal(keys.get('strict_one'), 'id');
      equal(keys.get('nullable'), '');
      deepEqual(
        [keys.has('reserved'), keys.has('seen'), keys.has('words_data')],
        [false, false, false],
      );
    },
  ));

test('the DDL shown is the DDL installed (spec: S15)', () =>
  inSqliteWorld({ schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE)' }, async (world) => {
    const [shown] = (await world.source.check()).filter(({ code }) => code === 'triggers');
    await world.prepare();
    const rows = world.writer.prepare(`SELECT sql FROM sqlite_master WHERE type = 'trigger'`).all();
    equal(shown?.fix, `${rows.map((row) => String(row['sql'])).join(';\n')};`);
    const [after] = (await world.source.check()).filter(({ code }) => code === 'triggers');
    deepEqual([after?.severity, after?.fix], ['ok', null]);
  }));

test('what happened since the last run is said before the next', () =>
  inSqliteWorld(
    { schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE u(id INTEGER PRIMARY KEY)' },
    async (world) => {
      await world.prepare();
      world.exec('ALTER TABLE t ADD COLUMN b DEFAULT 1; DROP TABLE u; CREATE TABLE u(id TEXT)');
      const findings = await world.source.check();
      deepEqual(about(findings, 't'), ['warning SOURCE-TABLE-CHANGED']);
      ok(about(findings, 'u').includes('error SOURCE-KEY-CHANGED'));
    },
  ));

test('a reserved name with another name in the lake is captured', () =>
  inSqliteWorld(
    {
      schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, _firn_op TEXT)',
      rules: [tableRule('t', { rename: { _FIRN_OP: 'op' } })],
    },
    async (world) => {
      deepEqual(about(await world.source.check(), 't'), ['ok triggers']);
      equal((await world.source.discover()).length, 1);
    },
  ));

test('the first rule that matches counts, whatever the case of names', () =>
  inSqliteWorld(
    {
      schema:
        'CREATE TABLE Orders(id INTEGER PRIMARY KEY, a, b); CREATE TABLE order_lines(id INTEGER PRIMARY KEY)',
      rules: [tableRule('ORDERS', { exclude: ['A'] }), tableRule('o*e*s')],
    },
    async (world) => {
      const found = await world.source.discover();
      deepEqual(
        found.map(({ table, columns }) => [table.table, columns.map((c) => c.sourceName).join()]),
        [
          ['Orders', 'id,b'],
          ['order_lines', 'id'],
        ],
      );
    },
  ));

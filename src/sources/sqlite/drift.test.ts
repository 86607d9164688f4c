/** What happens to capture when somebody changes tables, triggers or the pipeline's rules. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceEvent } from '../../model/source-event.ts';
import { changesIn, changesOf, ofKind, rowText } from '../../../test/support/source-events.ts';
import { inSqliteWorld, lastPosition, tableRule } from '../../../test/support/sqlite-world.ts';

const SCHEMA = `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);
  CREATE TABLE u(id INTEGER PRIMARY KEY, a TEXT);
  INSERT INTO t VALUES(1, 'one');`;

/** Events in short: changes as `t:op values`, halts as `t halted CODE recovery`. */
function brief(events: readonly SourceEvent[]): string[] {
  return events.flatMap((event): string[] => {
    switch (event.kind) {
      case 'changes':
        return changesIn(event.batch).map(
          ({ table, op, values }) => `${table}:${op} ${rowText(values).replaceAll('bigint ', '')}`,
        );
      case 'schema-changed': {
        const names = event.schema.columns.map(({ sourceName }) => sourceName);
        return [`${event.schema.table.table} has ${names.join(' ')}`];
      }
      case 'table-halted': {
        const goesOn = event.completeFrom === null ? '' : ', goes on';
        return [`${event.table.table} halted ${event.error.code} ${event.recovery}${goesOn}`];
      }
      default:
        return [];
    }
  });
}

interface DriftCase {
  readonly what: string;
  /** What happens behind Firn's back after one row was written. */
  readonly sql: string;
  /** Written afterwards, before the stream looks. */
  readonly after?: string;
  readonly expected: readonly string[];
}

const REBUILD = `BEGIN; CREATE TABLE t_new(id INTEGER PRIMARY KEY, a TEXT);
  INSERT INTO t_new SELECT id, upper(a) FROM t; DROP TABLE t; ALTER TABLE t_new RENAME TO t; COMMIT;`;
const OTHERS = ['u:c id=1'];

const CASES: readonly DriftCase[] = [
  {
    what: 'a column that may be NULL (spec: S8)',
    sql: 'ALTER TABLE t ADD COLUMN b INT DEFAULT (NULL)',
    after: `UPDATE t SET b = 5 WHERE id = 1; INSERT INTO t VALUES(3, 'x', 7)`,
    expected: [
      't:c id=2 a="two"',
      't:u id=1 a="one"',
      't:c id=3 a="x"',
      't has id a b',
      't:r id=2 a="two"',
      't:r id=1 a="one" b=5',
      't:r id=3 a="x" b=7',
    ],
  },
  {
    what: 'a column with a default changes rows that were there',
    sql: 'ALTER TABLE t ADD COLUMN b INT DEFAULT 5',
    expected: [
      't:c id=2 a="two"',
      't halted SOURCE-TABLE-CHANGED bootstrap, goes on',
      't has id a b',
    ],
  },
  {
    what: 'a column that hides the rowid',
    sql: 'ALTER TABLE t ADD COLUMN rowid',
    after: `INSERT INTO t VALUES(3, 'x', 7)`,
    expected: [
      't:c id=2 a="two"',
      't:c id=3 a="x"',
      't has id a rowid',
      't:r id=2 a="two"',
      't:r id=3 a="x" rowid="7"',
    ],
  },
  {
    what: 'a generated column has values at once',
    sql: 'ALTER TABLE t ADD COLUMN b INT AS (id + 1)',
    expected: [
      't:c id=2 a="two"',
      't halted SOURCE-TABLE-CHANGED bootstrap, goes on',
      't has id a b',
    ],
  },
  {
    what: 'a column renamed',
    sql: 'ALTER TABLE t RENAME COLUMN a TO b',
    after: `INSERT INTO t VALUES(3, 'x')`,
    expected: [
      't:c id=2 a="two"',
      't:c id=3 a="x"',
      't halted SOURCE-TABLE-CHANGED bootstrap, goes on',
      't has id b',
    ],
  },
  {
    what: 'a table built anew by copy, drop and rename (spec: S9)',
    sql: REBUILD,
    after: `INSERT INTO t VALUES(3, 'not recorded')`,
    expected: ['t:c id=2 a="two"', 't halted SOURCE-TABLE-REBUILT bootstrap, goes on'],
  },
  {
    what: 'a table built anew without a column',
    sql: 'CREATE TABLE n(id INTEGER PRIMARY KEY); DROP TABLE t; ALTER TABLE n RENAME TO t',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-TABLE-CHANGED bootstrap, goes on', 't has id'],
  },
  {
    what: 'a table dropped and created again',
    sql: 'DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-TABLE-REBUILT bootstrap, goes on'],
  },
  {
    what: 'a table dropped (spec: S18)',
    sql: 'DROP TABLE t',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-TABLE-MISSING operator'],
  },
  {
    what: 'a table renamed',
    sql: 'ALTER TABLE t RENAME TO elsewhere',
    after: `INSERT INTO elsewhere VALUES(3, 'x')`,
    expected: ['t:c id=2 a="two"', 't:c id=3 a="x"', 't halted SOURCE-TABLE-RENAMED operator'],
  },
  {
    what: 'a table renamed and back',
    sql: 'ALTER TABLE t RENAME TO elsewhere; ALTER TABLE elsewhere RENAME TO t',
    after: `INSERT INTO t VALUES(3, 'x')`,
    expected: ['t:c id=2 a="two"', 't:c id=3 a="x"'],
  },
  {
    what: 'another type',
    sql: 'DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, a BLOB)',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-COLUMN-TYPE-CHANGED operator'],
  },
  {
    what: 'another spelling of the same type',
    sql: 'DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, a VARCHAR(20))',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-TABLE-REBUILT bootstrap, goes on'],
  },
  {
    what: 'another key',
    sql: 'DROP TABLE t; CREATE TABLE t(id INTEGER, a TEXT NOT NULL PRIMARY KEY)',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-KEY-CHANGED operator'],
  },
  {
    what: 'a reserved column name',
    sql: 'ALTER TABLE t ADD COLUMN _firn_x',
    expected: ['t:c id=2 a="two"', 't halted SOURCE-RESERVED-COLUMN operator'],
  },
  {
    what: 'a trigger dropped',
    sql: 'DROP TRIGGER _firn_1_insert',
    after: `INSERT INTO t VALUES(3, 'not recorded')`,
    expected: ['t:c id=2 a="two"', 't halted SOURCE-TABLE-REBUILT bootstrap, goes on'],
  },
  {
    what: 'a unique key that was not watched, with a write since',
    sql: 'CREATE UNIQUE INDEX t_a ON t(a)',
    after: `INSERT OR REPLACE INTO t VALUES(3, 'two')`,
    expected: [
      't:c id=2 a="two"',
      't:c id=3 a="two"',
      't halted SOURCE-TABLE-CHANGED bootstrap, goes on',
    ],
  },
  {
    what: 'more changes than can be read again',
    sql: 'ALTER TABLE t ADD COLUMN b',
    after: `WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 50100)
      INSERT INTO t SELECT i, NULL, NULL FROM n`,
    expected: ['t halted SOURCE-TABLE-CHANGED bootstrap, goes on', 't has id a b'],
  },
  { what: 'VACUUM', sql: 'DROP TABLE u; CREATE TABLE u(id, a); VACUUM', expected: [] },
];

for (const { what, sql, after, expected } of CASES) {
  test(`seen while running: ${what}`, () =>
    inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t')] }, async (world) => {
      const { tables, mark } = await world.prepare();
      world.exec(`INSERT INTO t VALUES(2, 'two')`);
      const wrote = what === 'VACUUM' ? await world.read(mark.position, tables) : [];
      const from = wrote.length === 0 ? mark.position : lastPosition(wrote);
      world.exec(sql);
      if (after !== undefined) world.exec(after);
      const seen = brief(await world.read(from, tables));
      const bulk = what.startsWith('more changes');
      deepEqual(bulk ? seen.filter((text) => !text.includes(':c')) : seen, expected);
    }));

  test(`found at a start: ${what}`, () =>
    inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t'), tableRule('u')] }, async (world) => {
      const { tables, mark } = await world.prepare();
      world.exec(`INSERT INTO t VALUES(2, 'two')`);
      const wrote = what === 'VACUUM' ? await world.read(mark.position, tables) : [];
      const from = wrote.length === 0 ? mark.position : lastPosition(wrote);
      world.exec(sql.replace('DROP TABLE u; CREATE TABLE u(id, a);', ''));
      if (after !== undefined) world.exec(after);
      const source = await world.reopen();
      await source.prepare(tables);
      world.exec('INSERT INTO u VALUES(1, NULL)');
      const events = await world.read(from, tables);
      const own = events.filter((event) => event.kind !== 'changes' || !onlyOf(event, 'u'));
      const seen = brief(own);
      const bulk = what.startsWith('more changes');
      const rest = bulk ? seen.filter((text) => !text.includes(':c')) : seen;
      deepEqual(rest, expected);
      deepEqual(
        brief(events).filter((text) => text.startsWith('u')),
        OTHERS,
      );
      deepEqual(brief(await world.read(from, tables)), brief(events));
    }));
}

function onlyOf(event: SourceEvent, table: string): boolean {
  return event.kind === 'changes' && event.batch.schema.table.table === table;
}

test('a rebuild that makes Firn’s triggers again, word for word, is noticed (spec: S9)', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t')] }, async (world) => {
    const { tables, mark } = await world.prepare();
    const select = `SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 't'`;
    const triggers = world.writer
      .prepare(select)
      .all()
      .map((row) => String(row['sql']));
    world.exec(`${REBUILD} ${triggers.join(';\n')};`);
    const events = await world.read(mark.position, tables);
    deepEqual(brief(events), ['t halted SOURCE-TABLE-REBUILT bootstrap, goes on']);
    world.exec(`INSERT INTO t VALUES(3, 'x')`);
    deepEqual(brief(await world.read(lastPosition(events), tables)), ['t:c id=3 a="x"']);
  }));

test('capture goes on behind the place that a halt names (spec: S20)', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t')] }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec(REBUILD);
    const first = await world.read(mark.position, tables);
    const from = ofKind(first, 'table-halted')[0]?.completeFrom?.seq ?? -1n;
    world.exec(`UPDATE t SET a = 'later'`);
    const later = changesOf(await world.read(mark.position, tables));
    ok(later.length > 0 && later.every(({ seq }) => seq > from));
    deepEqual(brief(await world.read(lastPosition(first), tables)), ['t:u id=1 a="later"']);
  }));

test('DROP COLUMN fails with the triggers, and works as check says (spec: S15)', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t')] }, async (world) => {
    const { tables, mark } = await world.prepare();
    throws(() => world.exec('ALTER TABLE t DROP COLUMN a'), /error in trigger _firn_/);
    const advice =
      (await world.source.check()).find(({ code }) => code === 'drop-column')?.fix ?? '';
    const drops = world.writer.prepare(advice.replace("'T'", "'t'")).all();
    world.exec(`BEGIN; ${drops.map((row) => String(Object.values(row)[0])).join(' ')}
      ALTER TABLE t DROP COLUMN a; COMMIT; INSERT INTO t VALUES(4)`);
    deepEqual(brief(await world.read(mark.position, tables)), [
      't halted SOURCE-TABLE-CHANGED bootstrap, goes on',
      't has id',
    ]);
  }));

test('a unique key that nothing was written under is watched from then on (spec: S7)', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t')] }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec('CREATE UNIQUE INDEX t_a ON t(a)');
    const first = await world.read(mark.position, tables);
    deepEqual(brief(first), []);
    world.exec(`INSERT OR REPLACE INTO t VALUES(2, 'one')`);
    const second = await world.read(lastPosition(first), tables);
    deepEqual(brief(second), ['t:c id=2 a="one"', 't:d id=1']);
  }));

test('a table taken out and put in again has a hole that is named', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('*')] }, async (world) => {
    const { tables, mark } = await world.prepare();
    const [, u] = tables;
    await world.source.prepare(tables.filter((schema) => schema === u));
    world.exec(`INSERT INTO t VALUES(2, 'not recorded')`);
    equal(
      world.writer
        .prepare(`SELECT 1 FROM sqlite_master WHERE tbl_name = 't' AND type = 'trigger'`)
        .all().length,
      0,
    );
    const out = await world.read(mark.position, tables);
    deepEqual(brief(out), ['t halted SOURCE-CAPTURE-ENDED operator']);
    await world.source.prepare(tables);
    const again = brief(await world.read(lastPosition(out), tables));
    deepEqual(again, ['t halted SOURCE-CAPTURE-BEGAN bootstrap, goes on']);
  }));

test('an excluded column is never logged; taken up later, the table is loaded again', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t', { exclude: ['A'] })] }, async (world) => {
    const { tables, mark } = await world.prepare();
    deepEqual(
      tables[0]?.columns.map(({ sourceName }) => sourceName),
      ['id'],
    );
    world.exec(`INSERT INTO t VALUES(2, 'secret')`);
    const log = world.writer.prepare('SELECT * FROM _firn_log').all();
    ok(
      !JSON.stringify(log, (_, value: unknown) =>
        typeof value === 'bigint' ? '' : value,
      ).includes('secret'),
    );
    await world.reopen({ rules: [tableRule('t')] });
    const { tables: wider } = await world.prepare();
    const events = brief(await world.read(mark.position, wider));
    deepEqual(events, ['t:c id=2', 't halted SOURCE-TABLE-CHANGED bootstrap, goes on']);
  }));

test('a journal that somebody dropped is made anew, as another source (spec: S10)', () =>
  inSqliteWorld({ schema: SCHEMA, rules: [tableRule('t')] }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec('DROP TABLE _firn_log');
    throws(() => world.exec(`INSERT INTO t VALUES(2, 'two')`), /_firn_log/);
    await world.source.prepare(tables);
    // A connection whose last statement failed inside a trigger keeps its old schema until then.
    world.exec('SELECT 1 FROM t');
    world.exec(`INSERT INTO t VALUES(2, 'two')`);
    equal((await world.source.verifyPosition(mark.position)).kind, 'broken');
    await world.source.uninstall();
    world.exec(`INSERT INTO t VALUES(3, 'three')`);
  }));

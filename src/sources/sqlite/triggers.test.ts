/**
 * The triggers against the defects of the usual recipe, against what applications do beside them,
 * and against the words that old versions of SQLite do not know.
 */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { changesOf, ofKind, rowText } from '../../../test/support/source-events.ts';
import { inSqliteWorld, lastPosition } from '../../../test/support/sqlite-world.ts';
import type { SqliteWorld } from '../../../test/support/sqlite-world.ts';

/** Words of the triggers; everything else must be a journal column or the rowid. */
const WORDS =
  'after and as at before begin binary coalesce collate create delete end from insert into ' +
  'is julianday new not old on op or rowid select tbl trigger update values when where';
const USERS = 'CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT UNIQUE, v);';

/** Changes that `sql` makes, as `op row`. */
async function changesBy(world: SqliteWorld, sql: string): Promise<string[]> {
  const { tables, mark } = await world.prepare();
  world.exec(sql);
  const events = await world.read(mark.position, tables);
  return changesOf(events).map(({ op, values }) => `${op} ${rowText(values)}`.trim());
}

test('defect 1: a row that OR REPLACE removes is not lost (spec: S7)', () =>
  inSqliteWorld(
    { schema: `${USERS} INSERT INTO users VALUES(1, 'a', 1), (2, 'b', 2)` },
    async (world) => {
      const made = await changesBy(world, `INSERT OR REPLACE INTO users VALUES(3, 'a', 3)`);
      deepEqual(made, ['c id=bigint 3 email="a" v="3"', 'd id=bigint 1']);
    },
  ));

test('one write may replace several rows (spec: S7)', () =>
  inSqliteWorld(
    {
      schema: `CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b UNIQUE);
        INSERT INTO t VALUES(1, 'x', 'p'), (2, 'y', 'q'), (3, 'z', 'r')`,
    },
    async (world) => {
      const made = await changesBy(world, `UPDATE OR REPLACE t SET a = 'y', b = 'r' WHERE id = 1`);
      deepEqual(made, [`u id=bigint 1 a="y" b="r"`, 'd id=bigint 2', 'd id=bigint 3']);
    },
  ));

test('what did not vanish after all costs nothing, or one row read again (spec: S7)', () =>
  inSqliteWorld({ schema: `${USERS} INSERT INTO users VALUES(1, 'a', 1)` }, async (world) => {
    const made = await changesBy(
      world,
      `INSERT INTO users VALUES(1, 'a', 2) ON CONFLICT(id) DO UPDATE SET v = excluded.v;
       INSERT OR REPLACE INTO users VALUES(1, 'a', 3);
       INSERT OR IGNORE INTO users VALUES(9, 'a', 4)`,
    );
    deepEqual(made, [
      'u id=bigint 1 email="a" v="2"',
      'c id=bigint 1 email="a" v="3"',
      'r id=bigint 1 email="a" v="3"',
    ]);
  }));

test('defect 2: a key change ends the old key (spec: S6)', () =>
  inSqliteWorld({ schema: `${USERS} INSERT INTO users VALUES(1, 'a', 1)` }, async (world) => {
    const made = await changesBy(world, 'UPDATE users SET id = 2; UPDATE users SET rowid = 3');
    deepEqual(
      made,
      [
        'd id=bigint 1 email="a" v="1"',
        'c id=bigint 2 email="a" v="1"',
        'd id=bigint 2 email="a" v="1"',
        'c id=bigint 3 email="a" v="1"',
      ].map((text, index) => (index % 2 === 0 ? text.replace(/ email.*/, '') : text)),
    );
  }));

test('a key change reads the same beside a wider table (spec: S6, O3)', () =>
  inSqliteWorld(
    { schema: `${USERS} CREATE TABLE wide(id INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h)` },
    async (world) => {
      const made = await changesBy(
        world,
        `INSERT INTO users VALUES(1, 'a', 1); UPDATE users SET id = 2`,
      );
      deepEqual(made, [
        'c id=bigint 1 email="a" v="1"',
        'd id=bigint 1',
        'c id=bigint 2 email="a" v="1"',
      ]);
    },
  ));

test('defect 3: a new column is in the changes (spec: S8)', () =>
  inSqliteWorld({ schema: USERS }, async (world) => {
    const made = await changesBy(
      world,
      `INSERT INTO users VALUES(1, 'a', 1);
       ALTER TABLE users ADD COLUMN extra;
       INSERT INTO users VALUES(2, 'b', 1, 'x')`,
    );
    ok(made.includes('r id=bigint 2 email="b" v="1" extra="x"'), made.join('\n'));
  }));

test('defect 4: every storage class comes through exactly (spec: S1)', () =>
  inSqliteWorld(
    { schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, v, r REAL, b BLOB, s TEXT)' },
    async (world) => {
      const made = await changesBy(
        world,
        `INSERT INTO t VALUES(9223372036854775807, -9223372036854775808, 9e999, x'00ff', 'a' || char(0) || 'b');
       INSERT INTO t VALUES(2, -9e999, 0.1, zeroblob(0), '');
       INSERT INTO t VALUES(3, x'00', -0.0, NULL, '❄️')`,
      );
      deepEqual(made, [
        'c id=bigint 9223372036854775807 v="-9223372036854775808" r=number Infinity b="0x00ff" s="a\\u0000b"',
        'c id=bigint 2 v="-Inf" r=number 0.1 b="0x" s=""',
        `c id=bigint 3 v="x'00'" r=number 0 s="❄️"`,
      ]);
    },
  ));

test('defect 5: order is the id, whatever the clock says (spec: S3)', () =>
  inSqliteWorld({ schema: USERS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec(
      `INSERT INTO users VALUES(1, 'a', 1); UPDATE users SET v = 2; UPDATE users SET v = 3`,
    );
    world.exec('UPDATE _firn_log SET at = 2440587.5 + id % 2 WHERE op <> 0');
    const changes = changesOf(await world.read(mark.position, tables));
    deepEqual(
      changes.map(({ values }) => values['v']),
      ['1', '2', '3'],
    );
  }));

test('rolled-back work leaves nothing, and its ids are given again (spec: S3)', () =>
  inSqliteWorld({ schema: USERS }, async (world) => {
    const made = await changesBy(
      world,
      `BEGIN; INSERT INTO users VALUES(1, 'a', 1); SAVEPOINT s; INSERT INTO users VALUES(2, 'b', 1);
       ROLLBACK TO s; COMMIT; BEGIN; DELETE FROM users; ROLLBACK`,
    );
    deepEqual(made, ['c id=bigint 1 email="a" v="1"']);
    const [row] = world.writer.prepare('SELECT max(id) - count(*) AS gap FROM _firn_log').all();
    equal(row?.['gap'], 0);
  }));

test('a default that REPLACE puts in the place of NULL can make a row vanish (spec: S7)', () =>
  inSqliteWorld(
    {
      schema: `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'x' UNIQUE);
        INSERT INTO t VALUES(1, 'x')`,
    },
    async (world) => {
      const made = await changesBy(world, 'INSERT OR REPLACE INTO t VALUES(2, NULL)');
      deepEqual(made, ['c id=bigint 2 a="x"', 'd id=bigint 1']);
    },
  ));

test('unique indexes on expressions, conditions, collations and generated columns (spec: S7)', () =>
  inSqliteWorld(
    {
      schema: `CREATE TABLE "new"(id INTEGER PRIMARY KEY, a TEXT, b INT, g TEXT AS (a || b) UNIQUE);
        CREATE UNIQUE INDEX i1 ON "new"(lower(a) /* ) */ DESC) WHERE b > 0 -- a comment
          AND b < 100;
        CREATE UNIQUE INDEX i2 ON "new"(b COLLATE NOCASE, length(a)) WHERE a IS NOT NULL;
        INSERT INTO "new"(id, a, b) VALUES(1, 'K', 1), (2, 'LL', 0), (3, 'mmm', 5)`,
    },
    async (world) => {
      const made = await changesBy(
        world,
        `INSERT OR REPLACE INTO "new"(id, a, b) VALUES(10, 'k', 7);
         UPDATE OR REPLACE "new" SET b = 5, a = 'nnn' WHERE id = 2;
         INSERT OR REPLACE INTO "new"(id, a, b) VALUES(11, 'nnn', 5)`,
      );
      deepEqual(made.filter((text) => text.startsWith('d')).toSorted(), [
        'd id=bigint 1',
        'd id=bigint 2',
        'd id=bigint 3',
      ]);
    },
  ));

for (const kind of ['', 'WITHOUT ROWID']) {
  test(`a key that differs in case only is another key ${kind} (spec: S7)`, () =>
    inSqliteWorld(
      {
        schema: `CREATE TABLE t(id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, v) ${kind};
          INSERT INTO t VALUES('k', 1)`,
      },
      async (world) => {
        const made = await changesBy(world, `INSERT OR REPLACE INTO t VALUES('K', 2)`);
        deepEqual(made, ['c id="K" v="2"', 'd id="k"']);
      },
    ));
}

test('a cascade of foreign keys is recorded, a replaced parent included', () =>
  inSqliteWorld(
    {
      schema: `CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE);
        CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
        INSERT INTO p VALUES(1, 'x'), (2, 'y'); INSERT INTO c VALUES(1, 1), (2, 2)`,
    },
    async (world) => {
      world.exec('PRAGMA foreign_keys = ON');
      const made = await changesBy(
        world,
        `UPDATE p SET id = 5 WHERE id = 1; INSERT OR REPLACE INTO p VALUES(3, 'y')`,
      );
      ok(
        made.includes('u id=bigint 1 p="5"') && made.includes('d id=bigint 2 p="2"'),
        made.join('\n'),
      );
      ok(made.includes('d id=bigint 2'), made.join('\n'));
    },
  ));

test('a trigger of the application that writes the same row again', () =>
  inSqliteWorld(
    {
      schema: `${USERS}
        CREATE TRIGGER stamp AFTER INSERT ON users 
          BEGIN UPDATE users SET v = 'stamped' WHERE id = NEW.id; END`,
    },
    async (world) => {
      const made = await changesBy(world, `INSERT INTO users VALUES(1, 'a', 'raw')`);
      deepEqual(made.at(-1), 'u id=bigint 1 email="a" v="stamped"');
    },
  ));

test('a BEFORE trigger of the application that touches the row that goes (spec: S7)', () =>
  inSqliteWorld(
    {
      schema: `${USERS} INSERT INTO users VALUES(1, 'a', 'old');
        CREATE TRIGGER touch BEFORE INSERT ON users
          BEGIN UPDATE users SET v = 'touched' WHERE email = NEW.email; END`,
    },
    async (world) => {
      const made = await changesBy(world, `INSERT OR REPLACE INTO users VALUES(2, 'a', 'new')`);
      equal(made.at(-1), 'd id=bigint 1');
    },
  ));

test('the same trigger made later: rows are read again, then in order (spec: S8)', () =>
  inSqliteWorld({ schema: USERS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec(`CREATE TRIGGER stamp AFTER INSERT ON users
      BEGIN UPDATE users SET v = 'stamped' WHERE id = NEW.id; END;
      INSERT INTO users VALUES(1, 'a', 'raw')`);
    const first = await world.read(mark.position, tables);
    equal(changesOf(first).at(-1)?.op, 'r');
    equal(changesOf(first).at(-1)?.values['v'], 'stamped');
    world.exec(`INSERT INTO users VALUES(2, 'b', 'raw')`);
    const second = changesOf(await world.read(lastPosition(first), tables));
    deepEqual(
      second.map(({ op, values }) => [op, values['v']]),
      [
        ['c', 'raw'],
        ['u', 'stamped'],
      ],
    );
  }));

test('the application sees its own numbers, and works under every guard (spec: S2)', () =>
  inSqliteWorld({ schema: USERS }, async (world) => {
    await world.prepare();
    world.exec('PRAGMA trusted_schema = OFF; PRAGMA recursive_triggers = ON');
    const made = world.writer.prepare(`INSERT INTO users(email) VALUES('a'), ('b')`).run();
    deepEqual([made.changes, made.lastInsertRowid], [2, 2]);
    const [row] = world.writer.prepare('SELECT changes() AS n, last_insert_rowid() AS id').all();
    deepEqual([row?.['n'], row?.['id']], [2, 2]);
    const returned = world.writer.prepare(`UPDATE users SET v = 1 RETURNING id`).all();
    deepEqual(
      returned.map((one) => one['id']),
      [1, 2],
    );
    throws(() => world.exec(`INSERT INTO users(email) VALUES('a')`), /UNIQUE/);
  }));

test('only words that SQLite had with WAL, and two functions (spec: S2)', () =>
  inSqliteWorld(
    {
      schema: `CREATE TABLE t(id TEXT NOT NULL PRIMARY KEY, a NOT NULL DEFAULT 1 UNIQUE, b);
        CREATE TABLE wide(a INT NOT NULL, b INT NOT NULL, PRIMARY KEY(a, b)) WITHOUT ROWID;
        CREATE TABLE loose(a)`,
    },
    async (world) => {
      await world.prepare();
      const rows = world.writer
        .prepare(`SELECT sql FROM sqlite_master WHERE type = 'trigger'`)
        .all();
      equal(rows.length, 15);
      for (const row of rows) {
        const bare = String(row['sql']).replaceAll(/"[^"]*"|'[^']*'/g, ' ');
        for (const [word] of bare.matchAll(/[a-z_]\w*/gi)) {
          const isKnown = WORDS.split(' ').includes(word.toLowerCase());
          ok(isKnown || /^(?:v\d+|_firn_\w+)$/.test(word), word);
        }
        for (const [, name] of bare.matchAll(/(\w+)\s*\(/g)) {
          ok(/^(?:julianday|coalesce|values|not|_firn_log)$/i.test(name ?? ''), name);
        }
      }
    },
  ));

test('a table that only the application can write is refused, the others are captured', () =>
  inSqliteWorld({ schema: USERS }, async (world) => {
    world.writer.function('mine', { deterministic: true }, (value) => value);
    world.exec(
      'CREATE TABLE odd(id INTEGER PRIMARY KEY, a); CREATE UNIQUE INDEX o ON odd(mine(a))',
    );
    const { tables, mark } = await world.prepare();
    world.exec(`INSERT INTO users VALUES(1, 'a', 1); INSERT INTO odd VALUES(1, 2)`);
    const events = await world.read(mark.position, tables);
    deepEqual(
      ofKind(events, 'table-halted').map(({ table, error }) => [table.table, error.code]),
      [['odd', 'SOURCE-TABLE-UNSUPPORTED']],
    );
    equal(changesOf(events).length, 1);
  }));

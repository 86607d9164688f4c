/**
 * Another program with another version of SQLite writes, as fast as it can, while Firn reads, is
 * stopped and started, and prunes. Python brings a SQLite of its own; without Python it is skipped.
 */
import { equal } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { changesOf, fold, rowsIn, stateText } from '../../../test/support/source-events.ts';
import type { State } from '../../../test/support/source-events.ts';
import { inSqliteWorld, lastPosition } from '../../../test/support/sqlite-world.ts';

const SCHEMA = `
  CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT UNIQUE, n INTEGER UNIQUE, v);
  CREATE TABLE pairs(a TEXT NOT NULL, b INT NOT NULL, q REAL, PRIMARY KEY(a, b));`;

const WRITER = `
import random, sqlite3, sys
r = random.Random(int(sys.argv[2]))
db = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
db.execute('PRAGMA synchronous = OFF')
db.execute('PRAGMA recursive_triggers = ' + sys.argv[3])
UPSERT = 'INSERT INTO users(email, v) VALUES(?, ?) ON CONFLICT(email) DO UPDATE SET v = excluded.v'
def conflict(): return r.choice(['', ' OR REPLACE', ' OR IGNORE', ' OR FAIL'])
def value(): return r.choice([None, 1, 2**62 + 1, 1.5, float('inf'), 'a\\0b', b'\\0\\xff', '1'])
def some(n): return r.randrange(n)
def text(n): return str(r.randrange(n))
def one():
    k = r.randrange(6)
    if k == 0:
        return 'INSERT%s INTO users(email, n, v) VALUES(?, ?, ?)' % conflict(), (text(30), some(30), value())
    if k == 1:
        return 'UPDATE%s users SET email = ?, n = ? WHERE id = ?' % conflict(), (text(30), some(30), some(200))
    if k == 2: return UPSERT, (text(30), value())
    if k == 3: return 'DELETE FROM users WHERE n = ?', (some(30),)
    if k == 4: return 'INSERT%s INTO pairs VALUES(?, ?, ?)' % conflict(), (text(5), some(5), r.random())
    return 'UPDATE%s pairs SET b = ? WHERE a = ? AND b = ?' % conflict(), (some(5), text(5), some(5))
for turn in range(600):
    db.execute('BEGIN IMMEDIATE')
    for _ in range(r.randrange(1, 8)):
        try: db.execute(*one())
        except sqlite3.IntegrityError: pass
    db.execute(r.choice(['COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK']))
`;

const VERSION = 'import sqlite3; print(sqlite3.sqlite_version)';
const python = spawnSync('python3', ['-c', VERSION], { encoding: 'utf8' });
const version = python.status === 0 ? python.stdout.trim() : null;

for (const recursive of ['OFF', 'ON']) {
  const what = `a writer with SQLite ${version ?? 'of Python'}, recursive_triggers ${recursive}`;
  const skip = version === null ? 'Python is not installed' : false;
  test(`${what} (spec: S2, S3, S4, S7)`, { skip }, () =>
    inSqliteWorld({ schema: SCHEMA }, async (world) => {
      const { tables, mark } = await world.prepare();
      const seed = recursive === 'ON' ? '1' : '2';
      const child = spawn('python3', ['-c', WRITER, world.path, seed, recursive], {
        stdio: 'inherit',
      });
      const exited = once(child, 'exit');
      const state: State = new Map();
      let { position } = mark;
      let ended = false;
      void exited.then(() => (ended = true));
      for (let pass = 1, rest = false; !rest; pass++) {
        // Lets the writer's end be heard while there is nothing to read.
        await setImmediate();
        rest = ended;
        const events = await world.read(position, tables);
        position = lastPosition(events);
        fold(events, state);
        if (changesOf(events).length > 0 && pass % 3 === 0)
          await world.source.acknowledge(position);
        if (pass % 7 === 0) await world.reopen();
      }
      equal((await exited)[0], 0);
      for (const schema of tables) {
        const { signal } = new AbortController();
        const read = await world.source.readAll({ schema, epoch: 1, batchRowsMax: 50, signal });
        const rows = [];
        for await (const batch of read.batches) rows.push(...rowsIn(batch));
        equal(
          stateText(state.get(schema.table.table)?.values() ?? []).join('\n'),
          stateText(rows).join('\n'),
        );
      }
    }),
  );
}

/**
 * Random work by a writer, with every conflict clause SQLite has; SQLite's own session changesets
 * are the oracle. Folding the source's events must give the database at every boundary, and
 * applying the changeset to a copy of the start must give the same rows.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import type { Session } from 'node:sqlite';
import * as fc from 'fast-check';
import { present } from '../../kernel/assert.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { fold, keyText, rowsIn, stateText } from '../../../test/support/source-events.ts';
import type { Row, State } from '../../../test/support/source-events.ts';
import { inSqliteWorld, lastPosition } from '../../../test/support/sqlite-world.ts';
import type { SqliteWorld } from '../../../test/support/sqlite-world.ts';
import { literalText } from './sqlite-value.ts';
import type { SqliteValue } from './sqlite-value.ts';

const SCHEMA = `
  PRAGMA foreign_keys = ON;
  CREATE TABLE parent(id INTEGER PRIMARY KEY, a TEXT UNIQUE,
    b INTEGER NOT NULL DEFAULT 3 UNIQUE, v);
  CREATE TABLE child(p INTEGER NOT NULL REFERENCES parent(id) ON UPDATE CASCADE ON DELETE CASCADE,
    a TEXT NOT NULL, b REAL, v, PRIMARY KEY(p, a)) WITHOUT ROWID;
  CREATE TABLE textual(id TEXT NOT NULL PRIMARY KEY, a TEXT, b NUMERIC, v);
  CREATE UNIQUE INDEX textual_a ON textual(lower(a)) WHERE b > 1;
  CREATE TABLE blobs(id BLOB NOT NULL, a TEXT NOT NULL COLLATE NOCASE, b INTEGER, v,
    PRIMARY KEY(a, id), UNIQUE(b, a COLLATE BINARY)) WITHOUT ROWID;`;
const TABLES = ['parent', 'child', 'textual', 'blobs'];
/** Sessions compare keys with the column's collation and are no oracle where it is not BINARY. */
const ORACLE_TABLES = ['parent', 'child', 'textual'];

const value = fc.constantFrom<SqliteValue>(
  null,
  0n,
  1n,
  -7n,
  2n ** 62n + 1n,
  1.5,
  -0.0,
  2.0,
  Infinity,
  -Infinity,
  '',
  '1',
  '1.0',
  'a\0b',
  "it's",
  "x'00'",
  '❄️',
  new Uint8Array(),
  new Uint8Array([0, 255]),
);
const small = fc.constantFrom<SqliteValue>(0n, 1n, 2n, 3n, 4n);
const word = fc.constantFrom<SqliteValue>('k', 'K', 'm', 'M', 'z', '');
const bytes = fc.constantFrom<SqliteValue>(new Uint8Array([1]), new Uint8Array([1, 2]));
const orNull = (values: fc.Arbitrary<SqliteValue>): fc.Arbitrary<SqliteValue> =>
  fc.oneof({ arbitrary: values, weight: 6 }, { arbitrary: fc.constant(null), weight: 1 });

/** Columns with their domains: small ones, so that writes meet each other. */
const COLUMNS: Readonly<Record<string, Readonly<Record<string, fc.Arbitrary<SqliteValue>>>>> = {
  parent: { id: orNull(small), a: orNull(word), b: orNull(small), v: value },
  child: { p: small, a: word, b: fc.constantFrom(null, 1.5, -0.0), v: value },
  textual: { id: word, a: orNull(word), b: orNull(small), v: value },
  blobs: { id: bytes, a: word, b: orNull(small), v: value },
};

interface Step {
  readonly sql: string;
  readonly values: readonly SqliteValue[];
}

const step: fc.Arbitrary<Step> = fc.constantFrom(...TABLES).chain((table) => {
  const columns = present(COLUMNS[table], table);
  const names = Object.keys(columns);
  const row = fc.tuple(...Object.values(columns));
  const clause = fc.constantFrom('', ' OR REPLACE', ' OR REPLACE', ' OR IGNORE', ' OR FAIL');
  const places = names.map((_, index) => `?${index + 1}`).join(', ');
  const set = fc.subarray([...names.keys()], { minLength: 1 });
  const where = fc.constantFrom(...names);
  const insert = fc.tuple(clause, row, fc.boolean()).map(([or, values, upsert]) => ({
    sql: `INSERT${or} INTO ${table}(${names.join(', ')}) VALUES(${places})${
      upsert && or === '' ? ' ON CONFLICT DO UPDATE SET v = excluded.v' : ''
    }`,
    values,
  }));
  const update = fc.tuple(clause, row, row, set, where).map(([or, values, old, set, where]) => ({
    sql: `UPDATE${or} ${table} SET ${set
      .map((index) => `${names[index]} = ?${index + 1}`)
      .join(
        ', ',
      )} WHERE ${where} = ?${names.length + 1} AND ?1 IS ?1 AND ?2 IS ?2 AND ?3 IS ?3 AND ?4 IS ?4`,
    values: [...values, present(old[names.indexOf(where)] ?? 0n, 'a value')],
  }));
  const shift = clause.map((or) => ({ sql: `UPDATE${or} parent SET id = id + 1`, values: [] }));
  const remove = fc.tuple(row, where).map(([old, where]) => ({
    sql: `DELETE FROM ${table} WHERE ${where} IS ?1`,
    values: [old[names.indexOf(where)] ?? null],
  }));
  return fc.oneof(
    { arbitrary: insert, weight: 6 },
    { arbitrary: update, weight: 5 },
    { arbitrary: shift, weight: 1 },
    { arbitrary: remove, weight: 2 },
  );
});

const control = fc
  .constantFrom('BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'ROLLBACK TO s', 'RELEASE s')
  .map((sql): Step => ({ sql, values: [] }));
const work = fc.array(
  fc.array(fc.oneof({ arbitrary: step, weight: 5 }, { arbitrary: control, weight: 1 }), {
    maxLength: 12,
  }),
  { maxLength: 4 },
);

/** Runs one statement; one that fails is part of the work. */
function run(writer: DatabaseSync, { sql, values }: Step): void {
  try {
    writer.prepare(sql).run(...values);
  } catch {
    // A conflict, or a transaction that is not open: the writer goes on.
  }
}

async function wholeState(world: SqliteWorld, tables: readonly TableSchema[]): Promise<State> {
  const state: State = new Map();
  for (const schema of tables) {
    const rows = new Map<string, Row>();
    const { signal } = new AbortController();
    const read = await world.source.readAll({ schema, epoch: 1, batchRowsMax: 3, signal });
    for await (const batch of read.batches) {
      for (const row of rowsIn(batch)) rows.set(keyText(schema, row), row);
    }
    state.set(schema.table.table, rows);
  }
  return state;
}

function texts(state: State, names = TABLES): Record<string, string[]> {
  return Object.fromEntries(
    names.map((name) => [name, stateText(state.get(name)?.values() ?? [])]),
  );
}

/** What applying the sessions' changesets to a copy of the start gives, read by SQLite alone. */
function oracle(start: string, sessions: readonly Session[]): Record<string, string[]> {
  const copy = new DatabaseSync(':memory:');
  copy.exec(SCHEMA);
  copy.exec('PRAGMA foreign_keys = OFF');
  copy.exec(start);
  for (const session of sessions) copy.applyChangeset(session.changeset());
  const result = Object.fromEntries(
    ORACLE_TABLES.map((name) => {
      const statement = copy.prepare(`SELECT * FROM ${name}`);
      statement.setReadBigInts(true);
      const rows = statement.all().map((row) => {
        const cells = Object.entries(row).map(([column, value]) => [
          column,
          cell(column, name, value),
        ]);
        return Object.fromEntries(cells) as Row;
      });
      return [name, stateText(rows)];
    }),
  );
  copy.close();
  return result;
}

function cell(column: string, table: string, value: SqliteValue): Row[string] {
  if (value === null) return null;
  if (column === 'v' || (table === 'textual' && column === 'b')) return literalText(value, 'any');
  // SQLite drops the sign of zero in a REAL column when the row is written.
  if (typeof value === 'number') return value + 0;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  return value;
}

const START = `
  INSERT INTO parent VALUES(1, 'k', 1, 'start'), (2, 'm', 2, NULL);
  INSERT INTO child VALUES(1, 'k', 1.5, 'start'), (2, 'z', NULL, x'00');
  INSERT INTO textual VALUES('k', 'k', 2, 'start'), ('z', 'm', 1, 1.0);
  INSERT INTO blobs VALUES(x'01', 'k', 1, 'start');`;

for (const recursive of ['OFF', 'ON']) {
  const what = `recursive_triggers ${recursive}`;
  test(`every kind of write, ${what} (spec: S1, S3, S6, S7, S19)`, async () => {
    await fc.assert(
      fc.asyncProperty(work, async (transactions) => {
        await inSqliteWorld({ schema: SCHEMA + START }, async (world) => {
          world.exec(`PRAGMA recursive_triggers = ${recursive}; PRAGMA foreign_keys = ON`);
          const { tables, mark } = await world.prepare();
          const sessions = ORACLE_TABLES.map((table) => world.writer.createSession({ table }));
          const state = await wholeState(world, tables);
          let { position } = mark;
          for (const steps of transactions) {
            for (const one of steps) run(world.writer, one);
            if (world.writer.isTransaction) world.exec('COMMIT');
            const events: SourceEvent[] = await world.read(position, tables);
            position = lastPosition(events);
            fold(events, state);
            deepEqual(texts(state), texts(await wholeState(world, tables)));
          }
          deepEqual(texts(state, ORACLE_TABLES), oracle(START, sessions));
          equal((await world.source.verifyPosition(position)).kind, 'valid');
        });
      }),
      { numRuns: 25 },
    );
  });
}

/** The work of an application on a few tables, the same for the same seed: every kind of change. */
import type { DatabaseSync } from 'node:sqlite';
import { seededRandom } from '../../src/kernel/random.ts';
import type { Random } from '../../src/kernel/random.ts';
import { VALUES } from './torture-table.ts';
import type { Declared, Stored } from './torture-table.ts';

/** A table that has a base, with its columns. The first ones are the key. */
export interface WorkTable {
  readonly table: string;
  readonly columns: Declared;
}

/** Every kind of value, and every kind of key that a base can have. */
export const WORK_TABLES: readonly WorkTable[] = [
  {
    table: 'torture',
    columns: { id: 'INTEGER', i: 'INTEGER', r: 'REAL', t: 'TEXT', b: 'BLOB', n: 'NUMERIC', x: '' },
  },
  { table: 'pairs', columns: { a: 'INTEGER', b: 'TEXT', v: 'TEXT' } },
  { table: 'texts', columns: { k: 'TEXT', v: 'REAL' } },
  { table: 'codes', columns: { k: 'BLOB', v: 'INTEGER' } },
];

/** The schema of the work, with a table that has no key. */
export const WORK_SCHEMA = `
  CREATE TABLE torture(id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC, x);
  CREATE TABLE pairs(a INTEGER NOT NULL, b TEXT NOT NULL, v TEXT UNIQUE, PRIMARY KEY(b, a));
  CREATE TABLE texts(k TEXT NOT NULL PRIMARY KEY, v REAL) WITHOUT ROWID;
  CREATE TABLE codes(k BLOB NOT NULL PRIMARY KEY, v INTEGER) WITHOUT ROWID;
  CREATE TABLE notes(note TEXT, at REAL);
`;

const ROWS_FIRST = 240;
const WORDS = ['', 'a', 'A', 'ß', 'ss', '😀', 'a\u0000', 'a\u0000b', ' ', 'zz', 'NULL', "'"];
const TINY_KEYS = [[], [0], [0xff], [0, 0], [0xff, 0xff, 0xff], [1, 2, 3]] as const;

function bind(value: Stored): Exclude<Stored, Uint8Array> | Buffer {
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

/** Does seeded work in a database whose schema is {@link WORK_SCHEMA}. */
export class TortureWork {
  readonly #database: DatabaseSync;
  readonly #random: Random;
  #nextId = 1;

  constructor(database: DatabaseSync, seed: number) {
    this.#database = database;
    this.#random = seededRandom(seed);
  }

  /** The rows that are there before anybody copies them: each value at least once. */
  fill(): void {
    this.#database.exec('BEGIN');
    for (let at = 0; at < ROWS_FIRST; at++) this.#insertTorture(at);
    this.#run('INSERT INTO torture(id, t) VALUES(?, ?)', -9223372036854775808n, 'least key');
    this.#run('INSERT INTO torture(id, t) VALUES(?, ?)', 9223372036854775807n, 'greatest key');
    for (const [at, word] of WORDS.entries()) {
      this.#run('INSERT INTO pairs VALUES(?, ?, ?)', BigInt(at) - 3n, word, `v${at}`);
      this.#run('INSERT INTO texts VALUES(?, ?)', word, at);
    }
    for (const [at, key] of TINY_KEYS.entries()) {
      this.#run('INSERT INTO codes VALUES(?, ?)', Uint8Array.from(key), BigInt(at));
    }
    this.#run('INSERT INTO notes VALUES(?, ?)', 'before', 1);
    this.#database.exec('COMMIT');
  }

  /** One transaction with inserts, updates, deletes, key changes and replacements in all tables. */
  round(): void {
    this.#database.exec('BEGIN');
    for (let step = 0; step < 3; step++) {
      const at = this.#below(1000);
      this.#insertTorture(at);
      const id = this.#anyId();
      this.#run('UPDATE torture SET r = ?, t = ? WHERE id = ?', at, `round ${at}`, id);
      this.#run('DELETE FROM torture WHERE id = ?', this.#anyId());
      this.#run('UPDATE OR IGNORE torture SET id = -id WHERE id = ?', this.#anyId());
      const [word, other] = [this.#word(), this.#word()];
      const number = BigInt(this.#below(6)) - 3n;
      // Takes away the row with this key, and another one with this v.
      this.#run('INSERT OR REPLACE INTO pairs VALUES(?, ?, ?)', number, word, `v${at % 12}`);
      this.#run('UPDATE OR REPLACE pairs SET b = ? WHERE b = ?', other, word);
      this.#run('INSERT INTO texts VALUES(?1, ?2) ON CONFLICT DO UPDATE SET v = ?2', word, at);
      this.#run('DELETE FROM texts WHERE k = ?', other);
      const key = TINY_KEYS[this.#below(TINY_KEYS.length)] ?? [];
      this.#run('INSERT OR REPLACE INTO codes VALUES(?, ?)', Uint8Array.from(key), BigInt(at));
    }
    this.#run('DELETE FROM codes WHERE k = ?', Uint8Array.from([this.#below(2)]));
    this.#database.exec('COMMIT');
  }

  /** A number from 0 on, below `limit`. */
  #below(limit: number): number {
    const [high = 0, low = 0] = this.#random.bytes(2);
    return (high * 256 + low) % limit;
  }

  #word(): string {
    return WORDS[this.#below(WORDS.length)] ?? '';
  }

  /** An id that is there. */
  #anyId(): bigint {
    const statement = this.#database.prepare(
      'SELECT id FROM torture WHERE abs(id % 1000000) < 1000000 LIMIT 1 OFFSET ?',
    );
    statement.setReadBigInts(true);
    const row = statement.get(this.#below(ROWS_FIRST / 2));
    return typeof row?.['id'] === 'bigint' ? row['id'] : 1n;
  }

  /** Values in turn, so that rows with numbers from 0 on have each of them. */
  #insertTorture(at: number): void {
    const pick = (type: keyof typeof VALUES): Stored =>
      VALUES[type][at % VALUES[type].length]?.[0] ?? null;
    const values = [pick('INTEGER'), pick('REAL'), pick('TEXT'), pick('BLOB'), pick('NUMERIC')];
    const id = BigInt(this.#nextId++);
    this.#run(
      'INSERT INTO torture(id, i, r, t, b, n, x) VALUES(?, ?, ?, ?, ?, ?, ?)',
      id,
      ...values,
      pick(''),
    );
  }

  #run(sql: string, ...values: readonly Stored[]): void {
    this.#database.prepare(sql).run(...values.map(bind));
  }
}

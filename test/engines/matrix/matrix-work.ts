/**
 * What an application does in the tables of the matrix: every kind of value, in steps that are the
 * same in each run. Each table has the columns of {@link COLUMNS}.
 */
import type { DatabaseSync } from 'node:sqlite';
import { VALUES } from '../torture-table.ts';
import type { Stored } from '../torture-table.ts';

/** The columns of each table. */
export const COLUMNS = 'id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC, x';

const TYPES = ['INTEGER', 'REAL', 'TEXT', 'BLOB', 'NUMERIC', ''] as const;
const ROWS_FIRST = 240;
const ROWS_MORE = 6;

function bind(value: Stored): Exclude<Stored, Uint8Array> | Buffer {
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

/** Does the work in one database. */
export class MatrixWork {
  readonly #database: DatabaseSync;
  readonly #nextIds = new Map<string, number>();
  readonly #rounds = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Makes a table with its first rows, each value among them. */
  create(table: string): void {
    this.#database.exec(`CREATE TABLE ${table}(${COLUMNS})`);
    this.#insert(table, ROWS_FIRST);
    this.#run(`INSERT INTO ${table}(id, t) VALUES(?, 'least key')`, -9223372036854775808n);
    this.#run(`INSERT INTO ${table}(id, t) VALUES(?, 'greatest key')`, 9223372036854775807n);
  }

  /** A transaction with inserts, updates, deletes and keys that change. */
  round(table: string): void {
    const round = (this.#rounds.get(table) ?? 0) + 1;
    this.#rounds.set(table, round);
    this.#database.exec('BEGIN');
    this.#insert(table, ROWS_MORE);
    const ids = `FROM ${table} WHERE id BETWEEN -100000 AND 100000`;
    const some = (every: number): string => `id IN (SELECT id ${ids} AND id % ${every} = ?)`;
    this.#run(
      `UPDATE ${table} SET t = ?, r = ? WHERE ${some(41)}`,
      `in ${round}`,
      round,
      round % 41,
    );
    this.#run(`DELETE FROM ${table} WHERE ${some(83)}`, (round * 7) % 83);
    this.#run(`UPDATE ${table} SET id = 100000 + id WHERE id < 100000 AND ${some(97)}`, round * 5);
    this.#database.exec('COMMIT');
  }

  /** New rows only, which leave all files as they are. */
  grow(table: string): void {
    this.#database.exec('BEGIN');
    this.#insert(table, ROWS_MORE);
    this.#database.exec('COMMIT');
  }

  #insert(table: string, count: number): void {
    const first = this.#nextIds.get(table) ?? 1;
    this.#nextIds.set(table, first + count);
    for (let id = first; id < first + count; id++) {
      const values = TYPES.map((type) => VALUES[type][id % VALUES[type].length]?.[0] ?? null);
      this.#run(`INSERT INTO ${table} VALUES(?, ?, ?, ?, ?, ?, ?)`, BigInt(id), ...values);
    }
  }

  #run(sql: string, ...values: readonly Stored[]): void {
    this.#database.prepare(sql).run(...values.map(bind));
  }
}

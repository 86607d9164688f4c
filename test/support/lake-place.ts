/**
 * A workplace with the database `app.db` and the pipeline `app` over it: what the application does,
 * what the program answers, in a few words. Commands that a test counts on throw when they fail.
 */
import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parseJson } from '../../src/kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../src/kernel/lossless-json.ts';
import { Workplace } from '../cli/firn-process.ts';

/** What `firn query --format json` prints. */
export interface Answer {
  /** Names and DuckDB's types. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly JsonObject[];
}

/** The lines of an output with one JSON document each; 64-bit integers are `bigint`. */
export function documentsOf(text: string): readonly JsonObject[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => parseJson(line) as JsonObject);
}

/** A database and a lake, until disposed. */
export class LakePlace extends Workplace {
  readonly database = this.path('app.db');
  readonly lake = this.path('lake');
  /** The pipeline file. */
  readonly file = this.path('firn.yaml');
  readonly #connections: DatabaseSync[] = [];

  /** Runs statements in the application's database. */
  exec(sql: string): void {
    this.sql('app.db', sql);
  }

  /** A connection of the application that stays open. */
  open(): DatabaseSync {
    const database = new DatabaseSync(this.database, { timeout: 5000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    this.#connections.push(database);
    return database;
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** Writes the pipeline file: quick commits, `tables` as items of YAML, and `more` as it is. */
  pipeline(tables: readonly string[], more = ''): string {
    const items = tables.map((table) => `  - ${table}\n`).join('');
    return this.write(
      'firn.yaml',
      `name: app\nsource: {type: sqlite, path: ./app.db, pollInterval: 20ms}\ntables:\n${items}` +
        `lake: {warehouse: ./lake}\nledger: {commitInterval: 100ms}\n` +
        `base: {mergeInterval: 1s}\n${more}`,
    );
  }

  /** Catches up once. Throws when it does not end with `code`. */
  async catchUp(code = 0): Promise<string> {
    const ended = await this.run('run', this.file, '--once');
    if (ended.code === code) return `${ended.out}${ended.err}`;
    throw new Error(`run --once ended with ${ended.code}:\n${ended.out}${ended.err}`);
  }

  /** Runs a command to its good end and gives its documents. */
  async documents(...words: readonly string[]): Promise<readonly JsonObject[]> {
    return documentsOf(await this.#json(words));
  }

  /** What a query answers. */
  async query(sql: string): Promise<Answer> {
    return parseJson(await this.#json(['query', this.file, sql])) as unknown as Answer;
  }

  /** The rows of a query as lists of values. */
  async rows(sql: string): Promise<readonly (readonly JsonValue[])[]> {
    return (await this.query(sql)).rows.map((row) => Object.values(row));
  }

  async #json(words: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run(...words, '--json');
    if (code === 0) return out;
    throw new Error(`firn ${words.join(' ')} ended with ${code}:\n${out}${err}`);
  }

  override [Symbol.dispose](): void {
    for (const database of this.#connections) if (database.isOpen) database.close();
    super[Symbol.dispose]();
  }
}

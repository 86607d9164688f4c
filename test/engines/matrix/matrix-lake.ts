/**
 * A lake of the matrix: a pipeline of the real program with its catalog served over REST beside it.
 * Readers are told of it in exactly the words of `firn catalog connect`.
 */
import { equal } from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { freePort } from '../../../tools/servers/database-server.ts';
import type { Running, Workplace } from '../../cli/firn-process.ts';
import { knownRows } from './firn-cells.ts';
import type { KnownRows } from './firn-cells.ts';

/** How a reader finds tables: by the catalog’s file, or by its server. */
export type DoorName = 'file' | 'rest';

/** What `firn catalog connect --json` prints. */
export interface ConnectDocument {
  /** Where `setup` goes. */
  readonly where: string;
  readonly setup: string;
  readonly read: string;
}

/** A table of a lake. */
export interface LakeTable {
  readonly namespace: string;
  readonly table: string;
}

/** A pipeline in a workplace whose file is `firn.yaml`. */
export class MatrixLake {
  readonly name: string;
  readonly place: Workplace;
  /** Path of the catalog’s database. */
  readonly catalogPath: string;
  #server: { readonly running: Running; readonly url: string } | null = null;
  readonly #connections = new Map<string, ConnectDocument>();

  readonly #keys: Readonly<Record<string, string>>;

  constructor(parts: {
    readonly name: string;
    readonly place: Workplace;
    readonly catalogPath: string;
    /** What stands for the words in `<>`. */
    readonly keys?: Readonly<Record<string, string>>;
  }) {
    this.name = parts.name;
    this.place = parts.place;
    this.catalogPath = parts.catalogPath;
    this.#keys = parts.keys ?? {};
  }

  /** Copies and merges everything that is in the source. */
  async catchUp(): Promise<void> {
    await this.run('run', 'firn.yaml', '--once');
  }

  /** Runs a command to its good end; what it printed. */
  async run(...words: readonly string[]): Promise<string> {
    const { code, out, err } = await this.place.run(...words);
    equal(code, 0, `firn ${words.join(' ')}:\n${out}${err}`);
    return out;
  }

  /** Firn’s own rows of a table. */
  async known(table: string): Promise<KnownRows> {
    const text = await this.run('query', 'firn.yaml', `SELECT * FROM ${table}`, '--json');
    return knownRows(text);
  }

  /** Serves the catalog until the lake ends. */
  async serve(): Promise<void> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const running = this.place.start('catalog', 'serve', 'firn.yaml', '--port', `${port}`);
    this.#server = { running, url };
    await running.saw(url);
  }

  /**
   * What an engine is told; `null`: it has no way in through this door. Placeholders of keys are
   * filled in with those of the environment.
   */
  async connection(engine: string, door: DoorName): Promise<ConnectDocument | null> {
    const key = `${engine} ${door}`;
    const had = this.#connections.get(key);
    if (had !== undefined) return had;
    const uri = door === 'file' ? [] : ['--uri', this.#server?.url ?? ''];
    const words = ['catalog', 'connect', engine, 'firn.yaml', ...uri, '--json'];
    const { code, out } = await this.place.run(...words);
    if (code !== 0) return null;
    const { where, setup, read } = JSON.parse(out) as ConnectDocument;
    const filled = (text: string): string =>
      text.replaceAll(/<(\w+)>/g, (word, name: string) => this.#keys[name] ?? word);
    const document = { where, setup: filled(setup), read: filled(read) };
    this.#connections.set(key, document);
    return document;
  }

  /** The query of an engine for one table. */
  query({ read }: ConnectDocument, { namespace, table }: LakeTable): string {
    if (!read.includes('LOCATION')) {
      return read.replaceAll('NAMESPACE', namespace).replaceAll('TABLE', table);
    }
    return read.replaceAll('LOCATION', this.#locationOf({ namespace, table }));
  }

  #locationOf({ namespace, table }: LakeTable): string {
    const database = new DatabaseSync(this.catalogPath, { readOnly: true });
    try {
      const row = database
        .prepare(
          'SELECT metadata_location AS place FROM iceberg_tables ' +
            'WHERE table_namespace = ? AND table_name = ?',
        )
        .get(namespace, table);
      const place = typeof row?.['place'] === 'string' ? row['place'] : '';
      const folder = place.replace(/\/metadata\/[^/]*$/, '');
      return folder.replace(/^file:\/*/, '/').replace(/^s3:\/\/[^/]+\//, '');
    } finally {
      database.close();
    }
  }

  /** Ends the server. */
  async end(): Promise<void> {
    this.#server?.running.child.kill('SIGTERM');
    await this.#server?.running.ended;
    this.#server = null;
  }
}

/** A MySQL or MariaDB server of its own as a source under test: one database for each world. */
import { unreachable } from '../../../src/kernel/assert.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after } from 'node:test';
import type { TableRule } from '../../../src/config/pipeline-config.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import type { ChangeSource } from '../../../src/ports/source.ts';
import type { MysqlAddress } from '../../../src/sources/mysql/login.ts';
import { createMysqlSource } from '../../../src/sources/mysql/source.ts';
import type { MysqlChangeSource } from '../../../src/sources/mysql/source.ts';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';
import type {
  CellKind,
  MakeSourceUnderTest,
  SourceUnderTest,
  WriteStep,
} from '../../conformance/source-under-test.ts';
import type { Cell, Row } from '../../support/source-events.ts';
import { TestRegistry } from '../../support/source-events.ts';
import { startPrivateServer } from './live-server.ts';
import type { LiveServer, PrivateServer } from './live-server.ts';

const SQL_TYPES: Readonly<Record<CellKind, string>> = {
  long: 'BIGINT',
  double: 'DOUBLE',
  string: 'VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  binary: 'VARBINARY(100)',
};

/** What a test changes of how its source is opened. */
export interface SourceSettings {
  readonly port: number;
  readonly database: string;
  readonly rule?: Partial<TableRule>;
  readonly serverId?: number;
  readonly onSwap?: 'halt' | 'bootstrap';
  readonly heartbeatIntervalMs?: number;
  /** Instead of root without a password on loopback. */
  readonly address?: MysqlAddress;
  readonly clock?: Clock;
}

/** A source over one database of a server, as root. */
export function openTestSource(settings: SourceSettings): MysqlChangeSource {
  const { port, database } = settings;
  const rule: TableRule = {
    pattern: `${database}.*`,
    exclude: [],
    rename: {},
    columns: {},
    onDrop: 'halt',
    ...settings.rule,
  };
  const tls = { kind: 'off' } as const;
  const root = { host: '127.0.0.1', port, user: 'root', password: '', tls };
  return createMysqlSource({
    address: async () => settings.address ?? root,
    label: `mysql://127.0.0.1:${port}`,
    tables: [rule],
    namespace: database,
    reader: database,
    clock: settings.clock ?? systemClock,
    random: systemRandom,
    serverId: settings.serverId ?? 'auto',
    onSwap: settings.onSwap ?? 'halt',
    heartbeatIntervalMs: settings.heartbeatIntervalMs ?? 1000,
    readConnections: 2,
  });
}

/** Starts a server on first use that all tests of a file share; ended after them. */
export function sharedServer(
  flavour: ServerFlavour,
  options: readonly string[] = [],
): () => Promise<PrivateServer> {
  const ends: (() => Promise<void>)[] = [];
  let server: Promise<PrivateServer> | null = null;
  after(async () => {
    for (const end of ends) await end();
  });
  // The server's starter asks a test only when it is over.
  const owner = { after: (end: () => Promise<void>) => ends.push(end) } as unknown as TestContext;
  return () => (server ??= startPrivateServer(owner, flavour, options));
}

/** Begins a new file of the log and takes all the others away. */
export async function purgeLog(server: LiveServer): Promise<void> {
  await server.run('FLUSH BINARY LOGS');
  for (let attempt = 0; attempt < 100; attempt++) {
    const files = await server.query('SHOW BINARY LOGS');
    if (files.length === 1) return;
    // A file that a reader has just left is kept until the server has noticed.
    await server.run(`PURGE BINARY LOGS TO '${String(files.at(-1)?.['Log_name'])}'`);
    await systemClock.sleep(50);
  }
}

let worlds = 0;

/** Makes worlds on a shared server. */
export function mysqlWorlds(start: () => Promise<PrivateServer>): MakeSourceUnderTest {
  return async () => {
    const server = await start();
    const database = `firn_d_${++worlds}`;
    await server.run(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    return new MysqlWorld(server, database);
  };
}

class MysqlWorld implements SourceUnderTest {
  readonly registry = new TestRegistry();
  readonly #server: PrivateServer;
  readonly #database: string;
  #source: ChangeSource;

  constructor(server: PrivateServer, database: string) {
    this.#server = server;
    this.#database = database;
    this.#source = openTestSource({ port: server.port, database });
  }

  get source(): ChangeSource {
    return this.#source;
  }

  async reopen(): Promise<ChangeSource> {
    await this.#source.close();
    this.#source = openTestSource({ port: this.#server.port, database: this.#database });
    return this.#source;
  }

  async createTable(spec: Parameters<SourceUnderTest['createTable']>[0]): Promise<void> {
    const columns = Object.entries(spec.columns).map(([name, kind]) => {
      const isKey = spec.key.includes(name);
      return `\`${name}\` ${SQL_TYPES[kind]}${isKey ? ' NOT NULL' : ''}`;
    });
    const key = spec.key.length === 0 ? [] : [`PRIMARY KEY (${spec.key.join(', ')})`];
    await this.#run(`CREATE TABLE ${this.#name(spec.name)} (${[...columns, ...key].join(', ')})`);
  }

  async write(steps: readonly WriteStep[]): Promise<void> {
    await this.#run('START TRANSACTION', ...steps.map((step) => this.#statement(step)), 'COMMIT');
  }

  async addColumn(table: string, name: string, kind: CellKind): Promise<void> {
    await this.#run(`ALTER TABLE ${this.#name(table)} ADD COLUMN \`${name}\` ${SQL_TYPES[kind]}`);
  }

  async dropTable(table: string): Promise<void> {
    await this.#run(`DROP TABLE ${this.#name(table)}`);
  }

  async startWriter(table: string, rows: number): Promise<{ stop(): Promise<void> }> {
    const script = join(import.meta.dirname, 'counting-writer.ts');
    const args = [script, `${this.#server.port}`, this.#database, table, `${rows}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return {
      stop: async () => {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      },
    };
  }

  async backUp(): Promise<void> {
    await this.#server.stop();
    await cp(this.#server.folder, this.#backup, { recursive: true });
    await this.#server.restart();
  }

  async restore(): Promise<void> {
    await this.#server.stop();
    await rm(this.#server.folder, { recursive: true });
    await cp(this.#backup, this.#server.folder, { recursive: true });
    await this.#server.restart();
  }

  async dropLog(): Promise<void> {
    await purgeLog(this.#server);
  }

  async traces(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {
    await this.#source.close();
    await this.#run(`DROP DATABASE ${this.#database}`);
    await rm(this.#backup, { recursive: true, force: true });
  }

  get #backup(): string {
    return `${this.#server.folder}-backup`;
  }

  #name(table: string): string {
    return `${this.#database}.\`${table}\``;
  }

  #run(...statements: readonly string[]): Promise<void> {
    return this.#server.run(...statements);
  }

  #statement(step: WriteStep): string {
    const table = this.#name(step.table);
    const pairs = (row: Row): string[] =>
      Object.entries(row).map(([name, value]) => `\`${name}\` = ${literal(value)}`);
    switch (step.op) {
      case 'insert':
        return `INSERT INTO ${table} SET ${pairs(step.row).join(', ')}`;
      case 'update':
        return `UPDATE ${table} SET ${pairs(step.set).join(', ')} WHERE ${pairs(step.key).join(' AND ')}`;
      case 'delete':
        return `DELETE FROM ${table} WHERE ${pairs(step.key).join(' AND ')}`;
      default:
        return unreachable(step);
    }
  }
}

/** Text of the form `0x…` is binary, as the suite writes it. */
function literal(value: Cell): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  if (/^0x(?:[0-9a-f]{2})*$/.test(value)) return `X'${value.slice(2)}'`;
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/**
 * One database server on loopback: its data folder, its process, its end. A server always belongs
 * to its folder and is ended by the id of its process, never by its name. Root has no password
 * and may connect from 127.0.0.1 only.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { ServerFlavour, ServerPrograms } from './server-programs.ts';
import { mariadbSystemTables } from './server-programs.ts';

/** What to start. */
export interface ServerWish {
  readonly programs: ServerPrograms;
  /** Data, log and process id live here; an existing data folder is used again. */
  readonly folder: string;
  readonly port: number;
  readonly serverId: number;
  /** More lines of the options file; a later line wins. */
  readonly options: readonly string[];
}

/** A server that answers. */
export interface RunningServer {
  readonly flavour: ServerFlavour;
  readonly pid: number;
  readonly port: number;
  readonly folder: string;
  /** For example `9.7.2` or `10.11.18-MariaDB-0+deb12u1-log`. */
  readonly version: string;
}

/** Holds the id of the server's process. */
const PROCESS_FILE = 'process';

const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 30_000;

const ROOT_FROM_LOOPBACK = [
  'SET SESSION sql_log_bin=0;',
  "CREATE USER IF NOT EXISTS root@'127.0.0.1';",
  "GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;",
  '',
].join('\n');

const FLAVOUR_OPTIONS: Readonly<Record<ServerFlavour, readonly string[]>> = {
  mysql: [
    'mysqlx=OFF',
    'secure-file-priv=NULL',
    'gtid_mode=ON',
    'enforce_gtid_consistency=ON',
    'innodb_redo_log_capacity=256M',
  ],
  mariadb: ['gtid_strict_mode=ON', 'innodb_log_file_size=256M', 'character-set-server=utf8mb4'],
};

function optionsFile(wish: ServerWish): string {
  const { programs, folder } = wish;
  return [
    '[mysqld]',
    `basedir=${programs.baseDir}`,
    `datadir=${join(folder, 'data')}`,
    // Relative to the data folder: a path of a socket has little room for a long folder.
    'socket=server.sock',
    'bind-address=127.0.0.1',
    `port=${wish.port}`,
    `pid-file=${join(folder, 'server.pid')}`,
    `log-error=${join(folder, 'server.log')}`,
    `tmpdir=${folder}`,
    `lc-messages-dir=${join(programs.baseDir, 'share', 'mysql')}`,
    `character-sets-dir=${join(programs.baseDir, 'share', 'mysql', 'charsets')}`,
    `plugin-dir=${join(programs.baseDir, 'lib', 'mysql', 'plugin')}`,
    ...(process.getuid?.() === 0 ? ['user=root'] : []),
    'skip_name_resolve=ON',
    `server_id=${wish.serverId}`,
    'log_bin=binlog',
    'binlog_format=ROW',
    'binlog_row_image=FULL',
    'binlog_row_metadata=FULL',
    'binlog_expire_logs_seconds=86400',
    // Whatever was committed survives a killed server; only a dead machine may lose it.
    'sync_binlog=0',
    'innodb_flush_log_at_trx_commit=2',
    'innodb_buffer_pool_size=256M',
    'max_allowed_packet=64M',
    'local_infile=ON',
    ...FLAVOUR_OPTIONS[programs.flavour],
    ...wish.options,
    '',
  ].join('\n');
}

/** The end of a server's log, for the message of an error. */
function logTail(folder: string): string {
  try {
    const lines = readFileSync(join(folder, 'server.log'), 'utf8').trimEnd().split('\n');
    return lines.slice(-8).join('\n');
  } catch {
    // It ended before it could write a log.
    return 'no log';
  }
}

function split(command: readonly string[]): { file: string; first: readonly string[] } {
  const [file, ...first] = command;
  if (file === undefined) throw new Error('no command');
  return { file, first };
}

/** Makes an empty data folder: system tables, and root without a password from 127.0.0.1. */
async function makeEmptyData(programs: ServerPrograms, folder: string): Promise<void> {
  const { file, first } = split(programs.server);
  const config = join(folder, 'server.cnf');
  const small =
    programs.flavour === 'mysql' ? 'innodb_redo_log_capacity=16M' : 'innodb_log_file_size=16M';
  const wish = { programs, folder, port: 0, serverId: 1, options: [small] };
  writeFileSync(config, optionsFile(wish));
  const setup = join(folder, 'setup.sql');
  writeFileSync(setup, ROOT_FROM_LOOPBACK);
  const mode =
    programs.flavour === 'mysql'
      ? ['--initialize-insecure', `--init-file=${setup}`]
      : ['--bootstrap', '--log-warnings=0', '--enforce-storage-engine='];
  if (programs.flavour === 'mariadb') mkdirSync(join(folder, 'data'));
  const args = [...first, `--defaults-file=${config}`, '--skip-log-bin', ...mode];
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  // A server that dies at once closes its input; its exit code says so.
  child.stdin.on('error', () => undefined);
  const script =
    programs.flavour === 'mysql'
      ? ''
      : `${mariadbSystemTables(programs)}\nFLUSH PRIVILEGES;\n${ROOT_FROM_LOOPBACK}`;
  child.stdin.end(script);
  const status = await ended;
  if (status !== 0) {
    throw new Error(`${programs.flavour} cannot make its data folder:\n${logTail(folder)}`);
  }
  // Each server makes an identity of its own.
  rmSync(join(folder, 'data', 'auto.cnf'), { force: true });
}

/** Gives a new server its data: a copy of an empty folder that is made once. */
async function copyEmptyData(programs: ServerPrograms, target: string): Promise<void> {
  const { emptyData } = programs;
  if (!existsSync(emptyData)) {
    const unfinished = mkdtempSync(join(tmpdir(), 'firn-data-'));
    try {
      await makeEmptyData(programs, unfinished);
      const beside = `${emptyData}.${process.pid}`;
      cpSync(join(unfinished, 'data'), beside, { recursive: true });
      // Whoever is first wins: both are the same.
      if (existsSync(emptyData)) rmSync(beside, { recursive: true });
      else renameSync(beside, emptyData);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  cpSync(emptyData, target, { recursive: true });
}

/** Whether a process lives. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Gone, or not ours any more.
    return false;
  }
}

/** The process of the server of a folder, when it lives and is that server. */
export function serverProcessOf(folder: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, PROCESS_FILE), 'utf8'), 10);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes(join(folder, 'server.cnf')) ? pid : null;
  } catch {
    // No server was started here, or its process is gone.
    return null;
  }
}

/** A port of loopback that nobody listens at, at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', () =>
      reject(new Error(`port ${port} of 127.0.0.1 is taken: end what listens there`)),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

async function versionAt(port: number): Promise<string | null> {
  try {
    const connection = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' });
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT version() AS version');
    await connection.end();
    return String(rows[0]?.['version']);
  } catch {
    // Not ready yet; the caller gives up in time.
    return null;
  }
}

/**
 * Starts a server and waits until it answers. It outlives this process unless it is ended.
 *
 * @throws {Error} when the port is taken, or the server ends or does not answer within a minute
 */
export async function startServer(wish: ServerWish): Promise<RunningServer> {
  const { programs, folder, port } = wish;
  await refuseTakenPort(port);
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'server.cnf');
  writeFileSync(config, optionsFile(wish));
  const data = join(folder, 'data');
  if (!existsSync(data)) await copyEmptyData(programs, data);

  const { file, first } = split(programs.server);
  const log = openSync(join(folder, 'output.log'), 'a');
  const child = spawn(file, [...first, `--defaults-file=${config}`], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} cannot be started`);
  child.unref();
  writeFileSync(join(folder, PROCESS_FILE), `${pid}\n`);
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const version = await versionAt(port);
    if (version !== null) return { flavour: programs.flavour, pid, port, folder, version };
    await sleep(50);
  }
  await endServer(pid);
  throw new Error(`${programs.flavour} did not start at port ${port}:\n${logTail(folder)}`);
}

/** Ends a server by the id of its process and waits for its end; does nothing when it is gone. */
export async function endServer(pid: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') {
  if (!isAlive(pid)) return;
  process.kill(pid, signal);
  const deadline = performance.now() + END_WITHIN_MS;
  while (isAlive(pid)) {
    if (performance.now() > deadline) process.kill(pid, 'SIGKILL');
    await sleep(20);
  }
}

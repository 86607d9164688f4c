/**
 * A Trino server on loopback, for the check by hand: fetched once into `.cache/` (a download of
 * almost 1 GB) with no plugin but Iceberg's. What a server writes is in its own folder, and it is
 * ended by the id of its process.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endServer, freePort } from './database-server.ts';

const VERSION = '470';
const JAVA_MIN = 23;
const MAVEN_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get';
const JVMS = '/usr/lib/jvm';
const READY_WITHIN_MS = 120_000;

/** As Trino's own jvm.config has them. */
const JVM = [
  '-Xmx1g',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djdk.attach.allowAttachSelf=true',
  '--add-modules=jdk.incubator.vector',
  '--enable-native-access=ALL-UNNAMED',
  '--sun-misc-unsafe-memory-access=allow',
];

/** A server that answers. */
export interface RunningTrino {
  /** `http://127.0.0.1:PORT` */
  readonly uri: string;
  end(): Promise<void>;
}

/** What a server is started with. */
export interface TrinoOptions {
  /** Of this server alone, for its settings, data and output; the caller removes it. */
  readonly folder: string;
  /** Texts of `etc/catalog/NAME.properties`, by NAME. */
  readonly catalogs: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

function run(command: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${command} ${args[0]}: ${error?.message ?? `${stdout}${stderr}`}`);
}

function javaMajor(java: string): number {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  return Number.parseInt(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? '0', 10);
}

/** A Java that is new enough: `FIRN_TRINO_JAVA_HOME`, or one that is found. */
function javaPath(): string {
  const given = process.env['FIRN_TRINO_JAVA_HOME'];
  const homes =
    given !== undefined
      ? [given]
      : [
          ...[process.env['JAVA_HOME']].filter((home) => home !== undefined),
          ...(existsSync(JVMS) ? readdirSync(JVMS) : []).map((name) => join(JVMS, name)),
        ];
  const programs = homes.map((home) => join(home, 'bin', 'java')).filter(existsSync);
  const found = programs.find((java) => javaMajor(java) >= JAVA_MIN);
  if (found !== undefined) return found;
  throw new Error(`no Java of version ${JAVA_MIN} or later: name one in FIRN_TRINO_JAVA_HOME`);
}

/** Folder of the server's programs. */
function ensureTrino(): string {
  const name = `trino-server-${VERSION}`;
  const folder = resolve('.cache', name);
  if (existsSync(folder)) return folder;
  const part = `${folder}.part`;
  mkdirSync(part, { recursive: true });
  process.stdout.write(`fetching Trino ${VERSION} ...\n`);
  // A repository of its own: it keeps an archive that could not be unpacked, and goes afterwards.
  const repository = join(part, 'repository');
  const artifact = `-Dartifact=io.trino:trino-server:${VERSION}:tar.gz`;
  const own = [`-Dmaven.repo.local=${repository}`, artifact, '-Dtransitive=false'];
  run('mvn', ['-q', '-B', '-ntp', '--strict-checksums', ...own, MAVEN_PLUGIN]);
  const archive = join(repository, 'io', 'trino', 'trino-server', VERSION, `${name}.tar.gz`);
  // All of it: jars of one plugin are hard links to those of others.
  rmSync(join(part, name), { recursive: true, force: true });
  run('tar', ['-xzf', archive, '-C', part]);
  const plugins = join(part, name, 'plugin');
  for (const plugin of readdirSync(plugins)) {
    if (plugin !== 'iceberg') rmSync(join(plugins, plugin), { recursive: true });
  }
  renameSync(join(part, name), folder);
  rmSync(part, { recursive: true });
  return folder;
}

function settings(programs: string, request: { readonly folder: string; readonly port: number }) {
  const { folder, port } = request;
  return [
    'node.environment=test',
    'node.bind-ip=127.0.0.1',
    'node.internal-address=127.0.0.1',
    'coordinator=true',
    'node-scheduler.include-coordinator=true',
    `http-server.http.port=${port}`,
    `discovery.uri=http://127.0.0.1:${port}`,
    `plugin.dir=${join(programs, 'plugin')}`,
    `catalog.config-dir=${join(folder, 'catalog')}`,
    'query.max-memory=300MB',
    'query.max-memory-per-node=300MB',
    '',
  ].join('\n');
}

/**
 * Starts a server with these catalogs and waits until it says that it has started; it may refuse
 * queries for a moment longer.
 *
 * @throws {Error} when it cannot be fetched, there is no Java for it, or it does not start within
 *   two minutes
 */
export async function startTrino(options: TrinoOptions): Promise<RunningTrino> {
  const { folder, catalogs, environment } = options;
  const java = javaPath();
  const programs = ensureTrino();
  const port = await freePort();
  for (const own of ['catalog', 'data']) mkdirSync(join(folder, own), { recursive: true });
  for (const [name, text] of Object.entries(catalogs)) {
    writeFileSync(join(folder, 'catalog', `${name}.properties`), text);
  }
  const config = join(folder, 'config.properties');
  writeFileSync(config, settings(programs, { folder, port }));
  const levels = join(folder, 'log.properties');
  writeFileSync(levels, 'io.trino=WARN\n');
  const files = [`-Dconfig=${config}`, `-Dlog.levels-file=${levels}`];
  const main = ['-cp', join(programs, 'lib', '*'), 'io.trino.server.TrinoServer'];
  const output = join(folder, 'output.log');
  const log = openSync(output, 'a');
  const child = spawn(java, [...JVM, ...files, ...main], {
    cwd: join(folder, 'data'),
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], JAVA_HOME: dirname(dirname(java)), ...environment },
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${java} cannot be started`);
  child.unref();
  const uri = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await started(uri)) return { uri, end: () => endServer(pid, 'SIGKILL') };
    await sleep(200);
  }
  await endServer(pid, 'SIGKILL');
  throw new Error(`Trino did not start:\n${readFileSync(output, 'utf8').slice(-4000)}`);
}

async function started(uri: string): Promise<boolean> {
  try {
    const answer = await fetch(`${uri}/v1/info`);
    return answer.ok && ((await answer.json()) as { starting?: unknown }).starting === false;
  } catch {
    // Not ready yet; the caller gives up in time.
    return false;
  }
}

/**
 * Apache Iceberg's own REST catalog server, for tests: the reference implementation's fixture with
 * a SQLite database behind it, out of the jars of `rest-kit.ts`. A server is ended by the id of its
 * process.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endServer, freePort } from './database-server.ts';

/** A server that answers. */
export interface RunningRestServer {
  /** `http://127.0.0.1:PORT` */
  readonly uri: string;
  end(): Promise<void>;
}

/** What a server is started with. */
export interface RestFixtureOptions {
  /** Jars of the kit. */
  readonly classPath: string;
  /** Of this server alone, for its database and its output; the caller removes it. */
  readonly folder: string;
  /** Where tables lie whose location the client leaves to the server. */
  readonly warehouse: string;
}

const MAIN = 'org.apache.iceberg.rest.RESTCatalogServer';
const READY_WITHIN_MS = 60_000;

/**
 * Starts a server with no data and waits until it answers.
 *
 * @throws {Error} when it does not answer within a minute
 */
export async function startRestFixture(options: RestFixtureOptions): Promise<RunningRestServer> {
  const { classPath, folder, warehouse } = options;
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const path = join(folder, 'output.log');
  const log = openSync(path, 'a');
  const child = spawn('java', ['-Xmx512m', `-Drest.port=${port}`, '-cp', classPath, MAIN], {
    cwd: folder,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      REST_PORT: `${port}`,
      CATALOG_REST_PORT: `${port}`,
      CATALOG_URI: `jdbc:sqlite:${join(folder, 'catalog.db')}`,
      CATALOG_WAREHOUSE: warehouse,
      // Without it a table may be made in a namespace that is not there.
      CATALOG_JDBC_STRICT__MODE: 'true',
    },
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error('java cannot be started');
  child.unref();
  const uri = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const answer = await fetch(`${uri}/v1/config`).catch(() => null);
    if (answer?.ok === true) return { uri, end: () => endServer(pid, 'SIGTERM') };
    await sleep(100);
  }
  await endServer(pid, 'SIGKILL');
  throw new Error(`the REST fixture does not answer:\n${readFileSync(path, 'utf8').slice(-2000)}`);
}

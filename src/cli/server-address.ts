/**
 * A database server on the command line: `mysql://USER:PASSWORD@HOST:PORT/DATABASE?tls=off`. The
 * text is never quoted back, it holds a password.
 */
import { resolve } from 'node:path';
import { pipelineNameFrom } from '../config/pipeline-name.ts';
import { FirnError } from '../kernel/firn-error.ts';

/** A MySQL or MariaDB server as it was named on the command line. */
export interface ServerAddress {
  readonly type: 'mysql';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** In memory only. */
  readonly password: string | null;
  /** `null`: all databases of the server. */
  readonly database: string | null;
  readonly tls: (typeof TLS_CHOICES)[number];
  /** Absolute path. */
  readonly tlsCa: string | null;
  /** Pipeline name made from the database's, else from the host's. */
  readonly name: string;
}

const TLS_CHOICES = ['verify', 'verify-ca', 'off'] as const;
const FORM = 'mysql://USER:PASSWORD@HOST:PORT/DATABASE';

/** Whether `text` is meant as the address of a server that Firn reads. */
export function isServerAddress(text: string): boolean {
  return /^(?:mysql|mariadb):/i.test(text);
}

/**
 * Reads an address. Signs like `@`, `/`, `#` and `%` in names and passwords are written as `%40`
 * and so on (RFC 3986, 2.1).
 *
 * @throws {FirnError} CONFIG-SOURCE-UNKNOWN
 */
export function parseServerAddress(text: string): ServerAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^[a-z]+:\/\//i.test(text)) throw wrong('it cannot be read');
  const host = decoded(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const user = decoded(url.username);
  const password = decoded(url.password);
  const database = decoded(url.pathname.replace(/^\//, '').replace(/\/$/, ''));
  if (url.hash !== '') throw wrong('it holds a #, which is written %23');
  if (host === '') throw wrong('it names no host');
  if (user === '') throw wrong('it names no user');
  if (database.includes('/')) throw wrong('it names more than one database');
  return {
    type: 'mysql',
    host,
    port: url.port === '' ? 3306 : Number.parseInt(url.port, 10),
    user,
    password: password === '' ? null : password,
    database: database === '' ? null : database,
    ...settingsOf(url.searchParams),
    name: pipelineNameFrom(database === '' ? host : database),
  };
}

function settingsOf(given: URLSearchParams): Pick<ServerAddress, 'tls' | 'tlsCa'> {
  const unknown = [...given.keys()].find((key) => key !== 'tls' && key !== 'tlsCa');
  if (unknown !== undefined) throw wrong('after the ? it takes tls=off and tlsCa=PATH only');
  const wanted = given.get('tls') ?? 'verify';
  const tls = TLS_CHOICES.find((choice) => choice === wanted);
  if (tls === undefined) throw wrong(`tls is one of ${TLS_CHOICES.join(', ')}`);
  const tlsCa = given.get('tlsCa');
  return { tls, tlsCa: tlsCa === null ? null : resolve(tlsCa) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('a % in it is followed by something else than two hexadecimal digits');
  }
}

function wrong(why: string): FirnError {
  return new FirnError('CONFIG-SOURCE-UNKNOWN', {
    what: `the address of the server is not right: ${why}`,
    remedy: `Write it as ${FORM}, with signs such as @ / # % in the password as %40 %2F %23 %25.`,
  });
}

/**
 * Name of the environment variable in which the password of a pipeline's source is kept, unless the
 * pipeline file says otherwise.
 */
export function passwordVariable(pipeline: string): string {
  const name = `${pipeline.toUpperCase()}_PASSWORD`;
  return /^[0-9]/.test(name) ? `FIRN_${name}` : name;
}

/** For people, without the password. */
export function formatServer(server: {
  readonly host: string;
  readonly port: number;
  readonly database: string | null;
}): string {
  const host = server.host.includes(':') ? `[${server.host}]` : server.host;
  return `${server.database === null ? '' : `${server.database} on `}${host}:${server.port}`;
}

/**
 * Login at a server: address, TLS, authentication and nothing else is mysql2's; what comes out is
 * the authenticated socket. The other side may be anybody until it has proven itself, so a login
 * has little room and little time, its packets must be in order, and a password never leaves in the
 * clear but through TLS.
 */
import { Socket, isIP } from 'node:net';
import { createConnection } from 'mysql2';
import type { Connection, ConnectionOptions } from 'mysql2';
import { assert } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { connectionError } from './connection-failure.ts';
import { ed25519Answer } from './ed25519-login.ts';

/** How the server's certificate is looked at. */
export type MysqlTls =
  /** Nothing is encrypted. For a server on the same machine or in a tunnel. */
  | { readonly kind: 'off' }
  /** The certificate must come from `ca` (PEM), or from a public authority when it is `null`. */
  | {
      readonly kind: 'verify';
      readonly ca: string | null;
      /**
       * Whether it must also carry the host's name. Certificates that MySQL makes for itself do
       * not.
       */
      readonly hostName: boolean;
    };

/** Where a server is and who asks. */
export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls: MysqlTls;
  /** Until login is through; 15 s when left out. */
  readonly connectMsMax?: number;
  /** Until a small statement is answered; 60 s when left out. */
  readonly queryMsMax?: number;
}

/** A session at a server. */
export interface Login {
  /** Paused, encrypted if the address says so, with no listener on it. */
  readonly socket: Socket;
  /** Id of the session at the server. */
  readonly id: number;
}

/** Until login is through. */
const CONNECT_MS_MAX = 15_000;

/** Bytes that a server may say until login is through; real ones say less than 1,000. */
const LOGIN_BYTES_MAX = 64 * 1024;

/**
 * What mysql2 would offer and Firn does not want. Without query attributes a COM_QUERY is one byte
 * and the statement. A server can ask any client for a local file; this one does not offer it.
 */
const FLAGS_OFF = [
  '-LOCAL_FILES',
  '-ODBC',
  '-FOUND_ROWS',
  '-IGNORE_SPACE',
  '-SESSION_TRACK',
  '-CLIENT_QUERY_ATTRIBUTES',
];

/**
 * Connects and logs in.
 *
 * @throws {FirnError} SOURCE-UNREACHABLE, SOURCE-LOGIN-REFUSED, SOURCE-TLS, SOURCE-ANSWER-MALFORMED
 */
export async function login(address: MysqlAddress): Promise<Login> {
  const where = `${address.host}:${address.port}`;
  const raw = createConnection({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    connectTimeout: address.connectMsMax ?? CONNECT_MS_MAX,
    charset: 'utf8mb4_general_ci',
    keepAliveInitialDelay: 30_000,
    flags: FLAGS_OFF,
    connectAttributes: { program_name: 'firn' },
    authPlugins: { client_ed25519: () => (nonce) => answerTo(nonce, address) },
    // None is ever prepared; room for the usual 16,000 would cost half a megabyte a connection.
    maxPreparedStatements: 1,
    ...tlsOptions(address),
  });
  const state: LoginState = { failure: null, bytes: 0 };
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        state.failure ??= connectionError(error, where);
        reject(state.failure);
      };
      raw.on('error', fail);
      guard(raw, { state, where, fail });
      raw.connect((error) => (error === null ? resolve() : fail(error)));
    });
    // The packet after the last one of a login comes too early to be an answer.
    if (state.failure !== null) throw state.failure;
    return { socket: takeOver(raw), id: raw.threadId };
  } catch (error) {
    raw.destroy();
    streamOf(raw).destroy();
    throw error;
  }
}

function answerTo(nonce: Buffer, { password }: MysqlAddress): Buffer {
  return Buffer.from(ed25519Answer(password, nonce));
}

interface LoginState {
  failure: FirnError | null;
  bytes: number;
}

/**
 * Puts itself between mysql2's socket, plain or TLS, and its parser: mysql2 keeps packets of any
 * length, and of any number.
 */
function guard(
  raw: Connection,
  parts: {
    readonly state: LoginState;
    readonly where: string;
    readonly fail: (error: unknown) => void;
  },
): void {
  const { state, where, fail } = parts;
  const parser: unknown = Reflect.get(raw, 'packetParser');
  assert(isParser(parser), 'mysql2 keeps its parser as `packetParser`');
  const refuse = (why: string): FirnError => {
    const what = `The server does not log in as servers do: ${why}`;
    return new FirnError('SOURCE-ANSWER-MALFORMED', { what, where });
  };
  // mysql2 goes on with what it warns of; thrown through it, it goes no further.
  raw.on('warn', () => {
    throw refuse('a packet is missing');
  });
  const execute = (chunk: Uint8Array): void => {
    if (state.failure !== null) return;
    state.bytes += chunk.length;
    try {
      if (state.bytes > LOGIN_BYTES_MAX) throw refuse('it says too much');
      parser.execute(chunk);
    } catch (error) {
      fail(error);
      streamOf(raw).destroy();
    }
  };
  Reflect.set(raw, 'packetParser', { execute });
}

function isParser(value: unknown): value is { execute(chunk: Uint8Array): void } {
  return typeof value === 'object' && value !== null && 'execute' in value;
}

function streamOf(raw: Connection): Socket {
  const stream: unknown = Reflect.get(raw, 'stream');
  assert(stream instanceof Socket, 'mysql2 keeps its socket as `stream`');
  return stream;
}

function takeOver(raw: Connection): Socket {
  const socket = streamOf(raw);
  socket.pause();
  for (const event of ['data', 'end', 'close', 'error']) socket.removeAllListeners(event);
  return socket;
}

function tlsOptions({ host, tls }: MysqlAddress): Pick<ConnectionOptions, 'ssl'> {
  if (tls.kind === 'off') return {};
  if (tls.hostName && isIP(host) !== 0) {
    throw new FirnError('SOURCE-TLS', {
      what: 'The server is given by its address, and a certificate is verified against a name',
      where: host,
      remedy:
        'Give the server by the name in its certificate, or verify only that the certificate comes from your own authority (`tls: verify-ca` and `tlsCa`). On the same machine or through a tunnel: `tls: off`, or `?tls=off` behind an address.',
    });
  }
  const ca = tls.ca === null ? {} : { ca: tls.ca };
  return { ssl: { ...ca, minVersion: 'TLSv1.2', verifyIdentity: tls.hostName } };
}

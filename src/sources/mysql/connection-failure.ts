/**
 * What mysql2 and the servers say, as codes of Firn. The server's words are kept, cut to a length,
 * where its error is about names. Where it may quote a statement or a value, which are key values
 * of rows in the statements made here, they end at the first quotation mark. Whoever needs the
 * exact case asks `serverErrorNumber`.
 */
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';

/** Longest part of a server's message that is passed on. */
const WORDS_MAX = 400;

/** What mysql2 says of a way to log in that it does not know. */
const UNKNOWN_PLUGIN = /^Server requests authentication using unknown plugin (.*?)\. See /s;

/** Failures of the network and of mysql2, by `code`. */
const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  HANDSHAKE_NO_SSL_SUPPORT: 'SOURCE-TLS',
  HANDSHAKE_SSL_ERROR: 'SOURCE-TLS',
  AUTH_SWITCH_PLUGIN_ERROR: 'SOURCE-LOGIN-REFUSED',
  MYSQL_CLEAR_PASSWORD_NOT_ENABLED: 'SOURCE-LOGIN-REFUSED',
  HANDSHAKE_UNKNOWN_ERROR: 'SOURCE-ANSWER-MALFORMED',
  PROTOCOL_SEQUENCE_TIMEOUT: 'SOURCE-TIMEOUT',
  PROTOCOL_CONNECTION_LOST: 'SOURCE-UNREACHABLE',
  PROTOCOL_UNEXPECTED_PACKET: 'SOURCE-UNREACHABLE',
  ECONNREFUSED: 'SOURCE-UNREACHABLE',
  ECONNRESET: 'SOURCE-UNREACHABLE',
  EHOSTUNREACH: 'SOURCE-UNREACHABLE',
  ENETUNREACH: 'SOURCE-UNREACHABLE',
  ENOTFOUND: 'SOURCE-UNREACHABLE',
  EAI_AGAIN: 'SOURCE-UNREACHABLE',
  ETIMEDOUT: 'SOURCE-UNREACHABLE',
  EPIPE: 'SOURCE-UNREACHABLE',
};

/** The servers' error numbers that have a meaning of their own here (both servers share them). */
const BY_NUMBER: Readonly<Record<number, ErrorCode>> = {
  1040: 'SOURCE-UNREACHABLE', // too many connections
  1044: 'SOURCE-PRIVILEGE', // database access denied
  1045: 'SOURCE-LOGIN-REFUSED', // access denied
  1049: 'SOURCE-NO-DATABASE', // unknown database
  1053: 'SOURCE-UNREACHABLE', // shutdown in progress
  1077: 'SOURCE-UNREACHABLE', // normal shutdown
  1129: 'SOURCE-UNREACHABLE', // host blocked
  1130: 'SOURCE-LOGIN-REFUSED', // host not allowed
  1142: 'SOURCE-PRIVILEGE', // table access denied
  1143: 'SOURCE-PRIVILEGE', // column access denied
  1146: 'SOURCE-TABLE-MISSING', // no such table
  1152: 'SOURCE-UNREACHABLE', // aborted connection
  1203: 'SOURCE-UNREACHABLE', // too many connections of the user
  1205: 'SOURCE-TIMEOUT', // lock wait timeout
  1213: 'SOURCE-TIMEOUT', // deadlock
  1227: 'SOURCE-PRIVILEGE', // a privilege is missing
  1317: 'SOURCE-TIMEOUT', // query interrupted
  1698: 'SOURCE-LOGIN-REFUSED', // access denied, no password
  1820: 'SOURCE-LOGIN-REFUSED', // password must be changed
  1862: 'SOURCE-LOGIN-REFUSED', // password expired
  1927: 'SOURCE-UNREACHABLE', // connection killed
  1969: 'SOURCE-TIMEOUT', // max_statement_time
  3024: 'SOURCE-TIMEOUT', // max_execution_time
  3118: 'SOURCE-LOGIN-REFUSED', // account locked
  3159: 'SOURCE-TLS', // the server requires TLS
  4031: 'SOURCE-UNREACHABLE', // closed because idle
};

/** More errors whose words quote names of the server and its schema, never a value. */
const ABOUT_NAMES: ReadonlySet<number> = new Set([
  1016, // cannot open a file
  1017, // cannot find a file
  1046, // no database selected
  1054, // unknown column
  1082, // unknown index
  1109, // unknown table
  1115, // unknown character set
  1176, // no such key
  1193, // unknown variable
  1236, // the log cannot be read on
  1238, // the variable is only readable
  1273, // unknown collation
  1356, // a view that lost its tables
  1373, // no such log file
  1381, // no binary log
  1412, // the table was changed
  1449, // no such definer
  1932, // the table is not in the engine
]);

/** Errors whose words hold values outside of quotation marks: unknown, row in a wrong partition. */
const UNSPEAKABLE: ReadonlySet<number> = new Set([1105, 1863]);

/** A failure of mysql2, the server or the socket as a coded error; coded ones as they are. */
export function connectionError(error: unknown, where: string): FirnError {
  if (isFirnError(error)) return error;
  const code = codeOf(error);
  const plugin = error instanceof Error ? UNKNOWN_PLUGIN.exec(error.message)?.[1] : undefined;
  if (plugin !== undefined) return unknownPlugin(plugin, where);
  const words = wordsOf(error);
  const number = error instanceof Error ? numberOf(error) : undefined;
  // A stack that is shown says no more than the message.
  const cause = number === undefined ? error : Object.assign(new Error(words), { errno: number });
  return new FirnError(code, { what: `The source says: ${words}`, where, cause });
}

/** What broke a socket: whatever its name is, another connection may do better. */
export function socketError(error: Error, where: string): FirnError {
  const coded = connectionError(error, where);
  if (coded.code !== 'SOURCE-FAILED') return coded;
  return new FirnError('SOURCE-UNREACHABLE', { what: coded.what, where, cause: error });
}

function unknownPlugin(plugin: string, where: string): FirnError {
  return new FirnError('SOURCE-LOGIN-REFUSED', {
    what: `The server wants a login by ${plugin.slice(0, WORDS_MAX)}, which Firn does not know`,
    where,
    remedy:
      'Give the user of the pipeline a password that is looked at by caching_sha2_password (MySQL) or mysql_native_password (MariaDB).',
  });
}

/** The server's error number behind a coded error; `null` when the server said none. */
export function serverErrorNumber(error: unknown): number | null {
  const cause = error instanceof FirnError ? error.cause : error;
  return cause instanceof Error ? (numberOf(cause) ?? null) : null;
}

/**
 * An ERR packet of the protocol (its body, from the 0xff on) as an error that
 * {@link connectionError} knows.
 */
export function errorOfPacket(body: Uint8Array): Error {
  const number = (body[1] ?? 0) | ((body[2] ?? 0) << 8);
  const at = body[3] === 0x23 ? 9 : 3;
  const words = new TextDecoder().decode(body.subarray(at, at + WORDS_MAX));
  return Object.assign(new Error(words), { errno: number });
}

function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof Error)) return 'SOURCE-FAILED';
  const byNumber = BY_NUMBER[numberOf(error) ?? -1];
  if (byNumber !== undefined) return byNumber;
  const name: unknown = Reflect.get(error, 'code');
  if (typeof name === 'string' && BY_NAME[name] !== undefined) return BY_NAME[name];
  // The key that a login is encrypted with is none.
  if (typeof name === 'string' && name.startsWith('ERR_OSSL_')) return 'SOURCE-LOGIN-REFUSED';
  // What ends the connection and is no statement's fault is worth another try.
  return Reflect.get(error, 'fatal') === true ? 'SOURCE-UNREACHABLE' : 'SOURCE-FAILED';
}

function numberOf(error: Error): number | undefined {
  const number: unknown = Reflect.get(error, 'errno');
  return typeof number === 'number' && number > 0 ? number : undefined;
}

function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const said = message === '' && error instanceof AggregateError ? causesOf(error) : message;
  const words = withoutValues(said, error instanceof Error ? numberOf(error) : undefined);
  return words.length <= WORDS_MAX ? words : `${words.slice(0, WORDS_MAX)}…`;
}

/** The words up to where a value or a statement may stand in them. */
function withoutValues(words: string, number: number | undefined): string {
  if (number === undefined || BY_NUMBER[number] !== undefined || ABOUT_NAMES.has(number)) {
    return words;
  }
  // A value may hold marks of its own, so nothing behind the first one is certain.
  const mark = UNSPEAKABLE.has(number) ? 0 : words.search(/["'`]/);
  return mark < 0 ? words : `${words.slice(0, mark)}… (error ${number} of the server)`;
}

/** Node tells a refused connection to a name with several addresses as one error per address. */
function causesOf(error: AggregateError): string {
  const messages = error.errors.map((one) => (one instanceof Error ? one.message : String(one)));
  return messages.join('; ');
}

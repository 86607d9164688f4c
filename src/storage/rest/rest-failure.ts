/**
 * What the answers of a REST catalog mean that are no success (Iceberg REST specification,
 * `ErrorModel`). A status tells whether the request was carried out only where the specification
 * says so: whatever a proxy may send in the server's name leaves that open. The server's words are
 * shown, without what was sent to prove who asks.
 */
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import type { HttpAnswer } from '../http/http-exchange.ts';

/** What a server says is wrong. */
export interface RestProblem {
  /** Such as `NoSuchTableException`; empty when the answer is no error of the specification. */
  readonly type: string;
  readonly message: string;
}

const MESSAGE_LENGTH_MAX = 300;
const secretHeaders = ['authorization', 'x-amz-security-token'] as const;

/** The JSON object in an answer; `null` when there is none, or not a whole one. */
export function answerObject(answer: HttpAnswer): JsonObject | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(answer.body);
    return asObject(parseJson(text));
  } catch {
    // Whoever reads an answer says what it means that it cannot be read.
    return null;
  }
}

function asObject(value: JsonValue | undefined): JsonObject | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  // An object that is no list is one of keys.
  return isObject ? (value as JsonObject) : null;
}

/**
 * The problem in an answer.
 *
 * @param sent the headers of the request: nothing secret of theirs is repeated
 */
export function problemOf(answer: HttpAnswer, sent: Readonly<Record<string, string>>): RestProblem {
  const error = asObject(answerObject(answer)?.['error']);
  const type = error?.['type'];
  const message = error?.['message'];
  return {
    type: typeof type === 'string' && /^[A-Za-z0-9_.]{1,100}$/.test(type) ? type : '',
    message: typeof message === 'string' ? shown(message, sent) : '',
  };
}

/** One line, of printable characters, without secrets. */
function shown(message: string, sent: Readonly<Record<string, string>>): string {
  const secrets = secretHeaders.flatMap((name) => (sent[name] ?? '').split(/[\s,=]+/));
  let text = message;
  for (const secret of secrets) {
    if (secret.length >= 8) text = text.replaceAll(secret, '***');
  }
  const line = text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
  return line.length > MESSAGE_LENGTH_MAX ? `${line.slice(0, MESSAGE_LENGTH_MAX)}...` : line;
}

/** Whether the same request may be answered otherwise a little later. */
export function mayPass(status: number): boolean {
  // What a server cannot do (501) it cannot do later either.
  return (status >= 500 && status !== 501) || [408, 425, 429].includes(status);
}

/** Whether an answer says that a table, or a namespace, is not there: 404 alone does not. */
export function isMissing(problem: RestProblem, what: 'table' | 'namespace'): boolean {
  const names = what === 'table' ? 'Table|IcebergTable' : 'Namespace|Database';
  return new RegExp(`(?:^|\\.)(?:NoSuch(?:${names})|EntityNotFound)(?:Exception)?$`).test(
    problem.type,
  );
}

/** Who was asked for what. */
export interface AnsweredRequest {
  /** Of the table, or of the catalog, for messages. */
  readonly where: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The error that an answer of 300 or more stands for. */
export function answerError(answer: HttpAnswer, request: AnsweredRequest): FirnError {
  const { status } = answer;
  const { type, message } = problemOf(answer, request.headers);
  const words = [type, message].filter((word) => word !== '').join(': ');
  return new FirnError(codeOf(status), {
    what: `The catalog answered ${status}${words === '' ? '' : ` (${words})`}.`,
    where: request.where,
  });
}

function codeOf(status: number): ErrorCode {
  if (mayPass(status)) return 'CATALOG-REMOTE-FAILED';
  const denied = status === 401 || status === 403 || status === 407 || status === 419;
  return denied ? 'CATALOG-REMOTE-DENIED' : 'CATALOG-REMOTE-REFUSED';
}

/** Codes of Node.js for certificates that are not trusted (`tls` module, X509 errors). */
const certificateCode = new RegExp(
  `^(?:${[
    'CERT_',
    'CRL_',
    'DEPTH_ZERO_',
    'ERR_TLS_CERT_',
    'ERROR_IN_CERT_',
    'SELF_SIGNED_',
    'UNABLE_TO_',
    'HOSTNAME_MISMATCH',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_',
  ].join('|')})`,
);

/** The error for a request without a whole answer: it may or may not have been carried out. */
export function connectionError(cause: unknown, where: string): FirnError {
  const name = systemName(cause);
  const why = /^[A-Z][A-Z0-9_]{2,60}$/.test(name) ? name : 'no whole answer';
  const code = certificateCode.test(name) ? 'CATALOG-REMOTE-CERTIFICATE' : 'CATALOG-REMOTE-FAILED';
  return new FirnError(code, {
    what: `The connection to the catalog failed: ${why}.`,
    where,
    cause,
  });
}

function systemName(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

/** Whether a failed request certainly never left. */
export function wasNeverSent(error: FirnError): boolean {
  return error.code === 'CATALOG-REMOTE-CERTIFICATE' || isUnreached(error.cause);
}

/**
 * Whether a host was not found or not reached. The name of a failure does not tell: that there is
 * no way to the host (`EHOSTUNREACH`) ends connections, too, on which something was sent.
 */
function isUnreached(cause: unknown): boolean {
  // A host of several addresses fails once for each.
  if (cause instanceof AggregateError) return cause.errors.every(isUnreached);
  const call: unknown = cause instanceof Error && 'syscall' in cause ? cause.syscall : null;
  return call === 'connect' || call === 'getaddrinfo';
}

/** The error for an answer that is not what the specification says. */
export function unreadable(what: string, where: string): FirnError {
  return new FirnError('CATALOG-REMOTE-FAILED', {
    what: `The catalog’s answer cannot be read: ${what}.`,
    where,
  });
}

/**
 * What a failed request to S3 means to a user. The code in the answer's XML counts, not the status:
 * stores send an error with 200, too (Amazon S3 API Reference, "Error Responses"). Whatever may
 * pass by itself is STORAGE-REMOTE-FAILED, which is tried again.
 */
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { HttpAnswer } from '../http/http-exchange.ts';
import { xmlRoot, xmlText } from './s3-xml.ts';

/** A failed answer: where it came from, and what this machine's clock said. */
export interface FailedAnswer {
  readonly answer: HttpAnswer;
  /** Location of the object, or of the bucket. */
  readonly where: string;
  readonly nowMs: number;
}

const transient = new Set([
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'IncompleteBody',
  'TooManyRequests',
  'Throttling',
  'ThrottlingException',
  'ServerBusy',
]);

const codes: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: 'STORAGE-REMOTE-NO-BUCKET',
  RequestTimeTooSkewed: 'STORAGE-REMOTE-CLOCK',
  AccessDenied: 'STORAGE-REMOTE-DENIED',
  AllAccessDisabled: 'STORAGE-REMOTE-DENIED',
  AccountProblem: 'STORAGE-REMOTE-DENIED',
  InvalidAccessKeyId: 'STORAGE-REMOTE-DENIED',
  SignatureDoesNotMatch: 'STORAGE-REMOTE-DENIED',
  ExpiredToken: 'STORAGE-REMOTE-CREDENTIALS',
  ExpiredTokenException: 'STORAGE-REMOTE-CREDENTIALS',
  TokenRefreshRequired: 'STORAGE-REMOTE-CREDENTIALS',
};

/** The code in an answer's XML; `null` where it has none. */
export function answerCode(answer: HttpAnswer): string | null {
  const xml = Buffer.from(answer.body.subarray(0, 65_536)).toString('utf8');
  const text = /^\s*(?:<\?xml[^>]*\?>)?\s*<Error[\s>]/.test(xml) ? xmlText(xml, 'Code') : null;
  return text !== null && /^[A-Za-z0-9.]{1,64}$/.test(text) ? text : null;
}

/** The error that an answer stands for. */
export function answerError(failed: FailedAnswer): FirnError {
  const { answer, where } = failed;
  const code = answerCode(answer);
  const word = code === null ? `status ${answer.status}` : `${answer.status} ${code}`;
  const known = code === null ? undefined : codes[code];
  const skewed = code === 'RequestTimeTooSkewed' ? skewText(failed) : '';
  return new FirnError(known ?? codeOfStatus(answer.status, code), {
    what: `The object store answered ${word}${skewed}${hintOf(answer)}.`,
    where,
  });
}

/** The error for a request without a whole answer: it may or may not have been carried out. */
export function connectionError(cause: unknown, where: string): FirnError {
  const name = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const why = /^[A-Z][A-Z0-9_]{2,60}$/.test(name) ? name : 'no whole answer';
  return new FirnError('STORAGE-REMOTE-FAILED', {
    what: `The connection to the object store failed: ${why}.`,
    where,
    cause,
  });
}

/** The error for an answer that contradicts itself, or what was sent; worth another attempt. */
export function doubtfulAnswer(what: string, where: string): FirnError {
  return new FirnError('STORAGE-REMOTE-FAILED', { what, where });
}

/** The error for content that stays wrong. */
export function corruptObject(what: string, where: string): FirnError {
  return new FirnError('STORAGE-REMOTE-CORRUPT', { what, where });
}

/** The XML of an answer; one that is cut short, or another document, is doubtful. */
export function answerXml(answer: HttpAnswer, root: string, where: string): string {
  const xml = Buffer.from(answer.body).toString('utf8');
  if (xmlRoot(xml) === root) return xml;
  throw doubtfulAnswer(`The object store’s answer is no whole ${root}.`, where);
}

function codeOfStatus(status: number, code: string | null): ErrorCode {
  if (code !== null && transient.has(code)) return 'STORAGE-REMOTE-FAILED';
  // A store that cannot do something says 501: trying again does not teach it.
  if (status >= 500 && status !== 501) return 'STORAGE-REMOTE-FAILED';
  if (status === 408 || status === 409 || status === 429) return 'STORAGE-REMOTE-FAILED';
  if (status === 401 || status === 403) return 'STORAGE-REMOTE-DENIED';
  if (status === 404) return 'STORAGE-NOT-FOUND';
  // An error sent with 200 and a code that nobody here knows.
  return status < 300 ? 'STORAGE-REMOTE-FAILED' : 'STORAGE-REMOTE-REFUSED';
}

function skewText({ answer, nowMs }: FailedAnswer): string {
  const theirs = Date.parse(answer.headers['date'] ?? '');
  if (Number.isNaN(theirs)) return '';
  const seconds = Math.round((nowMs - theirs) / 1000);
  const side = seconds < 0 ? 'behind' : 'ahead of';
  return `: this machine’s clock is ${Math.abs(seconds)} s ${side} the store’s`;
}

/** A bucket of another region is named by the store itself. */
function hintOf(answer: HttpAnswer): string {
  const region = answer.headers['x-amz-bucket-region'] ?? '';
  const moved = answer.status === 301 || answer.status === 307 || answer.status === 400;
  if (!moved || !/^[a-z0-9-]{1,40}$/.test(region)) return '';
  return `; the bucket is in region ${region}`;
}

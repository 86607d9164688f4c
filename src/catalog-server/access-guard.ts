/**
 * Who may talk to the server. It holds a database's rows, often without a token on a laptop, so it
 * answers no web page: a request with a foreign `Host` (DNS rebinding), any `Origin`, or the mark
 * of a cross-site request is refused before anything is read, and so is one without the token where
 * there is one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { RestRefusal } from './rest-error.ts';

/** What is let in. */
export interface AccessPolicy {
  /** Names that a `Host` header may have besides `localhost` and addresses in digits. */
  readonly hosts: readonly string[];
  /** Bearer token that every request must carry; `null`: none. */
  readonly token: string | null;
}

/** A request's headers by lower-case name. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

function header(headers: RequestHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/**
 * Lets the request in, or not.
 *
 * @throws {RestRefusal} 401, 403
 */
export function admit(headers: RequestHeaders, policy: AccessPolicy): void {
  if (!isKnownHost(header(headers, 'host') ?? '', policy.hosts)) {
    throw forbidden('the Host header names another server');
  }
  const site = header(headers, 'sec-fetch-site');
  if (headers['origin'] !== undefined || (site !== null && site !== 'none')) {
    throw forbidden('requests of web pages are refused');
  }
  if (policy.token === null) return;
  const [, given] = /^Bearer +(\S+) *$/i.exec(header(headers, 'authorization') ?? '') ?? [];
  if (given === undefined || !sameSecret(given, policy.token)) {
    throw new RestRefusal(401, 'NotAuthorizedException', 'a bearer token is needed');
  }
}

/** `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`. An address in digits cannot be rebound. */
function isKnownHost(host: string, names: readonly string[]): boolean {
  const name = /^(\[[0-9a-f:.]+\]|[^:]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
  if (name === undefined) return false;
  if (name === 'localhost' || name.startsWith('[') || /^\d+(?:\.\d+){3}$/.test(name)) return true;
  return names.some((known) => known.toLowerCase() === name);
}

function forbidden(message: string): RestRefusal {
  return new RestRefusal(403, 'ForbiddenException', message);
}

/** Compares in a time that tells nothing about where two secrets differ. */
function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

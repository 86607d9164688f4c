/**
 * Signature Version 4 of AWS with the signature in a header (Amazon S3 API Reference,
 * "Authenticating Requests: Using the Authorization Header"; AWS IAM User Guide, "Create a signed
 * AWS API request" for the services that are not S3). Pure: the time comes in.
 * The SHA-256 of the body is part of what is signed, so a body garbled on its way is refused.
 */
import { createHash, createHmac } from 'node:crypto';

/** Keys to sign with. */
export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken: string | null;
}

/** A request as it will be sent. */
export interface UnsignedRequest {
  readonly method: string;
  /** As in the header: with the port, unless it is the scheme's own. */
  readonly host: string;
  /** Percent-encoded, with a leading slash. */
  readonly path: string;
  /** Names and values, not encoded. */
  readonly query: readonly (readonly [string, string])[];
  /** Headers to sign, names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, hexadecimal. */
  readonly bodySha256: string;
}

/** By whom, where and when a request is signed. */
export interface SigningContext {
  readonly credentials: SigningKeys;
  readonly region: string;
  /** As in the scope of the signature: `s3`, `glue`. Of `s3` alone paths are not encoded again. */
  readonly service: string;
  readonly nowMs: number;
}

/** Percent-encodes everything but letters, digits and `-._~`, from UTF-8. */
export function encodeUriPart(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A query in the order and spelling that are signed and sent. */
export function canonicalQuery(query: readonly (readonly [string, string])[]): string {
  const pairs = query.map(([name, value]) => `${encodeUriPart(name)}=${encodeUriPart(value)}`);
  return pairs.toSorted((left, right) => (left < right ? -1 : 1)).join('&');
}

/** SHA-256, hexadecimal. */
export function sha256Hex(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** All headers of a request, those it had and those that signing adds. */
export function signedHeaders(
  request: UnsignedRequest,
  context: SigningContext,
): Readonly<Record<string, string>> {
  const { credentials, region, service, nowMs } = context;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    'x-amz-content-sha256': request.bodySha256,
    'x-amz-date': time,
  };
  if (credentials.sessionToken !== null) {
    headers['x-amz-security-token'] = credentials.sessionToken;
  }
  const names = Object.keys(headers).toSorted();
  const canonical = [
    request.method,
    service === 's3' ? request.path : request.path.split('/').map(encodeUriPart).join('/'),
    canonicalQuery(request.query),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    request.bodySha256,
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256Hex(canonical)].join('\n');
  const start: Uint8Array = Buffer.from(`AWS4${credentials.secretAccessKey}`);
  const key = [day, region, service, 'aws4_request'].reduce(hmac, start);
  const signature = Buffer.from(hmac(key, text)).toString('hex');
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope},` +
    `SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { ...headers, authorization };
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest();
}

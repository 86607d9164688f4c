/**
 * Reading objects: whole into memory, what they are, and pieces of them. What a store says of an
 * object's checksum is compared with what arrived; pieces are all of one version of the object.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ByteRange } from '../../ports/object-store.ts';
import type { S3Client } from './s3-client.ts';
import { doubtfulAnswer } from './s3-failure.ts';
import type { HttpAnswer } from '../http/http-exchange.ts';

/** What a store knows of an object. */
export interface ObjectFacts {
  readonly sizeBytes: number;
  readonly etag: string;
  /** Of the whole object, or of the checksums of its parts with their count: `base64-3`. */
  readonly sha256: string | null;
  /** The mark of the write that made it, if that was Firn's. */
  readonly mark: string | null;
  /** Bytes of its parts, if Firn wrote it in parts. */
  readonly partBytes: number | null;
}

/** Headers of Firn's own, which every store keeps: the mark of a write, */
export const markHeader = 'x-amz-meta-firn-write';
/** the SHA-256 of the object, or that of its parts' with their count, as S3 spells them, */
export const sha256Header = 'x-amz-meta-firn-sha256';
/** and the size of the parts of an object that was written in parts. */
export const partBytesHeader = 'x-amz-meta-firn-part-bytes';

const withChecksum = { 'x-amz-checksum-mode': 'ENABLED' };

/** SHA-256 as S3 spells it. */
export function sha256Base64(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64');
}

/** The whole object; `null`: there is none. */
export function readObject(
  client: S3Client,
  key: string,
  bytesMax: number,
): Promise<Uint8Array | null> {
  const request = { method: 'GET', key, headers: withChecksum, accept: [404], bytesMax } as const;
  return client.send(request, (answer) => {
    if (answer.status === 404) return null;
    checkContent(answer, client.locationOf(key));
    return answer.body;
  });
}

/** What is known of an object; `null`: there is none. */
export async function headObject(client: S3Client, key: string): Promise<ObjectFacts | null> {
  const request = { method: 'HEAD', key, headers: withChecksum, accept: [400, 403, 404] } as const;
  const facts = await client.send(request, (answer) => {
    if (answer.status === 404) return null;
    return answer.status < 300 ? factsOf(answer, client.locationOf(key)) : 'unexplained';
  });
  if (facts !== 'unexplained') return facts;
  // An answer to HEAD has no words. The same question as GET says what is wrong, if anything is.
  return (await readTail(client, key, 1))?.facts ?? null;
}

/** A piece of an object as it was found; `null`: the object is not that one any more. */
export function readRange(
  client: S3Client,
  piece: { readonly key: string; readonly etag: string; readonly range: ByteRange },
): Promise<Uint8Array | null> {
  const { key, etag, range } = piece;
  const length = range.end - range.start;
  const headers = {
    range: `bytes=${range.start}-${range.end - 1}`,
    ...(etag === '' ? {} : { 'if-match': etag }),
  };
  const request = {
    method: 'GET',
    key,
    headers,
    accept: [404, 412, 416],
    bytesMax: length,
  } as const;
  return client.send(request, (answer) => {
    if (answer.status >= 300) return null;
    const where = client.locationOf(key);
    const span = `bytes ${range.start}-${range.end - 1}/`;
    const isThat = answer.headers['content-range']?.startsWith(span) === true;
    if (answer.status !== 206 || !isThat || answer.body.length !== length) {
      throw doubtfulAnswer('The object store answered another range than was asked for.', where);
    }
    return answer.body;
  });
}

/** The end of an object, and what is known of it; `null`: there is none. */
export function readTail(
  client: S3Client,
  key: string,
  bytes: number,
): Promise<{ readonly facts: ObjectFacts; readonly tail: Uint8Array } | null> {
  const headers = { range: `bytes=-${bytes}` };
  const request = { method: 'GET', key, headers, accept: [404, 416], bytesMax: bytes } as const;
  return client.send(request, (answer) => {
    if (answer.status === 404) return null;
    const where = client.locationOf(key);
    // Nothing has an end that could be read: the object is empty.
    if (answer.status === 416) {
      return { facts: factsOf(answer, where, 0), tail: new Uint8Array() };
    }
    const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers['content-range'] ?? '');
    const [start = 0, last = -1, size = -1] = (match ?? [])
      .slice(1)
      .map((text) => Number.parseInt(text, 10));
    const isWhole = answer.status === 200 && match === null;
    if (isWhole) return { facts: factsOf(answer, where, answer.body.length), tail: answer.body };
    if (last + 1 !== size || answer.body.length !== size - start) {
      throw doubtfulAnswer('The object store answered another range than was asked for.', where);
    }
    return { facts: factsOf(answer, where, size), tail: answer.body };
  });
}

function factsOf(answer: HttpAnswer, where: string, sizeBytes?: number): ObjectFacts {
  const { headers } = answer;
  const declared = sizeBytes ?? Number.parseInt(headers['content-length'] ?? '', 10);
  if (!Number.isSafeInteger(declared) || declared < 0) {
    throw doubtfulAnswer('The object store does not say how long the object is.', where);
  }
  const partBytes = Number.parseInt(headers[partBytesHeader] ?? '', 10);
  return {
    sizeBytes: declared,
    etag: headers['etag'] ?? '',
    sha256: headers[sha256Header] ?? headers['x-amz-checksum-sha256'] ?? null,
    mark: headers[markHeader] ?? null,
    partBytes: Number.isSafeInteger(partBytes) && partBytes > 0 ? partBytes : null,
  };
}

/** Compares a whole body with Firn's own checksum, or else with those of the store. */
function checkContent({ headers, body }: HttpAnswer, where: string): void {
  const own = headers[sha256Header];
  const sha256 = own ?? headers['x-amz-checksum-sha256'];
  const crc = own === undefined ? headers['x-amz-checksum-crc32'] : undefined;
  const isWrong =
    (isOfWhole(sha256) && sha256 !== sha256Base64(body)) ||
    (isOfWhole(crc) && crc !== crc32Base64(body));
  if (isWrong) {
    throw doubtfulAnswer('An object’s content does not have its checksum.', where);
  }
}

function isOfWhole(checksum: string | undefined): checksum is string {
  return checksum !== undefined && !checksum.includes('-');
}

function crc32Base64(content: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(content));
  return bytes.toString('base64');
}

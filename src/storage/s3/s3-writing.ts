/**
 * Writing objects. Every write carries a mark of its own, so that after a lost answer Firn knows
 * its work: an object that is there already, or an upload that is completed already, is ours when
 * it has the mark. The store checks the SHA-256 of every byte it takes.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { S3Client } from './s3-client.ts';
import { answerCode, answerError, answerXml, corruptObject, doubtfulAnswer } from './s3-failure.ts';
import type { HttpAnswer } from '../http/http-exchange.ts';
import {
  headObject,
  markHeader,
  partBytesHeader,
  readObject,
  sha256Base64,
  sha256Header,
} from './s3-reading.ts';
import { encodeXml, xmlText } from './s3-xml.ts';
import { pieceBytes } from './transfer-slots.ts';
import type { TransferSlots } from './transfer-slots.ts';

/** What writing needs. */
export interface WritingParts {
  readonly client: S3Client;
  readonly slots: TransferSlots;
  /** A new UUID. */
  readonly newMark: () => string;
}

/** Parts of one upload at most (Amazon S3 User Guide, "Multipart upload limits"). */
const partsMax = 10_000;
/** Uploads of one file are begun again so often when the store lost track of one. */
const uploadsMax = 3;

/** Stores an object in one request: over what is there or, with `ifAbsent`, in a free place. */
export async function putObject(
  parts: WritingParts,
  object: { readonly key: string; readonly content: Uint8Array; readonly ifAbsent: boolean },
): Promise<'written' | 'exists'> {
  const { client, newMark } = parts;
  const { key, content, ifAbsent } = object;
  const mark = newMark();
  const sha256 = sha256Base64(content);
  const headers = {
    [markHeader]: mark,
    [sha256Header]: sha256,
    'x-amz-checksum-sha256': sha256,
    ...(ifAbsent ? { 'if-none-match': '*' } : {}),
  };
  const sent = { headers, body: content, bodySha256: sha256 };
  const request = { method: 'PUT', key, ...sent, accept: [412] } as const;
  const answer = await client.send(request, (given) => given);
  if (answer.status === 412) {
    // An earlier attempt of ours may be what is there.
    const found = await headObject(client, key);
    return found?.mark === mark ? 'written' : 'exists';
  }
  if (!isConfirmed(answer, { sha256, content })) await readBack(client, key, sha256);
  return 'written';
}

/** Whether the answer shows that the store has what was sent. */
function isConfirmed(
  { headers }: HttpAnswer,
  sent: { readonly sha256: string; readonly content: Uint8Array },
): boolean {
  const told = headers['x-amz-checksum-sha256'];
  if (told !== undefined) return told === sent.sha256;
  const md5 = createHash('md5').update(sent.content).digest('hex');
  return headers['etag']?.replaceAll('"', '') === md5;
}

/** Reads a stored object again: the store said nothing, or something else, of what it took. */
async function readBack(client: S3Client, key: string, sha256: string): Promise<void> {
  const stored = await readObject(client, key, Number.MAX_SAFE_INTEGER);
  if (stored !== null && sha256Base64(stored) === sha256) return;
  throw corruptObject(
    'The object store holds other bytes than it was sent.',
    client.locationOf(key),
  );
}

/** A local file on its way into the store. */
export interface FileUpload {
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** Stores a local file: in one request where it is small, else in parts, a few at a time. */
export async function putFile(parts: WritingParts, upload: FileUpload): Promise<void> {
  if (upload.sizeBytes <= pieceBytes) {
    await parts.slots.run(async () => {
      const content = await readPart(upload, { start: 0, end: upload.sizeBytes });
      await putObject(parts, { key: upload.key, content, ifAbsent: false });
    });
    return;
  }
  for (let count = 1; ; count++) {
    if ((await putInParts(parts, upload)) === 'stored') return;
    if (count < uploadsMax) continue;
    const what = 'The object store lost parts of an upload again and again.';
    throw corruptObject(what, parts.client.locationOf(upload.key));
  }
}

interface Part {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** Of its bytes. */
  readonly sha256: string;
}

/** What a store says of a part, to be repeated to it. */
interface StoredPart {
  readonly number: number;
  readonly etag: string;
  readonly sha256: string;
}

async function putInParts(parts: WritingParts, upload: FileUpload): Promise<'stored' | 'lost'> {
  const { client, slots, newMark } = parts;
  const { key, sizeBytes } = upload;
  const partBytes = Math.max(pieceBytes, Math.ceil(sizeBytes / partsMax));
  const mark = newMark();
  const planned = await planParts(parts, upload, partBytes);
  const begin = {
    method: 'POST',
    key,
    query: [['uploads', '']],
    headers: {
      [markHeader]: mark,
      [partBytesHeader]: String(partBytes),
      [sha256Header]: checksumOf(planned),
      'x-amz-checksum-algorithm': 'SHA256',
    },
  } as const;
  const where = client.locationOf(key);
  const uploadId = await client.send(begin, (answer) => {
    const id = xmlText(answerXml(answer, 'InitiateMultipartUploadResult', where), 'UploadId');
    if (id === null) throw doubtfulAnswer('The object store began an upload without an id.', where);
    return id;
  });
  try {
    const stored: StoredPart[] = [];
    await slots.all(planned, async (part) => {
      stored.push(await putPart(client, { upload, uploadId, part }));
    });
    const ordered = stored.toSorted((left, right) => left.number - right.number);
    const outcome = await complete(client, { key, uploadId, stored: ordered, mark, sizeBytes });
    if (outcome === 'lost') await abandon(client, key, uploadId);
    return outcome;
  } catch (error) {
    await abandon(client, key, uploadId);
    throw error;
  }
}

/** The parts with their checksums, which must be known before the first one is sent. */
async function planParts(
  { slots }: WritingParts,
  upload: FileUpload,
  partBytes: number,
): Promise<readonly Part[]> {
  const planned: Part[] = [];
  for (let start = 0; start < upload.sizeBytes; start += partBytes) {
    const range = { start, end: Math.min(upload.sizeBytes, start + partBytes) };
    const sha256 = await slots.run(async () => sha256Base64(await readPart(upload, range)));
    planned.push({ number: planned.length + 1, ...range, sha256 });
  }
  return planned;
}

/** The SHA-256 of the parts' with their count, as S3 makes it. */
function checksumOf(planned: readonly Part[]): string {
  const together = createHash('sha256');
  for (const { sha256 } of planned) together.update(sha256, 'base64');
  return `${together.digest('base64')}-${planned.length}`;
}

async function putPart(
  client: S3Client,
  sent: { readonly upload: FileUpload; readonly uploadId: string; readonly part: Part },
): Promise<StoredPart> {
  const { upload, uploadId, part } = sent;
  const body = await readPart(upload, part);
  const { sha256 } = part;
  const request = {
    method: 'PUT',
    key: upload.key,
    query: [
      ['partNumber', String(part.number)],
      ['uploadId', uploadId],
    ],
    headers: { 'x-amz-checksum-sha256': sha256 },
    body,
    bodySha256: sha256,
  } as const;
  return client.send(request, ({ headers }) => {
    const etag = headers['etag'];
    const told = headers['x-amz-checksum-sha256'] ?? sha256;
    if (etag === undefined || told !== sha256) {
      const what = 'The object store did not confirm a part as it was sent.';
      throw doubtfulAnswer(what, client.locationOf(upload.key));
    }
    return { number: part.number, etag, sha256 };
  });
}

/**
 * Completes an upload. `lost`: the store does not know the upload, or one of its parts as it
 * confirmed it, and the object is not there either.
 */
async function complete(
  client: S3Client,
  upload: {
    readonly key: string;
    readonly uploadId: string;
    readonly stored: readonly StoredPart[];
    readonly mark: string;
    readonly sizeBytes: number;
  },
): Promise<'stored' | 'lost'> {
  const { key, uploadId, stored, mark, sizeBytes } = upload;
  const list = stored.map(
    ({ number, etag, sha256 }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${encodeXml(etag)}</ETag>` +
      `<ChecksumSHA256>${sha256}</ChecksumSHA256></Part>`,
  );
  const name = 'CompleteMultipartUpload';
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  const xml = `<${name} xmlns="${namespace}">${list.join('')}</${name}>`;
  const request = {
    method: 'POST',
    key,
    query: [['uploadId', uploadId]],
    headers: { 'content-type': 'application/xml' },
    body: Buffer.from(xml),
    accept: [400, 404],
  } as const;
  const where = client.locationOf(key);
  await client.send(request, (answer) => {
    if (answer.status < 300) return answerXml(answer, 'CompleteMultipartUploadResult', where);
    const code = answerCode(answer) ?? '';
    // Lost track, or completed by an earlier attempt of ours: the object itself tells.
    if (/^(NoSuchUpload|InvalidPart|InvalidPartOrder)$/.test(code)) return null;
    throw answerError({ answer, where, nowMs: 0 });
  });
  const found = await headObject(client, key);
  return found?.mark === mark && found.sizeBytes === sizeBytes ? 'stored' : 'lost';
}

/** Gives an upload up, so that its parts take no room. */
async function abandon(client: S3Client, key: string, uploadId: string): Promise<void> {
  const request = {
    method: 'DELETE',
    key,
    query: [['uploadId', uploadId]],
    accept: [404],
  } as const;
  try {
    await client.send(request, () => null);
  } catch {
    // The first failure is the one to tell; what is left is removed at a later start.
  }
}

async function readPart(
  { path }: FileUpload,
  part: { readonly start: number; readonly end: number },
): Promise<Uint8Array> {
  const content = new Uint8Array(part.end - part.start);
  const handle = await open(path, 'r');
  try {
    let filled = 0;
    while (filled < content.length) {
      const { bytesRead } = await handle.read(
        content,
        filled,
        content.length - filled,
        part.start + filled,
      );
      if (bytesRead === 0) throw corruptObject('A file shrank while it was uploaded.', path);
      filled += bytesRead;
    }
    return content;
  } finally {
    await handle.close();
  }
}

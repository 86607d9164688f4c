/**
 * The part of S3 that Firn uses, in memory, for tests that need no other program: objects with
 * conditions and checksums, ranges, lists in pages, uploads in parts. Signatures are not checked;
 * real servers do that.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { errorBody } from './fault-proxy.ts';

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly madeMs: number;
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, Buffer>;
  readonly begunMs: number;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** A store that answers at loopback. */
export interface MemoryS3 {
  readonly endpoint: string;
  readonly objects: ReadonlyMap<string, { readonly body: Buffer }>;
  /** Ids of uploads that were begun and neither completed nor given up. */
  readonly uploads: ReadonlyMap<string, unknown>;
  /** Bytes of objects that were sent. */
  readonly sentBytes: () => number;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

const PAGE = 7;

function digest(kind: 'md5' | 'sha256', body: Buffer): Buffer {
  return createHash(kind).update(body).digest();
}

function failure(status: number, code: string): Answer {
  return { status, body: errorBody(code) };
}

function ownHeaders(message: IncomingMessage): Readonly<Record<string, string>> {
  const pairs = Object.entries(message.headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}

class Bucket {
  readonly objects = new Map<string, Stored>();
  readonly uploads = new Map<string, Upload>();
  sentBytes = 0;
  #ids = 0;

  answer(message: IncomingMessage, body: Buffer): Answer {
    const url = new URL(message.url ?? '', 'http://x');
    const key = decodeURIComponent((message.url ?? '').split('?')[0] ?? '').replace(
      /^\/[^/]*\/?/,
      '',
    );
    const query = url.searchParams;
    const told = message.headers['x-amz-content-sha256'];
    if (told !== digest('sha256', body).toString('hex')) {
      return failure(400, 'XAmzContentSHA256Mismatch');
    }
    const checksum = message.headers['x-amz-checksum-sha256'];
    if (checksum !== undefined && checksum !== digest('sha256', body).toString('base64')) {
      return failure(400, 'BadDigest');
    }
    if (key === '') return query.has('uploads') ? this.#listUploads() : this.#list(query);
    switch (message.method) {
      case 'PUT':
        return query.has('uploadId') ? this.#putPart(query, body) : this.#put(message, key, body);
      case 'POST':
        return query.has('uploads')
          ? this.#begin(message, key)
          : this.#complete(query, body.toString());
      case 'DELETE':
        if (query.has('uploadId')) this.uploads.delete(query.get('uploadId') ?? '');
        else this.objects.delete(key);
        return { status: 204 };
      default:
        return this.#get(message, key);
    }
  }

  #store(key: string, body: Buffer, headers: Readonly<Record<string, string>>): Stored {
    const etag = `"${digest('md5', body).toString('hex')}"`;
    const stored = { body, etag, headers, madeMs: Date.now() };
    this.objects.set(key, stored);
    return stored;
  }

  #put(message: IncomingMessage, key: string, body: Buffer): Answer {
    if (message.headers['if-none-match'] === '*' && this.objects.has(key)) {
      return failure(412, 'PreconditionFailed');
    }
    const sha256 = { 'x-amz-checksum-sha256': digest('sha256', body).toString('base64') };
    const { etag } = this.#store(key, body, { ...ownHeaders(message), ...sha256 });
    return { status: 200, headers: { etag, ...sha256 } };
  }

  #get(message: IncomingMessage, key: string): Answer {
    const stored = this.objects.get(key);
    if (stored === undefined) return failure(404, 'NoSuchKey');
    const { body, etag, headers: own } = stored;
    const condition = message.headers['if-match'];
    if (condition !== undefined && condition !== etag) return failure(412, 'PreconditionFailed');
    const headers = { etag, ...own };
    const range = /^bytes=(\d*)-(\d*)$/.exec(message.headers.range ?? '');
    if (range === null) {
      if (message.method !== 'HEAD') this.sentBytes += body.length;
      return { status: 200, headers: { ...headers, 'content-length': `${body.length}` }, body };
    }
    const [, first = '', last = ''] = range;
    const start = first === '' ? Math.max(0, body.length - Number(last)) : Number(first);
    const end = first === '' || last === '' ? body.length : Math.min(body.length, Number(last) + 1);
    if (start >= end) return failure(416, 'InvalidRange');
    this.sentBytes += end - start;
    const span = `bytes ${start}-${end - 1}/${body.length}`;
    return {
      status: 206,
      headers: { ...headers, 'content-range': span },
      body: body.subarray(start, end),
    };
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? '';
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
    const left = keys.filter((key) => key > after);
    const page = left.slice(0, PAGE);
    const entries = page.map((key) => {
      const { body, madeMs } = this.objects.get(key) ?? { body: Buffer.alloc(0), madeMs: 0 };
      const time = new Date(madeMs).toISOString();
      return `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>${time}</LastModified><Size>${body.length}</Size></Contents>`;
    });
    const next = encodeXmlText(page.at(-1) ?? '');
    const more = left.length > PAGE;
    const tail = more ? `<NextContinuationToken>${next}</NextContinuationToken>` : '';
    const cut = `<EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${tail}`;
    return { status: 200, body: `<ListBucketResult>${cut}${entries.join('')}</ListBucketResult>` };
  }

  #begin(message: IncomingMessage, key: string): Answer {
    const id = `upload-${++this.#ids}`;
    const headers = ownHeaders(message);
    this.uploads.set(id, { key, headers, parts: new Map(), begunMs: Date.now() });
    const name = 'InitiateMultipartUploadResult';
    return { status: 200, body: `<${name}><UploadId>${id}</UploadId></${name}>` };
  }

  #putPart(query: URLSearchParams, body: Buffer): Answer {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload === undefined) return failure(404, 'NoSuchUpload');
    upload.parts.set(Number(query.get('partNumber')), body);
    return { status: 200, headers: { etag: `"${digest('md5', body).toString('hex')}"` } };
  }

  #complete(query: URLSearchParams, xml: string): Answer {
    const id = query.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (upload === undefined) return failure(404, 'NoSuchUpload');
    const named = [...xml.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
    const bodies = named.map(([, number, etag]) => {
      const body = upload.parts.get(Number(number)) ?? Buffer.alloc(0);
      return etag?.includes(digest('md5', body).toString('hex')) === true ? body : null;
    });
    if (bodies.length === 0 || bodies.includes(null)) return failure(400, 'InvalidPart');
    const whole = bodies.filter((body) => body !== null);
    const together = Buffer.concat(whole.map((body) => digest('sha256', body)));
    const sha256 = `${digest('sha256', together).toString('base64')}-${whole.length}`;
    this.#store(upload.key, Buffer.concat(whole), {
      ...upload.headers,
      'x-amz-checksum-sha256': sha256,
    });
    this.uploads.delete(id);
    const name = 'CompleteMultipartUploadResult';
    return { status: 200, body: `<${name}><ETag>"x"</ETag></${name}>` };
  }

  #listUploads(): Answer {
    const entries = [...this.uploads].map(([id, { key, begunMs }]) => {
      const time = new Date(begunMs).toISOString();
      return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${time}</Initiated></Upload>`;
    });
    const name = 'ListMultipartUploadsResult';
    return { status: 200, body: `<${name}>${entries.join('')}</${name}>` };
  }
}

function encodeXmlText(text: string): string {
  return text.replace(/[&<>"'\n]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Starts an empty store; every bucket's name is that of the one bucket it has. */
export async function startMemoryS3(): Promise<MemoryS3> {
  const bucket = new Bucket();
  const server = createServer((message, outgoing) => {
    const parts: Buffer[] = [];
    message.on('data', (part: Buffer) => parts.push(part));
    message.on('end', () => {
      const { status, headers, body } = bucket.answer(message, Buffer.concat(parts));
      outgoing.writeHead(status, headers).end(message.method === 'HEAD' ? undefined : body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects: bucket.objects,
    uploads: bucket.uploads,
    sentBytes: () => bucket.sentBytes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * The S3 object store against real S3-compatible servers: the contract of object stores, and what
 * only this store does: objects in parts, copies in part, its own lost answers.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createS3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import type { S3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import { S3_SERVERS, startS3Server } from '../../tools/servers/s3-server.ts';
import type { RunningS3Server, S3ServerKind } from '../../tools/servers/s3-server.ts';
import { objectStoreConformance, rejectsWith } from '../conformance/object-store.ts';
import { s3FaultSuite } from '../conformance/object-store-s3-faults.ts';
import { makeBucket, storeOptions, testClient } from '../support/s3-bucket.ts';
import { pythonSkip } from './pyiceberg.ts';

const skip = pythonSkip();
const MIB = 1024 * 1024;

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0, state = 7; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

function onServer(kind: S3ServerKind): void {
  const folder = mkdtempSync(join(tmpdir(), `firn-${kind}-`));
  let server: RunningS3Server | null = null;
  const endpoint = (): string => server?.endpoint ?? '';
  before(async () => {
    server = await startS3Server(kind, folder);
    await makeBucket(server.endpoint);
  });
  after(async () => {
    await server?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const make = async () => {
    const scratch = await mkdtemp(join(folder, 'scratch-'));
    const store = createS3ObjectStore(storeOptions(endpoint(), join(scratch, 'copies')));
    const close = async (): Promise<void> => {
      await store.close();
      await rm(scratch, { recursive: true });
    };
    return { store, scratch, close };
  };
  // moto's web framework takes no line break in a path.
  const cannotHold = (name: string): boolean => kind === 'moto' && name.includes('\n');
  objectStoreConformance(`S3 on ${kind}`, make, cannotHold);
  s3FaultSuite(kind, endpoint);

  const withStore: WithStore = (title, body) => {
    test(title, async () => {
      const { store, scratch, close } = await make();
      try {
        await body(store, scratch);
      } finally {
        await close();
      }
    });
  };

  wholeFiles(withStore);
  partialFiles(withStore);
  copies(withStore);
  hygiene(withStore, endpoint);
}

type WithStore = (
  title: string,
  body: (store: S3ObjectStore, scratch: string) => Promise<void>,
) => void;

function wholeFiles(withStore: WithStore): void {
  withStore('a large file goes in parts and comes back whole', async (store, scratch) => {
    const content = noise(19 * MIB + 11);
    const local = join(scratch, 'large');
    await writeFile(local, content);
    deepEqual(await store.upload(local, `${store.root}/large`), { sizeBytes: content.length });
    const file = await store.materialise(`${store.root}/large`);
    equal(file.sizeBytes, content.length);
    equal(Buffer.compare(await readFile(file.path), content), 0);
    await file.release();
    equal(Buffer.compare(await store.read(`${store.root}/large`), content), 0);
  });
}

function partialFiles(withStore: WithStore): void {
  withStore('only the end and what is asked for is fetched', async (store) => {
    const content = noise(12 * MIB);
    const location = `${store.root}/columns`;
    await store.write(location, content);
    const file = await store.materialise(location, { tailBytes: 1000 });
    const at = async (start: number, length: number): Promise<Uint8Array> => {
      const handle = await open(file.path, 'r');
      try {
        const { buffer } = await handle.read(Buffer.alloc(length), 0, length, start);
        return buffer;
      } finally {
        await handle.close();
      }
    };
    equal(file.sizeBytes, content.length);
    equal((await stat(file.path)).size, content.length);
    const end = content.length - 1000;
    equal(Buffer.compare(await at(end, 1000), content.subarray(end)), 0);
    ok((await at(0, 1000)).every((byte) => byte === 0));
    const ranges = [
      { start: 5000, end: 6000 },
      { start: 3 * MIB, end: 4 * MIB },
    ];
    await file.fetch?.(ranges);
    for (const { start, end: stop } of ranges) {
      equal(Buffer.compare(await at(start, stop - start), content.subarray(start, stop)), 0);
    }
    ok((await stat(file.path)).blocks * 512 < 2 * MIB);
    await file.release();
    const whole = await store.materialise(location);
    equal(Buffer.compare(await readFile(whole.path), content), 0);
    await whole.release();
  });
}

function copies(withStore: WithStore): void {
  withStore('an empty object has an empty file, whole or in part', async (store) => {
    await store.write(`${store.root}/empty`, new Uint8Array());
    for (const options of [{}, { tailBytes: 100 }]) {
      const file = await store.materialise(`${store.root}/empty`, options);
      equal((await readFile(file.path)).length, 0);
      await file.release();
    }
  });

  withStore(
    'spec: T3 copies that nobody holds take no more than their room',
    async (store, scratch) => {
      for (let index = 0; index < 12; index++) {
        const location = `${store.root}/${index}`;
        await store.write(location, noise(7 * MIB));
        const file = await store.materialise(location);
        await file.release();
      }
      const { size } = await folderSize(join(scratch, 'copies'));
      ok(size <= 64 * MIB, `${size} bytes of copies`);
      ok(size >= 56 * MIB, 'as many as there is room for are kept');
    },
  );

  withStore('what an object was replaced by is materialised', async (store) => {
    for (const text of ['first', 'second and longer']) {
      await store.write(`${store.root}/state`, Buffer.from(text));
      const file = await store.materialise(`${store.root}/state`);
      equal(await readFile(file.path, 'utf8'), text);
      await file.release();
    }
  });
}

function hygiene(withStore: WithStore, endpoint: () => string): void {
  withStore('spec: T5 keys that have no location are neither listed nor touched', async (store) => {
    const client = testClient(endpoint());
    const prefix = store.root.split('/').slice(3).join('/');
    await store.write(`${store.root}/a/b`, Buffer.from('1'));
    for (const key of [`${prefix}/folder/`, `${prefix}/a//b`]) {
      await client.send({ method: 'PUT', key, body: new Uint8Array(), accept: [400] }, () => null);
    }
    const found: string[] = [];
    for await (const { location } of store.list(store.root)) found.push(location);
    deepEqual(found, [`${store.root}/a/b`]);
  });

  withStore('a bucket that is not there has a code of its own', async (_store, scratch) => {
    const options = storeOptions(endpoint(), scratch);
    const store = createS3ObjectStore({ ...options, warehouse: 's3://firn-no-bucket/x' });
    await rejectsWith('STORAGE-REMOTE-NO-BUCKET', () => store.read(`${store.root}/a`));
  });
}

async function folderSize(folder: string): Promise<{ readonly size: number }> {
  const { readdir } = await import('node:fs/promises');
  let size = 0;
  for (const name of await readdir(folder)) size += (await stat(join(folder, name))).blocks * 512;
  return { size };
}

for (const kind of S3_SERVERS) describe(kind, { skip }, () => onServer(kind));

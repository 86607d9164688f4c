/**
 * What an S3 object store must do on a bad network and over a store that fails: end equal or with a
 * coded error, within a bound, and never count its own work as another's. The faults come from a
 * proxy in front of whatever store the suite is given.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createS3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import type { S3ObjectStore, S3ObjectStoreOptions } from '../../src/storage/s3/s3-object-store.ts';
import { errorBody, startFaultProxy } from '../support/fault-proxy.ts';
import type { Fault, FaultProxy, Passing } from '../support/fault-proxy.ts';
import { storeOptions, testCredentials } from '../support/s3-bucket.ts';
import { HURRIED, proxiedStores } from '../support/s3-proxied.ts';
import type { ProxiedStore, WithProxy } from '../support/s3-proxied.ts';
import { s3FaultSwarm } from './object-store-s3-swarm.ts';
import { listedNames, rejectsWith } from './object-store.ts';

const MIB = 1024 * 1024;
/** Requests of one operation at most: seven attempts, and what recognises our own work. */
const REQUESTS_MAX = 20;

const slowDown: Fault = { kind: 'answer', status: 503, body: errorBody('SlowDown') };
const applied: Fault = { kind: 'refused', status: 500, body: errorBody('InternalError') };

/** Disturbs the first `count` exchanges that match. */
function first(
  count: number,
  fault: Fault,
  isMeant: (passing: Passing) => boolean = () => true,
): (passing: Passing) => Fault | null {
  let left = count;
  return (passing) => (isMeant(passing) && left-- > 0 ? fault : null);
}

const isPut = ({ method }: Passing): boolean => method === 'PUT';
const isRead = ({ method }: Passing): boolean => method === 'GET' || method === 'HEAD';
const isComplete = ({ method, target }: Passing): boolean =>
  method === 'POST' && target.includes('uploadId=');

function large(length = 9 * MIB): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 997) bytes[at] = (at * 31) & 0xff;
  return bytes;
}

/** Runs the suite; `endpoint` is that of a running store with the test bucket. */
export function s3FaultSuite(name: string, endpoint: () => string): void {
  const withProxy = proxiedStores(endpoint);
  describe(`S3 under faults: ${name}`, () => {
    ownRetries(withProxy);
    storms(withProxy);
    damage(withProxy);
    otherVersions(withProxy);
    uploads(withProxy);
    credentials(endpoint);
    s3FaultSwarm(withProxy);
  });
}

function ownRetries(withProxy: WithProxy): void {
  for (const [what, fault] of [
    ['a lost answer', { kind: 'lost' }],
    ['a 500 for a write that was done', applied],
  ] as const) {
    withProxy(`spec: T2 ${what} to an exclusive write is found to be our own`, async (under) => {
      const { store, plain, proxy } = under;
      const location = `${store.root}/owner`;
      proxy.plan = first(2, fault, isPut);
      equal(await store.write(location, Buffer.from('me'), { ifAbsent: true }), 'written');
      equal(await store.write(location, Buffer.from('me'), { ifAbsent: true }), 'exists');
      deepEqual(await listedNames(plain, store.root), [location]);
    });
  }

  withProxy(
    'a write that lost against another one, and its answer, does not win',
    async (under) => {
      const { store, plain, proxy } = under;
      const location = `${store.root}/owner`;
      equal(await plain.write(location, Buffer.from('other'), { ifAbsent: true }), 'written');
      proxy.plan = first(2, { kind: 'lost' }, isPut);
      equal(await store.write(location, Buffer.from('other'), { ifAbsent: true }), 'exists');
    },
  );
}

function storms(withProxy: WithProxy): void {
  withProxy('a storm of 503 SlowDown passes', async ({ store, proxy }) => {
    proxy.plan = first(5, slowDown);
    equal(await store.write(`${store.root}/a`, Buffer.from('1')), 'written');
    proxy.plan = first(5, { kind: 'reset' });
    equal(Buffer.from(await store.read(`${store.root}/a`)).toString(), '1');
    proxy.plan = first(5, { kind: 'answer', status: 502, body: 'bad gateway' });
    deepEqual(await listedNames(store, store.root), [`${store.root}/a`]);
  });

  withProxy('an error in an answer of 200 is no success', async ({ store, plain, proxy }) => {
    const inside: Fault = { kind: 'answer', status: 200, body: errorBody('InternalError') };
    proxy.plan = first(2, inside);
    equal(await store.write(`${store.root}/a`, Buffer.from('1')), 'written');
    equal(Buffer.from(await plain.read(`${store.root}/a`)).toString(), '1');
    proxy.plan = first(2, inside);
    await store.remove(`${store.root}/a`);
    equal(await plain.readIfPresent(`${store.root}/a`), null);
  });

  withProxy(
    'spec: T3 a storm that does not end is an error after a bounded number',
    async (under) => {
      const { store, proxy, scratch } = under;
      await writeFile(join(scratch, 'f'), 'rows');
      proxy.plan = () => slowDown;
      const location = `${store.root}/a`;
      for (const act of [
        () => store.write(location, Buffer.from('1'), { ifAbsent: true }),
        () => store.read(location),
        () => store.materialise(location),
        () => store.materialise(location, { tailBytes: 9 }),
        () => store.upload(join(scratch, 'f'), location),
        () => store.remove(location),
        () => listedNames(store, store.root),
      ]) {
        const before = proxy.count();
        await rejectsWith('STORAGE-REMOTE-FAILED', act);
        ok(proxy.count() - before <= REQUESTS_MAX, `${proxy.count() - before} requests`);
      }
      equal(await readFile(join(scratch, 'f'), 'utf8'), 'rows');
      proxy.plan = () => null;
      deepEqual(await listedNames(store, store.root), []);
    },
  );
}

function damage(withProxy: WithProxy): void {
  withProxy('cut and garbled bodies are read again', async ({ store, proxy }) => {
    const content = large(300_000);
    await store.write(`${store.root}/a`, content);
    for (const kind of ['cut', 'garbled'] as const) {
      proxy.plan = first(2, { kind }, ({ method }) => method === 'GET');
      equal(Buffer.compare(await store.read(`${store.root}/a`), content), 0, kind);
      proxy.plan = first(2, { kind }, ({ method }) => method === 'GET');
      const file = await store.materialise(`${store.root}/a`);
      equal(Buffer.compare(await readFile(file.path), content), 0, kind);
      await file.release();
    }
  });

  withProxy(
    'spec: T4 content that stays wrong is an error, not content',
    async ({ store, proxy }) => {
      await store.write(`${store.root}/a`, large(1000));
      proxy.plan = ({ method }) => (method === 'GET' ? { kind: 'garbled' } : null);
      await rejectsWith('STORAGE-REMOTE-FAILED', () => store.read(`${store.root}/a`));
      await rejectsWith('STORAGE-REMOTE-FAILED', () => store.materialise(`${store.root}/a`));
    },
  );
}

function otherVersions(withProxy: WithProxy): void {
  withProxy('a wrong ETag neither loses a write nor mixes two objects', async (under) => {
    const { store, plain, proxy } = under;
    const content = large();
    const etag: Fault = {
      kind: 'header',
      name: 'etag',
      value: '"0123456789abcdef0123456789abcdef"',
    };
    proxy.plan = first(1, etag, isPut);
    equal(await store.write(`${store.root}/small`, Buffer.from('1')), 'written');
    equal(Buffer.from(await plain.read(`${store.root}/small`)).toString(), '1');
    await plain.write(`${store.root}/large`, content);
    proxy.plan = first(1, etag, isRead);
    const file = await store.materialise(`${store.root}/large`);
    equal(Buffer.compare(await readFile(file.path), content), 0);
    await file.release();
    proxy.plan = ({ method }) => (method === 'HEAD' ? etag : null);
    await plain.write(`${store.root}/other`, content);
    await rejectsWith('STORAGE-REMOTE-CORRUPT', () => store.materialise(`${store.root}/other`));
  });

  withProxy('a piece of an object in parts that is garbled is fetched again', async (under) => {
    const { store, proxy, scratch } = under;
    const content = large();
    await writeFile(join(scratch, 'large'), content);
    await store.upload(join(scratch, 'large'), `${store.root}/large`);
    proxy.plan = first(1, { kind: 'garbled' }, ({ method }) => method === 'GET');
    const file = await store.materialise(`${store.root}/large`);
    equal(Buffer.compare(await readFile(file.path), content), 0);
    await file.release();
  });

  withProxy('pieces of two objects are never in one file', async ({ store, plain }) => {
    await store.write(`${store.root}/a`, large(200_000));
    const file = await store.materialise(`${store.root}/a`, { tailBytes: 100 });
    await plain.write(`${store.root}/a`, new Uint8Array(200_000));
    const rest = [{ start: 0, end: 100_000 }];
    await rejectsWith('STORAGE-REMOTE-CORRUPT', async () => file.fetch?.(rest));
    await plain.remove(`${store.root}/a`);
    await rejectsWith('STORAGE-REMOTE-CORRUPT', async () => file.fetch?.(rest));
    await file.release();
  });

  withProxy('a list that is cut, or no list, is asked for again', async ({ store, proxy }) => {
    for (let index = 0; index < 9; index++) {
      await store.write(`${store.root}/${index}`, Buffer.from('x'));
    }
    const expected = Array.from({ length: 9 }, (_, index) => `${store.root}/${index}`);
    for (const fault of [
      { kind: 'cut' },
      { kind: 'answer', status: 200, body: '<ListBucketResult><Contents>' },
      { kind: 'answer', status: 200, body: errorBody('InternalError') },
    ] as const) {
      proxy.plan = first(2, fault);
      deepEqual(await listedNames(store, store.root), expected);
    }
  });
}

function uploads(withProxy: WithProxy): void {
  const uploaded = async (
    { store, plain, scratch }: ProxiedStore,
    content = large(),
  ): Promise<void> => {
    const path = join(scratch, 'large');
    await writeFile(path, content);
    deepEqual(await store.upload(path, `${store.root}/large`), { sizeBytes: content.length });
    equal(Buffer.compare(await plain.read(`${store.root}/large`), content), 0);
    deepEqual(await listedNames(plain, store.root), [`${store.root}/large`]);
  };

  withProxy('200 with an error inside does not complete an upload', async (under) => {
    const body = ` \n${errorBody('InternalError')}`;
    under.proxy.plan = first(2, { kind: 'answer', status: 200, body }, isComplete);
    await uploaded(under);
  });

  withProxy('an upload whose completion was done and not answered is stored', async (under) => {
    under.proxy.plan = first(1, { kind: 'lost' }, isComplete);
    await uploaded(under);
    under.proxy.plan = first(2, applied, isComplete);
    await uploaded(under);
  });

  withProxy('a part confirmed with a wrong ETag is sent again', async (under) => {
    const etag: Fault = {
      kind: 'header',
      name: 'etag',
      value: '"0123456789abcdef0123456789abcdef"',
    };
    under.proxy.plan = first(1, etag, ({ target }) => target.includes('partNumber='));
    await uploaded(under);
  });

  withProxy('a failed upload leaves the file here and nothing there', async (under) => {
    const { store, plain, proxy, scratch } = under;
    const path = join(scratch, 'large');
    await writeFile(path, large());
    proxy.plan = ({ target }) => (target.includes('partNumber=2') ? slowDown : null);
    await rejectsWith('STORAGE-REMOTE-FAILED', () => store.upload(path, `${store.root}/large`));
    equal((await stat(path)).size, large().length);
    deepEqual(await listedNames(plain, store.root), []);
  });
}

function credentials(endpoint: () => string): void {
  const withKeys = async (
    keys: S3ObjectStoreOptions['credentials'],
    body: (store: S3ObjectStore, proxy: FaultProxy, scratch: string) => Promise<void>,
  ): Promise<void> => {
    await using proxy = await startFaultProxy(endpoint());
    const scratch = await mkdtemp(join(tmpdir(), 'firn-s3-faults-'));
    const options = storeOptions(proxy.endpoint, join(scratch, 'copies'));
    try {
      const store = createS3ObjectStore({ ...options, clock: HURRIED, credentials: keys });
      await body(store, proxy, scratch);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
  const expired: Fault = { kind: 'answer', status: 400, body: errorBody('ExpiredToken') };
  const isOld = ({ headers }: Passing): boolean => headers['x-amz-meta-keys'] === undefined;

  test('spec: T6 keys that expire in the middle of an upload are read again', async () => {
    let reads = 0;
    const keys = async () => {
      reads++;
      return testCredentials();
    };
    await withKeys(keys, async (store, proxy, scratch) => {
      const path = join(scratch, 'large');
      await writeFile(path, large());
      proxy.plan = first(2, expired, (passing) => passing.target.includes('partNumber=2'));
      await store.upload(path, `${store.root}/large`);
      equal((await store.read(`${store.root}/large`)).length, large().length);
      equal(reads, 3);
      proxy.plan = first(
        1,
        { kind: 'answer', status: 400, body: '' },
        ({ method }) => method === 'HEAD',
      );
      await (await store.materialise(`${store.root}/large`)).release();
    });
  });

  test('keys that stay expired are an error that names them', async () => {
    await withKeys(testCredentials, async (store, proxy) => {
      proxy.plan = (passing) => (isOld(passing) ? expired : null);
      await rejectsWith('STORAGE-REMOTE-CREDENTIALS', () => store.read(`${store.root}/a`));
      ok(proxy.count() <= REQUESTS_MAX);
      const denied: Fault = { kind: 'answer', status: 403, body: errorBody('AccessDenied') };
      proxy.plan = () => denied;
      const before = proxy.count();
      await rejectsWith('STORAGE-REMOTE-DENIED', () => store.read(`${store.root}/a`));
      equal(proxy.count() - before, 1);
      const skewed = errorBody('RequestTimeTooSkewed');
      proxy.plan = () => ({ kind: 'answer', status: 403, body: skewed });
      await rejectsWith('STORAGE-REMOTE-CLOCK', () => store.read(`${store.root}/a`));
    });
  });
}

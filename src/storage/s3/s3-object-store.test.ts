/** The S3 object store obeys the contract of object stores, here over S3 in memory. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { objectStoreConformance } from '../../../test/conformance/object-store.ts';
import { startMemoryS3 } from '../../../test/support/memory-s3.ts';
import { storeOptions } from '../../../test/support/s3-bucket.ts';
import { systemClock } from '../../kernel/clock.ts';
import { createS3ObjectStore } from './s3-object-store.ts';

objectStoreConformance('S3 in memory', async () => {
  const server = await startMemoryS3();
  const scratch = await mkdtemp(join(tmpdir(), 'firn-s3-'));
  const store = createS3ObjectStore(storeOptions(server.endpoint, join(scratch, 'copies')));
  const close = async (): Promise<void> => {
    await store.close();
    await rm(scratch, { recursive: true });
    await server[Symbol.asyncDispose]();
  };
  return { store, scratch, close };
});

test('uploads that nobody completes are given up after a day', async () => {
  await using server = await startMemoryS3();
  const options = storeOptions(server.endpoint, join(tmpdir(), 'firn-s3-none'));
  const key = `${options.warehouse.split('/').slice(3).join('/')}/data/x`;
  const begin = { method: 'POST', headers: { 'x-amz-content-sha256': emptySha256 } };
  await fetch(`${server.endpoint}/bucket/${key}?uploads=`, begin);
  await fetch(`${server.endpoint}/bucket/elsewhere?uploads=`, begin);
  equal(server.uploads.size, 2);
  const young = createS3ObjectStore(options);
  equal(await young.removeLeftovers?.(), 0);
  const nowMs = (): number => systemClock.nowMs() + 25 * 3600 * 1000;
  const late = createS3ObjectStore({ ...options, clock: { ...systemClock, nowMs } });
  equal(await late.removeLeftovers?.(), 1);
  deepEqual([...server.uploads.keys()], ['upload-2']);
});

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a copy that was taken away is made again', async (t) => {
  await using server = await startMemoryS3();
  const folder = await mkdtemp(join(tmpdir(), 'firn-s3-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const store = createS3ObjectStore(storeOptions(server.endpoint, folder));
  const location = `${store.root}/a`;
  await store.write(location, Buffer.from('content'));
  const first = await store.materialise(location);
  await first.release();
  await rm(first.path);
  const [left, right] = await Promise.all([
    store.materialise(location),
    store.materialise(location),
  ]);
  equal(await readFile(left.path, 'utf8'), 'content');
  equal(await readFile(right.path, 'utf8'), 'content');
  const before = server.sentBytes();
  const again = await store.materialise(location, { tailBytes: 3 });
  ok(server.sentBytes() === before, 'what is there is not fetched again');
  for (const file of [left, right, again]) await file.release();
});

/** S3 object stores behind a fault proxy, for the tests of what they do on a bad network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { createS3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import type { S3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { storeOptions } from './s3-bucket.ts';

/** Pauses a hundredth as long; time-outs as they are. */
export const HURRIED: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms > 60_000 ? ms : ms / 100, signal),
};

/** A store behind a proxy. */
export interface ProxiedStore {
  readonly store: S3ObjectStore;
  /** The same objects without the proxy. */
  readonly plain: S3ObjectStore;
  readonly proxy: FaultProxy;
  readonly scratch: string;
}

/** Declares a test with a proxied store of its own. */
export type WithProxy = (title: string, body: (under: ProxiedStore) => Promise<void>) => void;

/** Tests over new prefixes of the store that answers at `endpoint`. */
export function proxiedStores(endpoint: () => string): WithProxy {
  return (title, body) => {
    test(title, async () => {
      await using proxy = await startFaultProxy(endpoint());
      const scratch = await mkdtemp(join(tmpdir(), 'firn-s3-faults-'));
      const options = { ...storeOptions(proxy.endpoint, join(scratch, 'copies')), clock: HURRIED };
      const store = createS3ObjectStore(options);
      const beside = { ...options, endpoint: endpoint(), copyFolder: join(scratch, 'plain') };
      const plain = createS3ObjectStore(beside);
      try {
        await body({ store, plain, proxy, scratch });
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    });
  };
}

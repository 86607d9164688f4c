/** A bucket of a real S3-compatible server, and stores over it, for tests. */
import { systemClock } from '../../src/kernel/clock.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { bucketAddress } from '../../src/storage/s3/s3-address.ts';
import { S3Client } from '../../src/storage/s3/s3-client.ts';
import type { S3ObjectStoreOptions } from '../../src/storage/s3/s3-object-store.ts';
import { S3_KEYS } from '../../tools/servers/s3-server.ts';

/** The bucket that tests use; each test has a prefix of its own in it. */
export const TEST_BUCKET = 'firn-tests';

/** Keys that test servers take. */
export async function testCredentials() {
  return { ...S3_KEYS, sessionToken: null };
}

/** A client of the test bucket. */
export function testClient(endpoint: string): S3Client {
  const where = { endpoint, region: 'us-east-1', pathStyle: null };
  return new S3Client({
    address: bucketAddress(TEST_BUCKET, where),
    region: where.region,
    credentials: testCredentials,
    clock: systemClock,
    random: systemRandom,
  });
}

/** Makes the test bucket. */
export async function makeBucket(endpoint: string): Promise<void> {
  await testClient(endpoint).send({ method: 'PUT', key: null, accept: [409] }, () => null);
}

/** Options of a store over a new prefix of the test bucket. */
export function storeOptions(endpoint: string, copyFolder: string): S3ObjectStoreOptions {
  return {
    warehouse: `s3://${TEST_BUCKET}/${uuidV7(systemClock, systemRandom)}`,
    endpoint,
    region: 'us-east-1',
    pathStyle: null,
    credentials: testCredentials,
    clock: systemClock,
    random: systemRandom,
    copyFolder,
    copyBytesMax: 64 * 1024 * 1024,
  };
}

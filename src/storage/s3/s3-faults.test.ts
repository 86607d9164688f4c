/** The S3 object store on a bad network, over S3 in memory. */
import { after, before } from 'node:test';
import { s3FaultSuite } from '../../../test/conformance/object-store-s3-faults.ts';
import { startMemoryS3 } from '../../../test/support/memory-s3.ts';
import type { MemoryS3 } from '../../../test/support/memory-s3.ts';

let server: MemoryS3 | null = null;
before(async () => {
  server = await startMemoryS3();
});
after(() => server?.[Symbol.asyncDispose]());

s3FaultSuite('in memory', () => server?.endpoint ?? '');

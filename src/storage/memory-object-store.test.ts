/** The in-memory store obeys the contract of object stores. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectStoreConformance } from '../../test/conformance/object-store.ts';
import { createMemoryObjectStore } from './memory-object-store.ts';

for (const root of ['memory://lake', 'file:///lake/of/tests']) {
  objectStoreConformance(`memory (${root})`, async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'firn-memory-store-'));
    return {
      store: createMemoryObjectStore(root, { stageFolder: scratch }),
      scratch,
      close: () => rm(scratch, { recursive: true }),
    };
  });
}

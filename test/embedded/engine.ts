/** A running embedded engine over a store in memory, for tests of its parts. */
import type { TestContext } from 'node:test';
import { mkdir } from 'node:fs/promises';
import type { FileContext } from '../../src/engines/embedded/parquet-writer.ts';
import { openEngine } from '../../src/engines/embedded/open-engine.ts';
import type { OpenEngine } from '../../src/engines/embedded/open-engine.ts';
import type { DataFile } from '../../src/iceberg/manifest.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import { temporaryFolder } from './rows.ts';

/** What tests of the engine's parts start with. */
export interface EngineParts {
  readonly engine: OpenEngine;
  readonly files: FileContext;
  /** Answers a query in which `FILE` stands for a file's local path. */
  readonly query: (file: DataFile, sql: string) => Promise<unknown[][]>;
}

/** Opens DuckDB in a temporary folder; closed and removed after the test. */
export async function openParts(
  context: TestContext,
  memory: { readonly memoryBytesMax?: number; readonly statementBytesMax?: number } = {},
): Promise<EngineParts> {
  const folder = await temporaryFolder(context);
  const filesFolder = `${folder}/files`;
  await mkdir(filesFolder);
  const engine = await openEngine({
    threads: 2,
    memoryBytesMax: 512 * 1024 * 1024,
    ...memory,
    spillFolder: `${folder}/spill`,
    spillBytesMax: 1024 * 1024 * 1024,
    folders: [folder],
    files: [],
  });
  const { instance } = engine;
  context.after(() => instance.close());
  const store = createMemoryObjectStore('memory://lake', { stageFolder: `${folder}/store` });
  return {
    engine,
    files: { store, clock: systemClock, random: seededRandom(7), filesFolder },
    async query(file, sql) {
      const local = await store.materialise(file.filePath);
      const connection = await instance.connect();
      const reader = await connection.runAndReadAll(sql.replaceAll('FILE', `'${local.path}'`));
      connection.closeSync();
      return reader.getRowsJson();
    },
  };
}

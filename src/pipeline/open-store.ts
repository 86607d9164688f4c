/** The object store that a pipeline file asks for, and what `check` says of one on S3. */
import { join } from 'node:path';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import type { SecretReader } from '../config/secret-reference.ts';
import { HASHED_LAYOUT } from '../iceberg/layout/hashed-layout.ts';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { Random } from '../kernel/random.ts';
import type { RetryPolicy } from '../kernel/retry.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Finding } from '../ports/source.ts';
import type { ScopedKeys } from '../storage/s3/s3-client.ts';
import { readS3Credentials } from './secrets/s3-credentials.ts';

/** What a store is opened with. */
export interface StoreParts {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Needed by a store with keys, and called each time they are refused. */
  readonly readSecret?: SecretReader;
  /** Keys for parts of the warehouse, asked before its own. */
  readonly scopedKeys?: ScopedKeys;
}

/** A store with its local files. */
export interface OpenedStore {
  readonly store: ObjectStore;
  /** Absolute local folders in which the store materialises files, beside its own root. */
  readonly readFolders: readonly string[];
  /** Removes what the store materialised. */
  close(): Promise<void>;
}

/** Opens the store of the warehouse; nothing is asked of it yet. */
export async function openStore(
  parts: StoreParts,
  retryPolicy?: RetryPolicy,
): Promise<OpenedStore> {
  const { config, clock, random, readSecret, scopedKeys } = parts;
  const { warehouse, s3 } = config.lake;
  if (s3 === null) {
    const { createLocalObjectStore } = await import('../storage/local-object-store.ts');
    const store = createLocalObjectStore({ folder: warehouse, clock, random });
    return { store, readFolders: [], close: () => Promise.resolve() };
  }
  const { createS3ObjectStore } = await import('../storage/s3/s3-object-store.ts');
  const { ownCopyFolder } = await import('../storage/s3/copy-folder.ts');
  const copyFolder = await ownCopyFolder(s3.stage, { clock, random });
  const store = createS3ObjectStore({
    warehouse,
    endpoint: s3.endpoint,
    region: s3.region,
    pathStyle: s3.pathStyle,
    credentials: () => readS3Credentials(s3, readSecret),
    ...(scopedKeys === undefined ? {} : { scoped: scopedKeys }),
    clock,
    random,
    copyFolder,
    copyBytesMax: s3.cacheBytes,
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
  });
  return { store, readFolders: [copyFolder], close: () => store.close() };
}

/** A person waits for the answer. */
const checkPolicy: RetryPolicy = { attemptsMax: 3, pauseMs: 200, pauseMsMax: 1000 };

/**
 * What stands in the way of a warehouse on S3: writes one small object, lets a second writer lose
 * against it, finds it in the list, reads and removes it. A local warehouse has no findings here.
 */
export async function checkStore(parts: StoreParts): Promise<readonly Finding[]> {
  if (parts.config.lake.s3 === null) return [];
  const about = { code: 'warehouse', table: null } as const;
  const { warehouse } = parts.config.lake;
  try {
    const opened = await openStore(parts, checkPolicy);
    try {
      await tryStore(opened.store, uuidV7(parts.clock, parts.random));
    } finally {
      await opened.close();
    }
    const message = `The lake can be read, written, listed and cleaned: ${warehouse}`;
    return [{ ...about, severity: 'ok', message, fix: null }];
  } catch (error) {
    if (!(error instanceof FirnError)) throw error;
    const message = `The lake at ${warehouse} cannot be used: ${error.message}`;
    return [{ ...about, severity: 'error', code: error.code, message, fix: null }];
  }
}

async function tryStore(store: ObjectStore, uuid: string): Promise<void> {
  const folder = `${store.root}/_firn/check`;
  const location = `${folder}/${uuid}`;
  const content = Buffer.from(uuid);
  const refused = (what: string): FirnError =>
    new FirnError('STORAGE-REMOTE-REFUSED', { what, where: store.root });
  const first = await store.write(location, content, { ifAbsent: true });
  try {
    const second = await store.write(location, Buffer.from('second'), { ifAbsent: true });
    if (first !== 'written' || second !== 'exists') {
      throw refused('The object store ignores If-None-Match: two writers could both win');
    }
    if (Buffer.compare(await store.read(location), content) !== 0) {
      throw refused('The object store gives back other content than was written');
    }
    for await (const found of store.list(folder)) if (found.location === location) return;
    throw refused('The object store does not list what was written');
  } finally {
    await store.remove(location);
  }
}

/** The folder in which an engine stages files, of this use alone. */
export function stageFolderOf(config: PipelineConfig, use: string): string | null {
  const { s3 } = config.lake;
  return s3 === null ? null : join(s3.stage, 'work', use);
}

/** Properties of new tables that follow from where the lake lies. */
export function newTableProperties({ lake }: PipelineConfig): Readonly<Record<string, string>> {
  return lake.s3?.hashedLayout === true ? HASHED_LAYOUT : {};
}

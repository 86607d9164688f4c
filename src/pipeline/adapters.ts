/**
 * The one place that knows which adapter a pipeline file asks for. Adapters are imported only when
 * they are used: reading the status of a pipeline loads no engine.
 */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { availableParallelism, hostname, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { unreachable } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Random } from '../kernel/random.ts';
import type {
  LakeConfig,
  PipelineConfig,
  RestCatalogConfig,
  SqliteCatalogConfig,
} from '../config/pipeline-config.ts';
import type { SecretReader } from '../config/secret-reference.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { RowEngine } from '../ports/row-engine.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import type { ChangeSource } from '../ports/source.ts';
import type { MysqlConfig } from './secrets/mysql-address.ts';
import { openStore, stageFolderOf } from './open-store.ts';
import type { OpenedStore } from './open-store.ts';
import type { SqliteCatalogOptions } from '../storage/sqlite-catalog.ts';
import type { MysqlChangeSource } from '../sources/mysql/source.ts';
import type { GuardedCatalog } from '../storage/warehouse-guard.ts';

/** What adapters are made with. */
export interface AdapterParts {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Needed by sources with a password, and called each time they connect. */
  readonly readSecret?: SecretReader;
}

/** Storage and catalog of a pipeline's lake. */
export interface OpenedLake extends OpenedStore {
  readonly catalog: Catalog;
}

/** The same lake as the REST server offers it to other engines. */
export interface ServedLake extends OpenedStore {
  readonly catalog: ServedCatalog;
  /** How clients reach the files, in the names that Java and PyIceberg know; keys are their own. */
  readonly clientConfig: Readonly<Record<string, string>>;
}

/** Opens storage and catalog, and makes sure that they belong together. */
export async function openLake(parts: AdapterParts): Promise<OpenedLake> {
  const { catalog: chosen } = parts.config.lake;
  if (chosen.type === 'rest') return openRemoteLake(parts, chosen);
  const { openSqliteCatalog } = await import('../storage/sqlite-catalog.ts');
  const { opened, options } = await lakeParts(parts, chosen);
  const catalog = await openSqliteCatalog(options);
  return guarded({ ...opened, catalog }, catalog);
}

/** A lake whose catalog is another program's. */
async function openRemoteLake(parts: AdapterParts, chosen: RestCatalogConfig): Promise<OpenedLake> {
  const { openRemoteCatalog, vendedKeys } = await import('./remote-catalog.ts');
  const keys = await vendedKeys(parts, chosen);
  const opened = await openStore(keys === null ? parts : { ...parts, scopedKeys: keys });
  try {
    const catalog = await openRemoteCatalog(parts, chosen, keys);
    return await guarded({ ...opened, catalog }, catalog);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/**
 * Opens a lake for the REST server: the lake of a pipeline, which may be running beside it.
 *
 * @throws {FirnError} CONFIG-USAGE for a lake whose catalog has a server already
 */
export async function openServedLake(parts: AdapterParts): Promise<ServedLake> {
  const { openServedSqliteCatalog } = await import('../storage/sqlite-catalog.ts');
  const { catalog: chosen } = parts.config.lake;
  if (chosen.type === 'rest') {
    const what =
      'firn catalog serve is for a catalog of type sqlite; this one has a server already';
    throw new FirnError('CONFIG-USAGE', { what, where: chosen.uri });
  }
  const { opened, options } = await lakeParts(parts, chosen);
  const catalog = await openServedSqliteCatalog(options);
  const clientConfig = clientConfigOf(parts.config.lake);
  return guarded({ ...opened, catalog, clientConfig }, catalog);
}

function clientConfigOf({ s3 }: LakeConfig): Readonly<Record<string, string>> {
  if (s3 === null) return {};
  const pathStyle = s3.pathStyle ?? s3.endpoint !== null;
  return {
    'client.region': s3.region,
    's3.region': s3.region,
    's3.path-style-access': `${pathStyle}`,
    's3.force-virtual-addressing': `${!pathStyle}`,
    ...(s3.endpoint === null ? {} : { 's3.endpoint': s3.endpoint }),
  };
}

/** Gives the lake back when its warehouse is the catalog's; closes the catalog otherwise. */
async function guarded<Lake extends { readonly store: ObjectStore }>(
  lake: Lake,
  catalog: GuardedCatalog & Pick<Catalog, 'close'>,
): Promise<Lake> {
  const { guardWarehouse } = await import('../storage/warehouse-guard.ts');
  try {
    await guardWarehouse(lake.store, catalog);
  } catch (error) {
    await catalog.close();
    throw error;
  }
  return lake;
}

/** The store, and where its SQLite catalog is; the catalog's folder is made. */
async function lakeParts(
  parts: AdapterParts,
  { path, name }: SqliteCatalogConfig,
): Promise<{ readonly opened: OpenedStore; readonly options: SqliteCatalogOptions }> {
  const { clock, random } = parts;
  const { storageError } = await import('../storage/storage-failure.ts');
  makeFolder(dirname(path), storageError);
  const opened = await openStore(parts);
  return { opened, options: { path, name, store: opened.store, clock, random } };
}

/** Removes what crashed processes left half written in the warehouse. */
export async function removeLeftovers(
  parts: AdapterParts & { readonly store: ObjectStore },
): Promise<void> {
  if (parts.config.lake.s3 !== null) {
    await parts.store.removeLeftovers?.();
    return;
  }
  const { removeStaleTemporaries } = await import('../storage/temporary-file.ts');
  await removeStaleTemporaries({ folder: parts.config.lake.warehouse, clock: parts.clock });
}

/** Makes a folder and those above it, with a failure told as a storage error. */
function makeFolder(folder: string, told: (error: unknown, where: string) => unknown): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw told(error, folder);
  }
}

/** Opens the source; nothing is written to it yet. */
export async function openSource(parts: AdapterParts): Promise<ChangeSource> {
  const { config, clock, random } = parts;
  switch (config.source.type) {
    case 'sqlite': {
      const { createSqliteSource } = await import('../sources/sqlite/source.ts');
      const { path, pollIntervalMs } = config.source;
      const { tables, name } = config;
      return createSqliteSource({ path, pollIntervalMs, tables, namespace: name, clock, random });
    }
    case 'mysql':
      return openMysql(parts, config.source);
    case 'debezium': {
      const { openDebezium } = await import('./sources/debezium-source.ts');
      return openDebezium(parts, config.source, await openMysql(parts, config.source.database));
    }
    default:
      return unreachable(config.source);
  }
}

async function openMysql(parts: AdapterParts, server: MysqlConfig): Promise<MysqlChangeSource> {
  const { config, clock, random } = parts;
  const { createMysqlSource } = await import('../sources/mysql/source.ts');
  const { readMysqlAddress } = await import('./secrets/mysql-address.ts');
  const { tables, name } = config;
  const { host, port, serverId, onSwap, heartbeatIntervalMs, readConnections } = server;
  return createMysqlSource({
    address: () => readMysqlAddress(server, parts.readSecret),
    label: `mysql://${host}:${port}`,
    tables,
    namespace: name,
    // A lake of the same name elsewhere is another reader: the server would end one of them.
    reader: [hostname(), config.lake.warehouse, name].join('\0'),
    clock,
    random,
    serverId,
    onSwap,
    heartbeatIntervalMs,
    readConnections,
  });
}

/** What an engine is opened with. */
export interface EngineParts extends AdapterParts {
  readonly store: ObjectStore;
  /** Absolute local folders in which the store materialises files, beside its own root. */
  readonly readFolders?: readonly string[];
  /** Keeps the stage folders of two processes apart. */
  readonly use: string;
  /** Folder of the user, for the stage where the lake can only be read. */
  readonly runtimeFolder: string;
}

/** A single statement of the engine may have this part of the machine's memory if it must. */
const STATEMENT_SHARE = 4;

/** Threads of the engine at most: the program's own thread has work while the engine has. */
const THREADS_MAX = 2;

/** Memory of the machine, or what a container leaves of it. */
function machineBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}

/** Opens the engine. */
export async function openEngine(parts: EngineParts): Promise<RowEngine> {
  const { config, clock, random, store, readFolders = [], use } = parts;
  const { createEmbeddedEngine } = await import('../engines/embedded/embedded-engine.ts');
  const stageFolder = stageFolderOf(config, use) ?? localStageFolder(parts);
  const statementBytesMax = Math.trunc(machineBytes() / STATEMENT_SHARE);
  const threads = Math.max(1, Math.min(THREADS_MAX, availableParallelism() - 1));
  const options = { stageFolder, store, readFolders, clock, random, threads, statementBytesMax };
  return createEmbeddedEngine(options);
}

/** On the disk of the lake, so that an upload is a rename. */
function localStageFolder({ config, runtimeFolder, use }: EngineParts): string {
  const { warehouse } = config.lake;
  const folder = isWritable(warehouse) ? join(warehouse, '_firn', config.name) : runtimeFolder;
  return join(folder, 'stage', use);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    // Whatever the reason: only queries and proofs work here.
    return false;
  }
}

/**
 * The embedded engine: DuckDB inside this process, behind the engine port. It starts when it is
 * first used. Files pass through its stage folder on their way to the store; what a crash left
 * there is nobody's and is removed at the start.
 */
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as Api from '@duckdb/node-api';
import type { Clock } from '../../kernel/clock.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { Random } from '../../kernel/random.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { RowEngine } from '../../ports/row-engine.ts';
import { createBaseWriter } from './base-writer.ts';
import { compareTables } from './compare.ts';
import { HeldBytes, createLedgerWriter } from './ledger-writer.ts';
import { openMergeSession } from './merge-session.ts';
import { writePlainRows } from './parquet-writer.ts';
import type { FileContext } from './parquet-writer.ts';
import { openQuerySession } from './query-session.ts';
import { openEngine } from './open-engine.ts';
import type { OpenEngine } from './open-engine.ts';
import { compactFiles } from './table-rows.ts';
import { convertDeletes } from './v3/convert-deletes.ts';

/** What an engine is made with. */
export interface EmbeddedEngineOptions {
  /**
   * Absolute local folder of this engine alone, on the lake's own disk where that is local, so that
   * an upload is a rename.
   */
  readonly stageFolder: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Further absolute folders that the store materialises files in. */
  readonly readFolders?: readonly string[];
  /**
   * Threads of DuckDB; default 1. Where statements have work for one, a second waits busily: on two
   * cores a merge took a third less processor time, and less time, with one.
   */
  readonly threads?: number;
  /** Memory of DuckDB before it spills, in bytes; default 192 MiB. */
  readonly memoryBytesMax?: number;
  /** Memory of DuckDB for a statement that cannot do with less, in bytes; default no more. */
  readonly statementBytesMax?: number;
  /** Room for spilling in the stage folder, in bytes; default 64 GiB. */
  readonly spillBytesMax?: number;
  /**
   * How text gets into DuckDB; default `bulk`. `plain` is slower and uses documented calls only.
   */
  readonly feeder?: 'bulk' | 'plain';
}

const MIB = 1024 * 1024;
const DEFAULTS = { threads: 1, memoryBytesMax: 192 * MIB, spillBytesMax: 65_536 * MIB };

/** Rows of a ledger beyond this wait as files: a transaction can be of any size. */
const LEDGER_LIMITS = { rowsMax: 500_000, bytesMax: 32 * MIB };

/** Rows of all ledgers together that wait in memory, in bytes. */
const LEDGERS_BYTES_MAX = 64 * MIB;

/** The same for rows of a base. */
const BASE_LIMITS = { rowsMax: 2_000_000, bytesMax: 160 * MIB };

/** An engine; nothing runs until it is asked for something. */
export function createEmbeddedEngine(options: EmbeddedEngineOptions): RowEngine {
  const { stageFolder, store, clock, random } = options;
  const limits = {
    threads: options.threads ?? DEFAULTS.threads,
    memoryBytesMax: options.memoryBytesMax ?? DEFAULTS.memoryBytesMax,
    statementBytesMax: options.statementBytesMax ?? DEFAULTS.memoryBytesMax,
    spillFolder: join(stageFolder, 'spill'),
    spillBytesMax: options.spillBytesMax ?? DEFAULTS.spillBytesMax,
  };
  const files: FileContext = { store, clock, random, filesFolder: join(stageFolder, 'files') };
  const folders = [stageFolder, ...localRoots(store), ...(options.readFolders ?? [])];
  const writingLimits = limitsOfWriting(limits, stageFolder);
  const ownFolders = [limits.spillFolder, writingLimits.spillFolder, files.filesFolder];
  const held = new HeldBytes(LEDGERS_BYTES_MAX);
  let emptied: Promise<void> | null = null;
  const start = async (own: typeof limits): Promise<OpenEngine> => {
    emptied ??= emptyFolders(ownFolders);
    await emptied;
    return openEngine({ ...own, folders, files: [] }, options.feeder);
  };
  let engine: Promise<OpenEngine> | null = null;
  const open = (): Promise<OpenEngine> => {
    engine ??= start(limits);
    return engine;
  };
  let writingEngine: Promise<OpenEngine> | null = null;
  const openWriting = (): Promise<OpenEngine> => {
    writingEngine ??= start(writingLimits);
    return writingEngine;
  };

  return {
    ledgerWriter: (target) =>
      createLedgerWriter({ open: openWriting, files, target, limits: LEDGER_LIMITS, held }),
    baseWriter: (target, request) =>
      createBaseWriter({ open: openWriting, files, target, ...request, limits: BASE_LIMITS }),
    openMerge: async (request) => openMergeSession(files, await open(), request),
    compact: async (request) =>
      connected(await open(), (connection) => compactFiles(files, connection, request)),
    writeRows: async (request) =>
      connected(await openWriting(), (connection) => writePlainRows(files, connection, request)),
    convertDeletes: async (request) =>
      connected(await open(), (connection) => convertDeletes(files, connection, request)),
    compare: async (request) => compareTables(files, await open(), request),
    openQuery(request) {
      // A folder of its own: two instances of DuckDB would use one name for two files.
      const spillFolder = join(stageFolder, `query-${uuidV7(clock, random)}`);
      const { statementBytesMax: _, ...own } = limits;
      return openQuerySession({ store, clock, limits: { ...own, spillFolder } }, request);
    },
    async close() {
      const running = [engine, writingEngine].filter((one) => one !== null);
      engine = null;
      writingEngine = null;
      emptied = null;
      for (const one of running) (await one).instance.close();
      if (running.length > 0) await removeFolders(ownFolders);
      await removeIfEmpty(stageFolder);
    },
  };
}

/**
 * Rows to be written come from the caller's thread one chunk at a time. A second thread of DuckDB
 * would only wait for them, and it waits busily: in measurements that doubled the processor time.
 */
function limitsOfWriting<L extends { readonly memoryBytesMax: number }>(
  limits: L,
  stageFolder: string,
): L & { readonly threads: 1 } {
  const spillFolder = join(stageFolder, 'spill-writing');
  return { ...limits, threads: 1, memoryBytesMax: limits.memoryBytesMax / 2, spillFolder };
}

/** Runs work on a connection of its own. */
async function connected<T>(
  { instance }: OpenEngine,
  work: (connection: Api.DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
  }
}

/** The lake's own folder, where it is one: its files are read in place. */
function localRoots({ root }: ObjectStore): readonly string[] {
  return root.startsWith('file://') ? [root.slice('file://'.length)] : [];
}

async function emptyFolders(folders: readonly string[]): Promise<void> {
  await removeFolders(folders);
  for (const folder of folders) await mkdir(folder, { recursive: true });
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch {
    // Not empty, or never made: a folder does no harm.
  }
}

async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}

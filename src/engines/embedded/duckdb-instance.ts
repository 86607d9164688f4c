/**
 * One DuckDB in memory, bounded and locked: it may use so much memory, so many threads and so much
 * room for spilling; it reaches only the folders or files it was given; and nothing can change that
 * afterwards, whatever statement it is made to run. The driver is loaded on first use, because it
 * is large and most commands never need it.
 */
import type * as Api from '@duckdb/node-api';
import type * as Bindings from '@duckdb/node-bindings';
import { AssertionError } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { quoteText, quoteTexts } from '../../sql/quoting.ts';

/** The driver: its interface for statements, and the calls below it for vectors. */
export interface DuckdbDriver {
  readonly api: typeof Api;
  readonly bindings: typeof Bindings;
}

/** What an instance may use and reach. */
export interface DuckdbLimits {
  readonly threads: number;
  readonly memoryBytesMax: number;
  /**
   * What a single statement may use that does not fit otherwise: a file with one long value needs
   * several times its size, and cannot spill. Absent: no more than the others.
   */
  readonly statementBytesMax?: number;
  /** Folder for spilling; made when needed. */
  readonly spillFolder: string;
  readonly spillBytesMax: number;
  /** Folders in which files may be read and written. */
  readonly folders: readonly string[];
  /** Single files that may be read. */
  readonly files: readonly string[];
}

type MemoryLimits = Pick<DuckdbLimits, 'memoryBytesMax' | 'statementBytesMax'>;

/** An open instance. */
export interface DuckdbInstance {
  readonly driver: DuckdbDriver;
  connect(): Promise<Api.DuckDBConnection>;
  close(): void;
}

/** The limits of the instances of connections whose statements may be given more memory. */
const rooms = new WeakMap<Api.DuckDBConnection, Required<MemoryLimits>>();

/** Loads the driver; later calls give the same modules. */
async function loadDuckdb(): Promise<DuckdbDriver> {
  const api = await import('@duckdb/node-api');
  const bindings = await import('@duckdb/node-bindings');
  // The bindings are CommonJS: their functions lie on the default export.
  return { api, bindings: bindings.default as typeof Bindings };
}

/**
 * Opens an instance; `prepare` runs before the lock and may register functions and make views.
 *
 * @throws FirnError STORAGE-ENGINE-FAILED
 */
export async function openDuckdb(
  limits: DuckdbLimits,
  prepare?: (connection: Api.DuckDBConnection, driver: DuckdbDriver) => Promise<void>,
): Promise<DuckdbInstance> {
  const driver = await loadDuckdb();
  const instance = await guarded(() =>
    driver.api.DuckDBInstance.create(':memory:', {
      threads: String(limits.threads),
      memory_limit: `${limits.memoryBytesMax}B`,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      // Files are immutable and local: the page cache holds them already.
      enable_external_file_cache: 'false',
      // Freed memory goes back to the system sooner than after 128 and 512 MiB: with one thread
      // 200 MB less for a merge of a million changes, in no more time.
      allocator_flush_threshold: '16MiB',
      allocator_bulk_deallocation_flush_threshold: '16MiB',
    }),
  );
  await guarded(async () => {
    const connection = await instance.connect();
    if (prepare !== undefined) await prepare(connection, driver);
    for (const statement of lockStatements(limits)) await connection.run(statement);
    connection.closeSync();
  });
  const { memoryBytesMax, statementBytesMax } = limits;
  return {
    driver,
    connect: () =>
      guarded(async () => {
        const connection = await instance.connect();
        if (statementBytesMax !== undefined) {
          rooms.set(connection, { memoryBytesMax, statementBytesMax });
        }
        return connection;
      }),
    close: () => instance.closeSync(),
  };
}

/**
 * The order matters: folders cannot be allowed once access is off, nor anything once locked. The
 * spill limit is set here because DuckDB does not keep to one that it was opened with.
 */
function lockStatements(limits: DuckdbLimits): readonly string[] {
  return [
    `SET GLOBAL temp_directory = ${quoteText(limits.spillFolder)}`,
    `SET GLOBAL max_temp_directory_size = ${quoteText(`${limits.spillBytesMax}B`)}`,
    `SET GLOBAL TimeZone = ${quoteText('UTC')}`,
    `SET GLOBAL allowed_directories = ${quoteTexts(limits.folders)}`,
    `SET GLOBAL allowed_paths = ${quoteTexts(limits.files)}`,
    'SET GLOBAL enable_external_access = false',
    ...(limits.statementBytesMax === undefined
      ? []
      : [`SET GLOBAL allowed_configs = ${quoteTexts(['memory_limit'])}`]),
    'SET GLOBAL lock_configuration = true',
  ];
}

/**
 * Runs something of DuckDB's and turns what it throws into an operating error. Its message goes
 * along as the cause only: it can quote values of rows.
 */
export async function guarded<T>(run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FirnError || error instanceof AssertionError) throw error;
    throw engineError(error);
  }
}

const OUT_OF_MEMORY = /^Out of Memory|max_temp_directory_size/i;

/**
 * Runs a statement, which does all or nothing: again with twice the memory each time that it does
 * not fit, up to what one may have of the instance. Afterwards the first limit counts again.
 */
async function withRoom<T>(connection: Api.DuckDBConnection, run: () => Promise<T>): Promise<T> {
  const room = rooms.get(connection);
  if (room === undefined) return run();
  const setLimit = async (bytes: number): Promise<void> => {
    await connection.run(`SET GLOBAL memory_limit = ${quoteText(`${bytes}B`)}`);
  };
  let bytes = room.memoryBytesMax;
  try {
    for (;;) {
      try {
        return await run();
      } catch (error) {
        const isFull = error instanceof Error && OUT_OF_MEMORY.test(error.message);
        if (!isFull || bytes >= room.statementBytesMax) throw error;
        bytes = Math.min(2 * bytes, room.statementBytesMax);
        await setLimit(bytes);
      }
    }
  } finally {
    // Tables that it left may still need it: then the limit stays until the next such statement.
    if (bytes > room.memoryBytesMax) await setLimit(room.memoryBytesMax).catch(() => undefined);
  }
}

function engineError(cause: unknown): FirnError {
  const message = cause instanceof Error ? cause.message : '';
  const kind = /^[A-Za-z ]{1,40} Error(?=:)/.exec(message)?.[0] ?? 'an unnamed error';
  if (/No space left/i.test(message)) {
    const where = /file "([^"]+)"/.exec(message)?.[1] ?? null;
    const what = 'The stage folder has no space left.';
    return new FirnError('STORAGE-FULL', { what, cause, ...(where !== null && { where }) });
  }
  const memory = OUT_OF_MEMORY.test(message);
  return new FirnError(memory ? 'STORAGE-ENGINE-MEMORY' : 'STORAGE-ENGINE-FAILED', {
    what: memory ? 'DuckDB reached its memory or spill limit.' : `DuckDB answered with ${kind}.`,
    cause,
  });
}

/** First row of an answer of a statement that gives one. */
export async function readRow(
  connection: Api.DuckDBConnection,
  sql: string,
): Promise<readonly Api.DuckDBValue[]> {
  const rows = await readRows(connection, sql);
  return rows[0] ?? [];
}

/** All rows of an answer: for aggregates and lists of files only, never for rows of tables. */
export function readRows(
  connection: Api.DuckDBConnection,
  sql: string,
): Promise<readonly (readonly Api.DuckDBValue[])[]> {
  return guarded(() =>
    withRoom(connection, async () => (await connection.runAndReadAll(sql)).getRows()),
  );
}

/** Runs statements one after the other. */
export async function runAll(
  connection: Api.DuckDBConnection,
  statements: readonly string[],
): Promise<void> {
  await guarded(async () => {
    for (const statement of statements) {
      await withRoom(connection, async () => {
        await connection.run(statement);
      });
    }
  });
}

/**
 * Chunks of a table's rows in key order for the initial copy: plain consistent SELECTs without
 * locks, each of one moment. Where a chunk ends is decided by the server, whose collations order
 * the key, and the key it ended at goes into the cursor as literals that compare exactly; so a copy
 * goes on after any chunk.
 */
import { assert } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { parseJson } from '../../../kernel/lossless-json.ts';
import type { RowBatch } from '../../../model/change-batch.ts';
import { ColumnBuilder } from '../../../model/column-builder.ts';
import type { ColumnVector } from '../../../model/column-vector.ts';
import { formatTableName, keyColumns } from '../../../model/table-schema.ts';
import type { TableSchema } from '../../../model/table-schema.ts';
import type { BootstrapChunk, BootstrapRequest, BorderRequest } from '../../../ports/source.ts';
import { Prefetch } from '../../../kernel/prefetch.ts';
import { RowSession } from './row-session.ts';
import {
  columnsOf,
  keyColumnsOf,
  keyLiteralsAt,
  openReadConnection,
  planReading,
  tableError,
} from './table-reading.ts';
import type { TableReadParts, TableReading } from './table-reading.ts';
import { selectBorder, selectRange } from '../../../mysql/table-statements.ts';
import type { KeyRange } from '../../../mysql/table-statements.ts';

/** A statement holds its moment open at the server: it should be over after about this time. */
const STATEMENT_MS = 2000;

/** Rows of one statement at least (or those of one chunk) and at most, whatever its speed. */
const STATEMENT_ROWS_MIN = 500;
const STATEMENT_ROWS_MAX = 500_000;

/** Bytes of one chunk. */
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;

/** Bytes that one connection reads ahead. */
const AHEAD_BYTES_MAX = 8 * 1024 * 1024;

type Key = readonly string[];

/** What a read is about. */
type ReadRequest = Pick<BootstrapRequest, 'schema' | 'low' | 'signal'>;

/** Rows and the key of their last one. */
interface Piece {
  readonly rows: RowBatch;
  readonly key: Key;
}

/** A table and the first connection that reads it. */
interface OpenRead {
  readonly parts: TableReadParts;
  readonly request: ReadRequest;
  readonly reading: TableReading;
  readonly session: RowSession;
}

/** What reading one table's chunks works with. */
interface ChunkRead extends OpenRead {
  readonly request: BootstrapRequest;
  /** The last key to read; `null`: to the end. */
  readonly last: Key | null;
  readonly size: StatementSize;
}

/** A table's rows in key order; the last chunk is empty. */
export async function* readChunks(
  parts: TableReadParts,
  request: BootstrapRequest,
): AsyncGenerator<BootstrapChunk> {
  const { schema } = request;
  assert(schema.keyColumnIds.length > 0, 'a table without a key is not bootstrapped');
  const after = request.after === null ? null : parseCursor(request.after, schema);
  const { upTo = null } = request;
  const last = upTo === null ? null : parseCursor(upTo, schema);
  try {
    const size = new StatementSize(request.chunkRowsMax);
    const read = { ...(await openReading(parts, request)), request, last, size };
    const pieces = parts.connections > 1 ? readAhead(read, after) : readInTurn(read, after);
    for await (const { rows, key } of pieces) yield { rows, cursor: JSON.stringify(key) };
  } catch (error) {
    throw tableError(error, schema);
  }
  const columns = schema.columns.map(({ type }) => new ColumnBuilder(type).finish());
  yield { rows: { schema, rowCount: 0, columns }, cursor: null };
}

/** The key of the row that is so many rows behind another; `null`: there are not so many. */
export async function readBorder(
  parts: TableReadParts,
  request: BorderRequest,
): Promise<string | null> {
  const { schema, rows } = request;
  const after = request.after === null ? null : parseCursor(request.after, schema);
  try {
    const read = await openReading(parts, request);
    try {
      const border = await findBorder(read, read.session, { after, upTo: null, rows });
      return border === null ? null : JSON.stringify(border);
    } finally {
      read.session.close();
    }
  } catch (error) {
    throw tableError(error, schema);
  }
}

async function openReading(parts: TableReadParts, request: ReadRequest): Promise<OpenRead> {
  const connection = await openProven(parts, request);
  try {
    const reading = await planReading(connection, parts.rules, request.schema);
    return { parts, request, reading, session: new RowSession(connection, parts.clock) };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** A connection to the server of the low mark, which has passed it. */
async function openProven(
  parts: TableReadParts,
  { low = null }: ReadRequest,
): Promise<Awaited<ReturnType<typeof openReadConnection>>> {
  const connection = await openReadConnection(parts);
  try {
    if (low !== null) await parts.prove(connection, low);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** One statement after the other over one connection. */
async function* readInTurn(read: ChunkRead, first: Key | null): AsyncGenerator<Piece> {
  const { parts, request, session, size, last: upTo } = read;
  try {
    for (let after = first; ;) {
      await parts.pace(request.signal);
      const limit = size.rows;
      const startMs = parts.clock.monotonicMs();
      let rowCount = 0;
      for await (const piece of readRange(read, session, { after, upTo, limit })) {
        rowCount += piece.rows.rowCount;
        after = piece.key;
        yield piece;
      }
      if (rowCount < limit) return;
      size.took(parts.clock.monotonicMs() - startMs);
    }
  } finally {
    session.close();
  }
}

/**
 * Several ranges at a time, each over a connection of its own. One connection more goes ahead over
 * the key alone and finds where ranges end; the last range is its own, for there is none behind.
 */
async function* readAhead(read: ChunkRead, first: Key | null): AsyncGenerator<Piece> {
  const { parts, request, session: scout, size } = read;
  const sessions = [scout];
  const running: { readonly pieces: Prefetch<Piece>; readonly session: RowSession }[] = [];
  const next = { after: first, isLast: false };
  /** Starts the next range over a connection that is free; `null`: over a new one. */
  const start = async (free: RowSession | null): Promise<void> => {
    await parts.pace(request.signal);
    const startMs = parts.clock.monotonicMs();
    const wanted = { after: next.after, upTo: read.last, rows: size.rows };
    const border = await findBorder(read, scout, wanted);
    size.took(parts.clock.monotonicMs() - startMs);
    const session = free ?? (border === null ? scout : await openSession(read));
    if (!sessions.includes(session)) sessions.push(session);
    const bounds = { after: next.after, upTo: border ?? read.last, limit: null };
    const range = readRange(read, session, bounds);
    const pieces = new Prefetch(range, { weigh: weightOf, weightMax: AHEAD_BYTES_MAX });
    running.push({ pieces, session });
    next.after = border;
    next.isLast = border === null;
  };
  try {
    while (!next.isLast && running.length < parts.connections) await start(null);
    for (let head = running.shift(); head !== undefined; head = running.shift()) {
      yield* head.pieces;
      if (!next.isLast) await start(head.session);
    }
  } finally {
    for (const session of sessions) session.close();
    await Promise.all(running.map(({ pieces }) => pieces.stop()));
  }
}

async function openSession({ parts, request }: ChunkRead): Promise<RowSession> {
  return new RowSession(await openProven(parts, request), parts.clock);
}

async function* readRange(
  read: ChunkRead,
  session: RowSession,
  range: KeyRange,
): AsyncGenerator<Piece> {
  const { request, reading } = read;
  const { schema, signal, chunkRowsMax: rowsMax } = request;
  const rows = session.rows(selectRange(reading.statement, range), {
    columns: columnsOf(reading),
    limits: { rowsMax, bytesMax: CHUNK_BYTES_MAX },
    signal,
  });
  for await (const { rowCount, columns } of rows) {
    const batch = { schema, rowCount, columns };
    yield { rows: batch, key: keyLiteralsAt(reading, batch, rowCount - 1) };
  }
}

/** The key that is so many rows behind the beginning of a range; `null`: it ends before. */
async function findBorder(
  { request, reading }: OpenRead,
  scout: RowSession,
  range: { readonly after: Key | null; readonly upTo: Key | null; readonly rows: number },
): Promise<Key | null> {
  const keys = { ...request.schema, columns: keyColumns(request.schema) };
  let border: Key | null = null;
  const rows = scout.rows(selectBorder(reading.statement, range, range.rows), {
    columns: keyColumnsOf(reading),
    limits: { rowsMax: 1, bytesMax: CHUNK_BYTES_MAX },
    signal: request.signal,
  });
  for await (const { rowCount, columns } of rows) {
    border = keyLiteralsAt(reading, { schema: keys, rowCount, columns }, 0);
  }
  return border;
}

/** How many rows one statement reads, by how long the ones before it took. */
class StatementSize {
  readonly #rowsMin: number;
  #rows: number;

  constructor(rows: number) {
    this.#rowsMin = Math.min(STATEMENT_ROWS_MIN, rows);
    this.#rows = rows;
  }

  get rows(): number {
    return this.#rows;
  }

  /** The last statement of this size took so long. */
  took(ms: number): void {
    const factor = Math.min(2, Math.max(0.5, STATEMENT_MS / Math.max(1, ms)));
    const rows = Math.round(this.#rows * factor);
    this.#rows = Math.min(STATEMENT_ROWS_MAX, Math.max(this.#rowsMin, rows));
  }
}

function weightOf({ rows }: Piece): number {
  return rows.columns.reduce((sum, vector) => sum + bytesOf(vector), 0);
}

function bytesOf(vector: ColumnVector): number {
  if (vector.kind !== 'bytes') return vector.values.byteLength;
  return vector.data.byteLength + vector.offsets.byteLength;
}

/** What `keyLiteral` makes: numbers, hex, and quoted dates, times and ids. */
const KEY_LITERAL =
  /^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|(?:_utf8mb4 )?x'[0-9a-f]*'|'[-0-9a-f:. ]*')$/;

/** Cursors come back out of the lake: nothing but literals may reach a statement. */
function parseCursor(text: string, schema: TableSchema): Key {
  const value: unknown = parseJson(text);
  const isKey =
    Array.isArray(value) &&
    value.length === schema.keyColumnIds.length &&
    value.every((literal) => typeof literal === 'string' && KEY_LITERAL.test(literal));
  if (isKey) return value as readonly string[];
  throw new FirnError('BOOTSTRAP-CURSOR-UNKNOWN', {
    what: 'The saved place of the copy is not one that this program wrote',
    where: formatTableName(schema.table),
  });
}

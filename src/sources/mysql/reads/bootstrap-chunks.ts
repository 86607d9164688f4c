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
import type { BootstrapChunk, BootstrapRequest } from '../../../ports/source.ts';
import { withConnection } from '../log/log-status.ts';
import { Prefetch } from '../../../kernel/prefetch.ts';
import type { RowSession } from './row-session.ts';
import {
  columnsOf,
  keyColumnsOf,
  keyLiteralsAt,
  openReadConnection,
  openReadSession,
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

/** Rows and the key of their last one. */
interface Piece {
  readonly rows: RowBatch;
  readonly key: Key;
}

/** What reading one table's chunks works with. */
interface ChunkRead {
  readonly parts: TableReadParts;
  readonly request: BootstrapRequest;
  readonly reading: TableReading;
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
  try {
    const reading = await withConnection(
      () => openReadConnection(parts),
      (connection) => planReading(connection, parts.rules, schema),
    );
    const size = new StatementSize(request.chunkRowsMax);
    const read = { parts, request, reading, size };
    const pieces = parts.connections > 1 ? readAhead(read, after) : readInTurn(read, after);
    for await (const { rows, key } of pieces) yield { rows, cursor: JSON.stringify(key) };
  } catch (error) {
    throw tableError(error, schema);
  }
  const columns = schema.columns.map(({ type }) => new ColumnBuilder(type).finish());
  yield { rows: { schema, rowCount: 0, columns }, cursor: null };
}

/** One statement after the other over one connection. */
async function* readInTurn(read: ChunkRead, first: Key | null): AsyncGenerator<Piece> {
  const { parts, request, size } = read;
  const session = await openReadSession(parts);
  try {
    for (let after = first; ;) {
      await parts.pace(request.signal);
      const limit = size.rows;
      const startMs = parts.clock.monotonicMs();
      let rowCount = 0;
      for await (const piece of readRange(read, session, { after, upTo: null, limit })) {
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
 * the key alone and finds where ranges end.
 */
async function* readAhead(read: ChunkRead, first: Key | null): AsyncGenerator<Piece> {
  const { parts, request, size } = read;
  const sessions: RowSession[] = [];
  const running: { readonly pieces: Prefetch<Piece>; readonly session: RowSession }[] = [];
  const next = { after: first, isLast: false };
  const start = async (scout: RowSession, session: RowSession): Promise<void> => {
    await parts.pace(request.signal);
    const startMs = parts.clock.monotonicMs();
    const upTo = await findBorder(read, scout, next.after);
    const range = readRange(read, session, { after: next.after, upTo, limit: null });
    const pieces = new Prefetch(range, { weigh: weightOf, weightMax: AHEAD_BYTES_MAX });
    running.push({ pieces, session });
    size.took(parts.clock.monotonicMs() - startMs);
    next.after = upTo;
    next.isLast = upTo === null;
  };
  try {
    const scout = await openReadSession(parts);
    sessions.push(scout);
    while (!next.isLast && running.length < parts.connections) {
      const session = await openReadSession(parts);
      sessions.push(session);
      await start(scout, session);
    }
    for (let head = running.shift(); head !== undefined; head = running.shift()) {
      yield* head.pieces;
      if (!next.isLast) await start(scout, head.session);
    }
  } finally {
    for (const session of sessions) session.close();
    await Promise.all(running.map(({ pieces }) => pieces.stop()));
  }
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

/** The key at the end of the next range; `null`: the table ends before it. */
async function findBorder(
  read: ChunkRead,
  scout: RowSession,
  after: Key | null,
): Promise<Key | null> {
  const { request, reading, size } = read;
  const keys = { ...request.schema, columns: keyColumns(request.schema) };
  let border: Key | null = null;
  const rows = scout.rows(selectBorder(reading.statement, after, size.rows), {
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

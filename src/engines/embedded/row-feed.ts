/**
 * Rows in memory as a relation that statements read: a table function hands column vectors to
 * DuckDB as it asks for them, in their order, so that rows on their way into a file need no table
 * in between. DuckDB calls back on this thread while a statement runs on its own.
 */
import type * as Api from '@duckdb/node-api';
import { assert, present } from '../../kernel/assert.ts';
import type { DuckdbDriver } from './duckdb-instance.ts';
import { duckdbVectorType } from './duckdb-types.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { VECTOR_ROWS, createChunkFeeder } from './vector-feeder.ts';
import type { ByteRunFeeder, FedColumn } from './vector-feeder.ts';

/** A column of a relation or a temporary table. */
export interface RelationColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** Rows to hand out: one fed column per column of the relation, of its type. */
export interface FedRows {
  readonly columns: readonly FedColumn[];
  readonly rowCount: number;
}

/** Rows that statements can read. */
export interface HeldRows {
  /** What stands behind FROM, on any connection of the instance. */
  readonly relation: string;
  /** Must be called when no statement reads them any more. */
  release(): void;
}

/** Hands rows to statements. */
export interface RowFeed {
  hold(columns: readonly RelationColumn[], rows: readonly FedRows[]): HeldRows;
}

interface Held {
  readonly columns: readonly RelationColumn[];
  readonly rows: readonly FedRows[];
}

/** Where one scan is. */
interface Scan {
  batch: number;
  row: number;
}

const FUNCTION = 'firn_rows';

/** Bytes of text and binary that one chunk holds at most, if it holds more than one row. */
const CHUNK_BYTES_MAX = 2 * 1024 * 1024;

/** How many rows from `start` on make a chunk: a vector's, or fewer where they are wide. */
function rowsOfChunk({ columns, rowCount }: FedRows, start: number): number {
  let count = Math.min(VECTOR_ROWS, rowCount - start);
  while (count > 1 && bytesOf(columns, start, start + count) > CHUNK_BYTES_MAX) count >>= 1;
  return count;
}

/** Bytes of text and binary in the rows `from .. to`. */
function bytesOf(columns: readonly FedColumn[], from: number, to: number): number {
  return columns.reduce((sum, { vector }) => {
    if (vector?.kind !== 'bytes') return sum;
    return sum + (vector.offsets[to] ?? 0) - (vector.offsets[from] ?? 0);
  }, 0);
}

/** Registers the table function of an instance, before it is locked. */
export function registerRowFeed(
  connection: Api.DuckDBConnection,
  driver: DuckdbDriver,
  feedRuns: ByteRunFeeder,
): RowFeed {
  const { api } = driver;
  const feed = createChunkFeeder(driver, feedRuns);
  const held = new Map<bigint, Held>();
  const scans = new WeakMap<object, Scan>();
  let last = 0n;
  const heldBy = (data: object | undefined): Held => {
    const id: unknown = data === undefined ? undefined : Reflect.get(data, 'id');
    return present(typeof id === 'bigint' ? held.get(id) : undefined, 'rows that are read');
  };
  connection.registerTableFunction(
    api.DuckDBTableFunction.create({
      name: FUNCTION,
      parameterTypes: [api.BIGINT],
      bindFunction(info) {
        const id = info.getParameter(0);
        const data = { id };
        const { columns, rows } = heldBy(data);
        for (const { name, type } of columns) {
          info.addResultColumn(name, duckdbVectorType(api, type));
        }
        info.setCardinality(
          rows.reduce((sum, { rowCount }) => sum + rowCount, 0),
          true,
        );
        info.setBindData(data);
      },
      initFunction(info) {
        // One thread: rows come out in the order they are held in.
        info.setMaxThreads(1);
        const data = {};
        scans.set(data, { batch: 0, row: 0 });
        info.setInitData(data);
      },
      mainFunction(info, chunk) {
        const { rows } = heldBy(info.bindData);
        const scan = present(scans.get(present(info.initData, 'a scan')), 'a scan');
        let from = rows[scan.batch];
        while (from !== undefined && scan.row >= from.rowCount) {
          scan.batch++;
          scan.row = 0;
          from = rows[scan.batch];
        }
        if (from === undefined) {
          chunk.rowCount = 0;
          return;
        }
        const count = rowsOfChunk(from, scan.row);
        feed(chunk, { columns: from.columns, start: scan.row, count });
        scan.row += count;
      },
    }),
  );
  return {
    hold(columns, rows) {
      for (const batch of rows) {
        assert(batch.columns.length === columns.length, 'one fed column per column');
      }
      const id = ++last;
      held.set(id, { columns, rows });
      return { relation: `${FUNCTION}(${id})`, release: () => held.delete(id) };
    },
  };
}

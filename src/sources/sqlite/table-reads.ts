/**
 * Reads of whole tables and of single rows, for bootstrap, verification and repair. Each read is of
 * one moment, and its mark is of exactly that moment.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable } from '../../config/table-choice.ts';
import type { TableChoice } from '../../config/table-choice.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { ChangeBatch, RowBatch } from '../../model/change-batch.ts';
import { formatTableName, keyColumns } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type {
  BootstrapChunk,
  BootstrapRequest,
  BorderRequest,
  ChangeSource,
} from '../../ports/source.ts';
import { imageCarriages } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { planTable } from './drift.ts';
import { assertPassed, markNow } from './journal-mark.ts';
import { readPlans } from './journal.ts';
import { sameName } from './sql-text.ts';
import { atOneMoment } from './sqlite-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import { parseValuesKey, valuesKey } from './sqlite-value.ts';
import type { SqliteRow } from './sqlite-value.ts';
import { RowColumns, TableChanges, readingOf } from './table-changes.ts';
import type { ImageReading } from './table-changes.ts';
import { TableRows } from './table-rows.ts';
import type { RowRange } from './table-rows.ts';
import { readShape, readTriggers } from './table-shape.ts';
import { carriedValue } from './value-carriage.ts';
import type { TextCheck } from './value-carriage.ts';

const SLICE_MS = 15;
const CHUNK_BYTES_MAX = 64 * 1024 * 1024;
const SIZE_CHECK_ROWS = 64;

/** What reading tables needs from the source. */
export interface TableReadParts {
  readonly database: SqliteDatabase;
  readonly clock: Clock;
  readonly rules: readonly TableRule[];
}

/** One open table: how its rows are found and decoded. */
interface OpenTable {
  readonly plan: CapturePlan;
  readonly choice: TableChoice;
  readonly rows: TableRows;
  readonly reading: ImageReading;
}

/** Chunks of a table's rows in key order, each one read at one moment. */
export async function* readChunks(
  parts: TableReadParts,
  request: BootstrapRequest,
): AsyncGenerator<BootstrapChunk> {
  const { schema, chunkRowsMax, signal, low = null } = request;
  assert(schema.keyColumnIds.length > 0, 'a table without a key is not bootstrapped');
  const db = parts.database.openReader();
  try {
    let after = request.after === null ? null : parseValuesKey(request.after);
    const last = request.upTo ?? null;
    const upTo = last === null ? null : parseValuesKey(last);
    for (;;) {
      signal.throwIfAborted();
      db.exec('BEGIN');
      if (low !== null) assertPassed(db, low);
      const table = openTable(db, parts.rules, schema);
      const range = { after, upTo };
      const found = await collect(parts.clock, table, { range, rowsMax: chunkRowsMax, schema });
      db.exec('COMMIT');
      const isLast = found.last === null || (found.rowCount < chunkRowsMax && !found.isCut);
      const { rowCount, columns } = found;
      const cursor = isLast || found.last === null ? null : valuesKey(found.last);
      yield { rows: { schema, rowCount, columns }, cursor };
      if (cursor === null) return;
      after = found.last;
    }
  } finally {
    parts.database.closeReader(db);
  }
}

/** The key of the row that is so many rows behind another; `null`: there are not so many. */
export function findBorder(parts: TableReadParts, request: BorderRequest): string | null {
  const { schema, after, rows: count, low = null } = request;
  const db = parts.database.openReader();
  try {
    return atOneMoment(db, () => {
      if (low !== null) assertPassed(db, low);
      const { rows } = openTable(db, parts.rules, schema);
      const behind = after === null ? null : parseValuesKey(after);
      const [row] = rows.inOrder({ after: behind, upTo: null, skip: count - 1 }, 1);
      return row === undefined ? null : valuesKey(rows.identityOf(row));
    });
  } finally {
    parts.database.closeReader(db);
  }
}

/** All rows of a table at one moment; both marks are of exactly that moment. */
export async function readTable(
  parts: TableReadParts,
  request: Parameters<ChangeSource['readAll']>[0],
): ReturnType<ChangeSource['readAll']> {
  const { schema, epoch, batchRowsMax, signal } = request;
  const db = parts.database.openReader();
  try {
    db.exec('BEGIN');
    const mark = markNow(db, epoch);
    const table = openTable(db, parts.rules, schema);
    const batches = async function* (): AsyncGenerator<RowBatch> {
      try {
        let after: SqliteRow | null = null;
        for (;;) {
          signal.throwIfAborted();
          const range = { after, upTo: null };
          const found = await collect(parts.clock, table, { range, rowsMax: batchRowsMax, schema });
          if (found.rowCount === 0) return;
          yield { schema, rowCount: found.rowCount, columns: found.columns };
          after = found.last;
        }
      } finally {
        parts.database.closeReader(db);
      }
    };
    return { low: mark, high: mark, batches: batches() };
  } catch (error) {
    parts.database.closeReader(db);
    throw error;
  }
}

/** The rows of these keys as they are, at one moment. */
export function readByKeys(
  parts: TableReadParts,
  request: { readonly keys: RowBatch; readonly epoch: number },
): ChangeBatch {
  const { keys, epoch } = request;
  const { schema } = keys;
  assert(schema.keyColumnIds.length > 0, 'a table without a key has no keys to read');
  const db = parts.database.openReader();
  try {
    return atOneMoment(db, () => {
      const mark = markNow(db, epoch);
      const { rows, reading, plan, choice } = openTable(db, parts.rules, schema);
      const changes = new TableChanges(schema, {
        epoch,
        beforeImages: false,
        rowsMax: keys.rowCount,
      });
      const site = { reading, seq: mark.completeTo.seq, commitTsUs: nowUs(parts.clock) };
      for (let index = 0; index < keys.rowCount; index++) {
        const identity = keyAt(keys, index, { plan, choice });
        const found = rows.find(identity);
        const row = found ?? identity;
        const check = (place: number): boolean => found === null || rows.isSound(row, place);
        changes.reread(found === null ? 'd' : 'r', { ...site, row, check });
      }
      return changes.take();
    });
  } finally {
    parts.database.closeReader(db);
  }
}

function nowUs(clock: Clock): bigint {
  return BigInt(Math.trunc(clock.nowMs())) * 1000n;
}

/** The table as it is now; its columns must be those of the schema. */
function openTable(db: DatabaseSync, rules: readonly TableRule[], schema: TableSchema): OpenTable {
  const { table } = schema.table;
  const where = formatTableName(schema.table);
  const shape = readShape(db, table, readTriggers(db));
  const choice = chooseTable(rules, table);
  if (shape === null || choice === null) {
    throw new FirnError('SOURCE-TABLE-MISSING', { what: `There is no table ${table}`, where });
  }
  const inForce = readPlans(db).find(
    (stored) => stored.until === null && sameName(stored.plan.table, table),
  );
  const plan = planTable(shape, rules, inForce?.plan.key ?? null);
  if ('code' in plan) throw new FirnError(plan.code, { what: plan.detail, where });
  const lost = schema.columns.find(
    ({ sourceName }) => !plan.image.some(({ name }) => name === sourceName),
  );
  if (lost !== undefined) {
    throw new FirnError('SOURCE-TABLE-CHANGED', {
      what: `Column ${lost.sourceName} is not there any more`,
      where,
    });
  }
  return { plan, choice, rows: new TableRows(db, plan), reading: readingOf(plan, schema, choice) };
}

async function collect(
  clock: Clock,
  table: OpenTable,
  request: {
    readonly range: RowRange;
    readonly rowsMax: number;
    readonly schema: TableSchema;
  },
): Promise<{
  readonly rowCount: number;
  readonly columns: RowBatch['columns'];
  readonly last: SqliteRow | null;
  readonly isCut: boolean;
}> {
  const columns = new RowColumns(request.schema);
  let rowCount = 0;
  let last: SqliteRow | null = null;
  let isCut = false;
  let sliceStartMs = clock.monotonicMs();
  for (const row of table.rows.inOrder(request.range, request.rowsMax)) {
    const check: TextCheck = (place) => table.rows.isSound(row, place);
    columns.append({ reading: table.reading, row, check }, 0, Infinity);
    last = row;
    rowCount++;
    if (rowCount % SIZE_CHECK_ROWS !== 0) continue;
    isCut = columns.sizeBytes > CHUNK_BYTES_MAX;
    if (isCut) break;
    if (clock.monotonicMs() - sliceStartMs >= SLICE_MS) {
      await clock.sleep(0);
      sliceStartMs = clock.monotonicMs();
    }
  }
  const identity = last === null ? null : table.rows.identityOf(last);
  return { rowCount, columns: columns.finish(), last: identity, isCut };
}

/** The key of a row of lake values as the values that SQLite holds, in the plan's order. */
function keyAt(
  keys: RowBatch,
  row: number,
  table: { readonly plan: CapturePlan; readonly choice: TableChoice },
): SqliteRow {
  const { plan, choice } = table;
  const carriages = imageCarriages(plan, choice);
  return plan.image.slice(0, plan.identityCount).map(({ name }, index) => {
    const column = keyColumns(keys.schema).find(({ sourceName }) => sourceName === name);
    const vector = keys.columns[keys.schema.columns.findIndex(({ id }) => id === column?.id)];
    const carriage = carriages[index];
    assert(vector !== undefined && carriage !== undefined, 'keys hold the key columns');
    return carriedValue(vector, row, carriage);
  });
}

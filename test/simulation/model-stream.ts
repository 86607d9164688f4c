/** The stream of a model source: what one look at the database finds, then a rest. */
import { present } from '../../src/kernel/assert.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import type { SourceEvent } from '../../src/model/source-event.ts';
import { formatTableName } from '../../src/model/table-schema.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { StreamRequest } from '../../src/ports/source.ts';
import type { LogEntry, ModelDatabase, ModelTable } from './model-database.ts';
import { commitTsUs, positionAt, rereads, seqAt, sourceTable } from './model-places.ts';
import type { ModelSourceParts } from './model-places.ts';
import { changeBatch } from './row-cells.ts';

const POLL_MS = 100;

const HEARTBEAT_MS = 1000;

/** Transactions between two borders that are told, at most. */
const BORDER_EVERY = 3;

/** Rows per batch: small, so that batches end inside transactions. */
const BATCH_ROWS = 2;

interface Captured {
  schema: TableSchema;
  /** Where the stream began. */
  readonly from: bigint;
}

/** Streams until the signal, or until what was there at the start with `once`. */
export async function* modelStream(
  parts: ModelSourceParts,
  request: StreamRequest,
): AsyncGenerator<SourceEvent> {
  const { database, clock } = parts;
  const { signal, epoch, beforeImages } = request;
  let place = request.from === null ? database.lastSeq : seqAt(request.from);
  if (place < database.forgottenTo) {
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `the log begins after ${database.forgottenTo}, not at ${place}`,
    });
  }
  const target = request.once ? database.lastSeq : null;
  const captured = new Map(
    request.tables.map((schema) => [schema.table.table, { schema, from: place }]),
  );
  let toldMs = -Infinity;
  for (;;) {
    yield* settleSchemas(parts, request, captured);
    database.reach();
    // From here to the end of the read nothing waits: one moment of the database.
    const to = database.lastSeq;
    if (to > place) {
      const events = eventsBetween(parts, { epoch, beforeImages, captured, from: place, to });
      place = to;
      toldMs = clock.monotonicMs();
      yield* events;
    }
    const isDone = target !== null && place >= target;
    if (isDone || clock.monotonicMs() - toldMs >= HEARTBEAT_MS) {
      toldMs = clock.monotonicMs();
      yield {
        kind: 'heartbeat',
        position: positionAt(database, place),
        completeTo: { epoch, seq: place },
      };
    }
    if (isDone || signal.aborted) return;
    await clock.sleep(POLL_MS, signal);
    if (signal.aborted) return;
  }
}

/** Tells what happened to tables, until every captured one is as its schema says. */
async function* settleSchemas(
  parts: ModelSourceParts,
  request: StreamRequest,
  captured: Map<string, Captured>,
): AsyncGenerator<SourceEvent> {
  for (let settled = false; !settled;) {
    settled = true;
    for (const [name, one] of captured) {
      const table = parts.database.table(name);
      const since = parts.database.capturedAfter(name);
      if (table === null || since === null || since > one.from) {
        // Gone, another table of the name, or captured only after the stream's beginning.
        captured.delete(name);
        yield halted(one.schema, table);
      } else if (table.columns.length > one.schema.columns.length) {
        settled = false;
        one.schema = await request.resolveSchema(sourceTable(parts, table));
        yield { kind: 'schema-changed', schema: one.schema };
      }
    }
  }
}

function halted(schema: TableSchema, table: ModelTable | null): SourceEvent {
  const where = formatTableName(schema.table);
  const error =
    table === null
      ? new FirnError('SOURCE-TABLE-MISSING', { what: 'the table is gone', where })
      : new FirnError('SOURCE-TABLE-REBUILT', { what: 'the table is another one', where });
  return {
    kind: 'table-halted',
    table: schema.table,
    error,
    recovery: table === null ? 'operator' : 'bootstrap',
    completeFrom: null,
  };
}

/** Changes in `(from, to]` in log order, with borders between some transactions. */
function eventsBetween(
  parts: ModelSourceParts,
  read: {
    readonly epoch: number;
    readonly beforeImages: boolean;
    readonly captured: ReadonlyMap<string, Captured>;
    readonly from: bigint;
    readonly to: bigint;
  },
): readonly SourceEvent[] {
  const { database } = parts;
  const { epoch, captured, from, to } = read;
  const entries = database.log.filter(
    (entry) => entry.seq > from && entry.seq <= to && isOf(captured, database, entry),
  );
  const events: SourceEvent[] = [];
  const border = (seq: bigint): void => {
    const position = positionAt(database, seq);
    const completeTo = { epoch, seq };
    events.push({ kind: 'transaction-end', position, completeTo, commitTsUs: commitTsUs(seq) });
  };
  for (let seq = from + 1n; seq <= to; seq++) {
    const transaction = entries.filter((entry) => entry.seq === seq);
    for (const [name, rows] of Map.groupBy(transaction, (entry) => entry.table)) {
      const { schema } = present(captured.get(name), name);
      events.push(...batches(schema, read, rows));
    }
    if (seq < to && (seq - from) % BigInt(BORDER_EVERY) === 0n) border(seq);
  }
  const looks = Map.groupBy(
    entries.filter((entry) => entry.op === 'look'),
    (entry) => entry.table,
  );
  for (const [name, rows] of looks) {
    const { schema } = present(captured.get(name), name);
    const keys = [...new Map(rows.map(({ values }) => [values.join(), values])).values()];
    events.push({ kind: 'changes', batch: rereads(database, { schema, epoch, keys }) });
  }
  border(to);
  return events;
}

/** Whether an entry is of a captured table, and of the table that has its name now. */
function isOf(
  captured: ReadonlyMap<string, Captured>,
  database: ModelDatabase,
  entry: LogEntry,
): boolean {
  const isPresent = database.table(entry.table)?.generation === entry.generation;
  return captured.has(entry.table) && isPresent;
}

function batches(
  schema: TableSchema,
  read: { readonly epoch: number; readonly beforeImages: boolean },
  entries: readonly LogEntry[],
): readonly SourceEvent[] {
  const { epoch, beforeImages } = read;
  const changes = entries.flatMap(({ op, seq, row, values, before }) =>
    op === 'look' ? [] : [{ op, seq, row, values, before: beforeImages ? before : null }],
  );
  const events: SourceEvent[] = [];
  for (let start = 0; start < changes.length; start += BATCH_ROWS) {
    const some = changes.slice(start, start + BATCH_ROWS);
    const batch = changeBatch(schema, some, { epoch, commitTsUs });
    events.push({ kind: 'changes', batch });
  }
  return events;
}

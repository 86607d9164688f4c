/**
 * The captured tables of a running stream: where the rows of each one go, what becomes of a table
 * whose description in the log changed, and which tables stopped. A stopped table takes no more
 * rows, and the others do not notice (docs/spec/source-mysql.md Y5).
 */
import { chooseTable } from '../../../config/table-choice.ts';
import type { TableRule } from '../../../config/pipeline-config.ts';
import { compileTable } from '../../../binlog/table-reader.ts';
import type { ColumnReader, TableReader } from '../../../binlog/table-reader.ts';
import type { LogTable } from '../../../binlog/log-table.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import type { ChangeBatch } from '../../../model/change-batch.ts';
import { OP_CODE } from '../../../model/change-batch.ts';
import { ColumnBuilder } from '../../../model/column-builder.ts';
import { dropRows } from '../../../model/slice-batch.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import type { SourceEvent, SourceTable } from '../../../model/source-event.ts';
import { formatTableName, keyColumns } from '../../../model/table-schema.ts';
import type { TableName, TableSchema } from '../../../model/table-schema.ts';
import { imageReader } from '../../../mysql/image-reader.ts';
import type { StreamRequest } from '../../../ports/source.ts';

/** What the tables need from the source. */
export interface StreamTableParts {
  readonly rules: readonly TableRule[];
  readonly request: Pick<StreamRequest, 'tables' | 'epoch' | 'beforeImages' | 'resolveSchema'>;
  /** The table as the server has it now; `null` when it is gone or refused. */
  readonly discoverTable: (table: TableName) => Promise<SourceTable | null>;
}

/** A table of the stream. */
interface StreamTable {
  schema: TableSchema;
  /** Takes the rows; `null` before the first. */
  reader: TableReader | null;
  /** Earlier readers that still hold rows. */
  readonly retired: TableReader[];
  isHalted: boolean;
  /** Its DROP was read: a table that is made under its name is a new one. */
  isDropped: boolean;
  /** What the last description asks for before rows can be taken; `null`: nothing. */
  pending: 'new-columns' | FirnError | null;
  /** Columns of the log that are not captured: excluded, hidden, or gone from the server. */
  readonly ignored: Set<string>;
  /** Whether the log names a primary key that is the schema's key. */
  hasPrimaryKey: boolean;
  refusals: number;
  /** Last row that was given out. */
  given: { seq: bigint; row: number } | null;
  /** After a reconnect: rows up to here were given out before. */
  repeated: { readonly seq: bigint; readonly row: number } | null;
}

/** Bounds of one batch. */
const BATCH_ROWS_MAX = 16_384;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** Times that a table may stop and go on in one stream. */
const REFUSALS_MAX = 1000;

/** Place of a change that is no row image. */
export interface ChangeStamp {
  readonly seq: bigint;
  readonly commitTsUs: bigint;
  readonly gtid: string | null;
}

/** Tables by name. */
export class StreamTables {
  readonly #parts: StreamTableParts;
  readonly #tables = new Map<string, StreamTable>();
  readonly #byLog = new WeakMap<LogTable, StreamTable>();
  /** Tables with rows that were not given out. */
  readonly #dirty = new Set<StreamTable>();

  constructor(parts: StreamTableParts) {
    this.#parts = parts;
    for (const schema of parts.request.tables) {
      this.#tables.set(formatTableName(schema.table), {
        schema,
        reader: null,
        retired: [],
        isHalted: false,
        isDropped: false,
        pending: null,
        ignored: new Set(),
        hasPrimaryKey: true,
        refusals: 0,
        given: null,
        repeated: null,
      });
    }
  }

  /** Names of the tables that still take rows. */
  names(): readonly TableName[] {
    const live = [...this.#tables.values()].filter(({ isHalted }) => !isHalted);
    return live.map(({ schema }) => schema.table);
  }

  /** Whether a description waits for {@link described}. */
  isPending(log: LogTable): boolean {
    return (this.#byLog.get(log)?.pending ?? null) !== null;
  }

  /** Whether the rules take a table that this stream does not know, or saw dropped. */
  isNew(table: TableName): boolean {
    const name = formatTableName(table);
    const isKnown = this.#tables.get(name)?.isDropped === false;
    return !isKnown && chooseTable(this.#parts.rules, name) !== null;
  }

  /** Whether the rows of a table are told apart by another key than the primary. */
  hasOtherKey(name: TableName): boolean {
    return this.#tables.get(formatTableName(name))?.hasPrimaryKey === false;
  }

  /** Schema of a captured table that still takes rows; else `null`. */
  schemaOf(table: TableName): TableSchema | null {
    const found = this.#tables.get(formatTableName(table));
    return found === undefined || found.isHalted ? null : found.schema;
  }

  /** The reader for rows of a table as the log describes it; `null`: pass over them. */
  wants(log: LogTable): TableReader | null {
    const table = this.#tables.get(formatTableName(log));
    if (table === undefined || table.isHalted) return null;
    this.#byLog.set(log, table);
    table.hasPrimaryKey = isKey(log, table.schema);
    if (table.reader?.fits(log) === true) return table.reader;
    table.pending = this.#obstacle(table, log);
    return table.pending === null ? this.#compile(table, log) : null;
  }

  /**
   * Settles what a description asks for: the reader for its rows and what must be told before them,
   * or why they cannot be read.
   */
  async described(log: LogTable): Promise<{
    readonly reader: TableReader | null;
    readonly events: readonly SourceEvent[];
    readonly refusal: FirnError | null;
  }> {
    const table = this.#byLog.get(log);
    const pending = table?.pending ?? null;
    if (table === undefined || pending === null) return { reader: null, events: [], refusal: null };
    table.pending = null;
    if (pending !== 'new-columns') return { reader: null, events: [], refusal: pending };
    const events = await this.#extend(table, log);
    const reader = this.#compile(table, log);
    const refusal = table.pending;
    table.pending = null;
    return { reader, events, refusal };
  }

  /** Notes that a table took rows; whether it wants to be cut. */
  tookRows(log: LogTable): boolean {
    const table = this.#byLog.get(log);
    if (table === undefined) return false;
    this.#dirty.add(table);
    return table.reader?.isFull === true;
  }

  /** Gives out what the tables hold. */
  *cut(): Generator<SourceEvent> {
    for (const table of this.#dirty) {
      for (const reader of table.retired.splice(0)) yield* this.#batch(table, reader);
      if (table.reader !== null) yield* this.#batch(table, table.reader);
    }
    this.#dirty.clear();
  }

  /** A connection was lost: what came after `seq` comes again. */
  forgetAfter(seq: bigint): void {
    for (const table of this.#tables.values()) {
      for (const reader of [...table.retired, table.reader]) reader?.dropAfter(seq);
      table.repeated = table.given;
    }
  }

  /**
   * Stops a table; nothing when it is not captured or stopped for good. With `completeFrom` its
   * later rows are still taken, for the case that it was loaded again behind that mark.
   */
  halt(
    name: TableName,
    why: {
      readonly error: FirnError;
      readonly recovery: 'bootstrap' | 'operator';
      readonly completeFrom: SequenceMark | null;
      /** What was dropped; `null`: nothing was. */
      readonly removal: 'table' | 'database' | null;
    },
  ): readonly SourceEvent[] {
    const table = this.#tables.get(formatTableName(name));
    if (table === undefined || table.isHalted) return [];
    const { error, recovery, removal } = why;
    table.isDropped = removal !== null;
    const isLast = why.completeFrom === null || ++table.refusals > REFUSALS_MAX;
    if (isLast) {
      table.isHalted = true;
      table.reader = null;
      table.retired.length = 0;
      this.#dirty.delete(table);
    }
    const completeFrom = isLast ? null : why.completeFrom;
    const halted = { table: table.schema.table, error, recovery, completeFrom };
    return [{ kind: 'table-halted', ...halted, ...(removal === null ? {} : { removal }) }];
  }

  /** TRUNCATE as one change of every key. The tables must have been cut before. */
  truncate(name: TableName, stamp: ChangeStamp): readonly SourceEvent[] {
    const schema = this.schemaOf(name);
    if (schema === null) return [];
    const columns = schema.columns.map(({ type }) => {
      const builder = new ColumnBuilder(type);
      builder.appendNull();
      return builder.finish();
    });
    const tx = new ColumnBuilder({ kind: 'string' });
    if (stamp.gtid !== null) tx.appendString(stamp.gtid);
    const batch: ChangeBatch = {
      schema,
      rowCount: 1,
      columns,
      epoch: this.#parts.request.epoch,
      op: Uint8Array.of(OP_CODE.t),
      seq: BigInt64Array.of(stamp.seq),
      row: Int32Array.of(1),
      commitTsUs: BigInt64Array.of(stamp.commitTsUs),
      tx: stamp.gtid === null ? null : tx.finish(),
      before: this.#parts.request.beforeImages ? columns : null,
    };
    return [{ kind: 'changes', batch }];
  }

  *#batch(table: StreamTable, reader: TableReader): Generator<SourceEvent> {
    const batch = reader.cut(this.#parts.request.epoch);
    const fresh = batch === null ? null : this.#notRepeated(table, batch);
    if (fresh === null) return;
    const last = fresh.rowCount - 1;
    table.given = { seq: fresh.seq[last] ?? 0n, row: fresh.row[last] ?? 0 };
    yield { kind: 'changes', batch: fresh };
  }

  #notRepeated(table: StreamTable, batch: ChangeBatch): ChangeBatch | null {
    if (table.repeated === null) return batch;
    const { seq, row } = table.repeated;
    let count = 0;
    while (count < batch.rowCount) {
      const at = batch.seq[count] ?? 0n;
      if (at > seq || (at === seq && (batch.row[count] ?? 0) > row)) break;
      count++;
    }
    if (count < batch.rowCount) table.repeated = null;
    if (count === 0) return batch;
    return count === batch.rowCount ? null : dropRows(batch, count);
  }

  /** What must happen before rows of this description can be read. */
  #obstacle(table: StreamTable, log: LogTable): StreamTable['pending'] {
    const where = formatTableName(log);
    if (!log.named) {
      return new FirnError('SOURCE-LOG-METADATA', {
        what: 'The log has no column names: binlog_row_metadata is not FULL',
        where,
      });
    }
    const names = new Set(log.columns.map(({ name }) => name));
    const lost = keyColumns(table.schema).find(({ sourceName }) => !names.has(sourceName));
    if (lost !== undefined) {
      return new FirnError('SOURCE-KEY-CHANGED', {
        what: `The log has no column ${lost.sourceName}, which is part of the key`,
        where,
      });
    }
    const known = new Set(table.schema.columns.map(({ sourceName }) => sourceName));
    const isNew = log.columns.some(
      ({ name }) => name !== null && !known.has(name) && !table.ignored.has(name),
    );
    return isNew ? 'new-columns' : null;
  }

  /** New columns of the log: those that the server has too become part of the schema. */
  async #extend(table: StreamTable, log: LogTable): Promise<readonly SourceEvent[]> {
    const { schema } = table;
    const known = new Set(schema.columns.map(({ sourceName }) => sourceName));
    const added = log.columns.flatMap(({ name }) =>
      name === null || known.has(name) ? [] : [name],
    );
    const choice = chooseTable(this.#parts.rules, formatTableName(log));
    const isAsked = added.some((name) => choice?.isExcluded(name) === false);
    const found = isAsked ? await this.#parts.discoverTable(log) : null;
    const columns = (found?.columns ?? []).filter(({ sourceName }) => added.includes(sourceName));
    for (const name of added) {
      if (!columns.some(({ sourceName }) => sourceName === name)) table.ignored.add(name);
    }
    if (found === null || columns.length === 0) return [];
    table.schema = await this.#parts.request.resolveSchema({
      ...found,
      columns: [...schema.columns, ...columns].map(({ sourceName, type, sourceType }) => {
        return { sourceName, type, sourceType };
      }),
      keyColumns: keyColumns(schema).map(({ sourceName }) => sourceName),
    });
    return [{ kind: 'schema-changed', schema: table.schema }];
  }

  #compile(table: StreamTable, log: LogTable): TableReader | null {
    const choice = chooseTable(this.#parts.rules, formatTableName(log));
    const { schema } = table;
    try {
      const readers = log.columns.map((column): ColumnReader | null => {
        const index = schema.columns.findIndex(({ sourceName }) => sourceName === column.name);
        const own = schema.columns[index];
        if (own === undefined) return null;
        const policy = choice?.onMisfit(own.sourceName) === 'null' ? 'null' : 'halt';
        return { column: index, read: imageReader(column, own, policy) };
      });
      if (table.reader !== null) table.retired.push(table.reader);
      table.reader = compileTable({
        log,
        schema,
        readers,
        beforeImages: this.#parts.request.beforeImages ? 'full' : 'key',
        batchRowsMax: BATCH_ROWS_MAX,
        batchBytesMax: BATCH_BYTES_MAX,
      });
      return table.reader;
    } catch (error) {
      if (!isFirnError(error) || error.disposition !== 'halt-table') throw error;
      table.pending = error;
      return null;
    }
  }
}

/** Whether the log's primary key is the key that the schema goes by. */
function isKey({ primaryKey, columns }: LogTable, schema: TableSchema): boolean {
  const names = primaryKey?.map(({ column }) => columns[column]?.name);
  return (
    names?.join() ===
    keyColumns(schema)
      .map(({ sourceName }) => sourceName)
      .join()
  );
}

/**
 * One captured table of a running stream: what was read of its topic and may not be given out yet,
 * and the rows that may. Rows are given out in log order, each once: what a connector sends again
 * after a crash is at or below what was seen, and is dropped (docs/spec/source-debezium.md D5).
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import { OP_CODE } from '../../model/change-batch.ts';
import type { ChangeBatch } from '../../model/change-batch.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import { formatTableName, keyColumns } from '../../model/table-schema.ts';
import type { Column, TableSchema } from '../../model/table-schema.ts';
import type { StatementEffect } from '../../mysql/statement-effects.ts';
import type { TopicChange } from './envelope.ts';
import { fieldReading } from './field-decoder.ts';
import type { FieldDecoder, ValueModes } from './field-decoder.ts';
import type { TopicPlace } from './topic-places.ts';

/** Bounds of one batch. */
const BATCH_ROWS_MAX = 8192;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** A change that waits, with where its record stands. */
export interface HeldChange {
  readonly change: TopicChange;
  readonly offset: bigint;
}

/** What a statement does to the table, at its place. */
export interface TableCut {
  readonly seq: bigint;
  readonly effect: Extract<StatementEffect, { kind: 'halt' }>;
}

interface FieldPlan {
  readonly column: Column;
  readonly builder: ColumnBuilder;
  readonly decode: FieldDecoder;
  readonly isKey: boolean;
  readonly onMisfit: 'halt' | 'null';
}

/** How the values of a table are read. */
export interface TopicTableParts {
  readonly modes: ValueModes;
  readonly epoch: number;
  /** What happens to a value that its column cannot hold. */
  readonly onMisfit: (column: string) => 'halt' | 'null';
}

/** A table and its topic. */
export class TopicTable {
  readonly topic: string;
  /** Everything at or below was given out before. */
  readonly after: bigint;
  /** Where to read next; `null`: there is no topic yet. */
  place: TopicPlace | null;
  /** Changes that were read and may not be given out yet, in log order. */
  held: HeldChange[] = [];
  /** Statements that still come into force, in log order. */
  cuts: TableCut[] = [];
  /** Up to here the topic must be read to be complete to the barrier; `null`: not known yet. */
  readTo: bigint | null = null;
  isHalted = false;
  /** Changes that came again. */
  repeats = 0;
  /** Columns that envelopes have and the schema leaves out. */
  readonly ignored = new Set<string>();
  readonly #parts: TopicTableParts;
  #schema: TableSchema;
  #plan: readonly FieldPlan[] = [];
  #known: ReadonlySet<string> = new Set();
  #last: { readonly seq: bigint; readonly row: number };
  readonly #ops: number[] = [];
  readonly #seqs: bigint[] = [];
  readonly #rows: number[] = [];
  readonly #times: bigint[] = [];
  readonly #txs = new ColumnBuilder({ kind: 'string' });

  constructor(
    parts: TopicTableParts,
    start: {
      readonly schema: TableSchema;
      readonly topic: string;
      readonly place: TopicPlace | null;
      /** Everything at or below was given out before. */
      readonly after: bigint;
    },
  ) {
    this.#parts = parts;
    this.#schema = start.schema;
    this.topic = start.topic;
    this.after = start.after;
    this.place = start.place;
    this.#last = { seq: start.after, row: Number.POSITIVE_INFINITY };
    this.#compile();
  }

  get schema(): TableSchema {
    return this.#schema;
  }

  /** For messages. */
  get name(): string {
    return formatTableName(this.#schema.table);
  }

  /** Rows from here on have these columns. The rows so far must have been cut. */
  set schema(schema: TableSchema) {
    this.#schema = schema;
    this.#compile();
  }

  /** Takes a change that was read; one that came again is dropped and counted. */
  hold(held: HeldChange): void {
    const { seq, row } = held.change;
    if (!this.isNew(held.change)) {
      this.repeats++;
      return;
    }
    this.#last = { seq, row };
    this.held.push(held);
  }

  /** Whether a change is behind all that were seen. */
  isNew({ seq, row }: Pick<TopicChange, 'seq' | 'row'>): boolean {
    const { seq: lastSeq, row: lastRow } = this.#last;
    return seq > lastSeq || (seq === lastSeq && row > lastRow);
  }

  /** Fields of an image that the schema does not know. */
  newFields(image: JsonObject): readonly string[] {
    return Object.keys(image).filter((name) => !this.#known.has(name) && !this.ignored.has(name));
  }

  /**
   * Takes a row.
   *
   * @returns whether the rows should be cut off now
   * @throws {FirnError} SOURCE-VALUE-MISFIT, SOURCE-RECORD-UNREADABLE
   */
  append({ op, seq, row, tx, commitTsUs, image }: TopicChange): boolean {
    try {
      for (const field of this.#plan) {
        if (op === 't') field.builder.appendNull();
        else this.#appendField(field, image);
      }
    } catch (error) {
      // The rows before it are whole.
      for (const { builder } of this.#plan) builder.truncate(this.#ops.length);
      throw error;
    }
    this.#ops.push(OP_CODE[op]);
    this.#seqs.push(seq);
    this.#rows.push(row);
    this.#times.push(commitTsUs);
    if (tx === null) this.#txs.appendNull();
    else this.#txs.appendString(tx);
    if (this.#ops.length >= BATCH_ROWS_MAX) return true;
    if (this.#ops.length % 64 !== 0) return false;
    const bytes = this.#plan.reduce((sum, { builder }) => sum + builder.sizeBytes, 0);
    return bytes >= BATCH_BYTES_MAX;
  }

  /** The rows so far; `null`: none. */
  cut(): ChangeBatch | null {
    const rowCount = this.#ops.length;
    if (rowCount === 0) return null;
    return {
      schema: this.#schema,
      rowCount,
      columns: this.#plan.map(({ builder }) => builder.finish()),
      epoch: this.#parts.epoch,
      op: Uint8Array.from(this.#ops.splice(0)),
      seq: BigInt64Array.from(this.#seqs.splice(0)),
      row: Int32Array.from(this.#rows.splice(0)),
      commitTsUs: BigInt64Array.from(this.#times.splice(0)),
      tx: this.#txs.finish(),
      before: null,
    };
  }

  #appendField({ column, builder, decode, isKey, onMisfit }: FieldPlan, image: JsonObject): void {
    const field = image[column.sourceName];
    if (field === undefined || (field === null && isKey)) {
      const lack = field === undefined ? 'has no field' : 'has no value in the key column';
      throw this.#error('SOURCE-RECORD-UNREADABLE', `A change ${lack} ${column.sourceName}`);
    }
    if (field === null) builder.appendNull();
    else if (decode(field, builder)) return;
    else if (onMisfit === 'null' && !isKey) builder.appendNull();
    else {
      const what = `Column ${column.sourceName}: the field is no value of ${column.sourceType}`;
      throw this.#error('SOURCE-VALUE-MISFIT', what);
    }
  }

  #error(code: 'SOURCE-RECORD-UNREADABLE' | 'SOURCE-VALUE-MISFIT', what: string): FirnError {
    return new FirnError(code, { what, where: `${this.name}, topic ${this.topic}` });
  }

  #compile(): void {
    const keys = new Set(keyColumns(this.#schema).map(({ id }) => id));
    this.#plan = this.#schema.columns.map((column) => {
      const reading = fieldReading(column, this.#parts.modes);
      if (reading.kind === 'refused') {
        const what = `Column ${column.sourceName} ${reading.reason}`;
        throw new FirnError('SOURCE-TABLE-UNSUPPORTED', { what, where: this.name });
      }
      return {
        column,
        builder: new ColumnBuilder(column.type),
        decode: reading.decode,
        isKey: keys.has(column.id),
        onMisfit: this.#parts.onMisfit(column.sourceName),
      };
    });
    this.#known = new Set(this.#schema.columns.map(({ sourceName }) => sourceName));
  }
}

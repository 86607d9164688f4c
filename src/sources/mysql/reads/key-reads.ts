/**
 * Rows read again by key, for repair and settled dead letters. The server finds rows by its
 * collations, to which 'abc' and 'ABC' can be one key; the lake knows keys by their bytes. So a row
 * answers a key only when they are the same bytes, and a key without such a row is gone.
 */
import { assert, unreachable } from '../../../kernel/assert.ts';
import { OP_CODE } from '../../../model/change-batch.ts';
import type { ChangeBatch, RowBatch } from '../../../model/change-batch.ts';
import { REREAD_ROW } from '../../../model/change-sequence.ts';
import { ColumnBuilder } from '../../../model/column-builder.ts';
import { isValid } from '../../../model/column-vector.ts';
import type { ColumnVector } from '../../../model/column-vector.ts';
import {
  columnsOf,
  keyLiteralsAt,
  openReadConnection,
  planReading,
  tableError,
} from './table-reading.ts';
import type { TableReadParts, TableReading } from './table-reading.ts';
import { RowSession } from './row-session.ts';
import { selectKeys } from '../../../mysql/table-statements.ts';

/** Keys in one statement, by number and by length of their literals. */
const KEYS_MAX = 500;
const KEYS_LENGTH_MAX = 256 * 1024;

/** Bytes of rows held at a time beside the answer. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** The rows of these keys as they are now. */
export async function readByKeys(
  parts: TableReadParts,
  request: { readonly keys: RowBatch; readonly epoch: number },
): Promise<ChangeBatch> {
  const { keys, epoch } = request;
  const { schema } = keys;
  assert(schema.keyColumnIds.length > 0, 'a table without a key has no keys to read');
  const mark = await parts.marks.low(epoch);
  const connection = await openReadConnection(parts);
  const changes = new Rereads(keys);
  let session: RowSession | null = null;
  try {
    const reading = await planReading(connection, parts.rules, schema);
    session = new RowSession(connection, parts.clock);
    for (const group of groups(reading, keys)) {
      const rows = session.rows(selectKeys(reading.statement, group), {
        columns: columnsOf(reading),
        limits: { rowsMax: KEYS_MAX, bytesMax: BATCH_BYTES_MAX },
        signal: new AbortController().signal,
      });
      for await (const { rowCount, columns } of rows) changes.found({ schema, rowCount, columns });
    }
    session.close();
  } catch (error) {
    session?.destroy();
    connection.destroy();
    throw tableError(error, schema);
  }
  const nowUs = BigInt(Math.trunc(parts.clock.nowMs())) * 1000n;
  return changes.finish({ epoch, seq: mark.completeTo.seq, commitTsUs: nowUs });
}

/** Keys as literals, as many at a time as one statement takes. */
function* groups(reading: TableReading, keys: RowBatch): Generator<readonly (readonly string[])[]> {
  let group: (readonly string[])[] = [];
  let length = 0;
  for (let row = 0; row < keys.rowCount; row++) {
    const literals = keyLiteralsAt(reading, keys, row);
    group.push(literals);
    length += literals.reduce((sum, literal) => sum + literal.length, 0);
    if (group.length < KEYS_MAX && length < KEYS_LENGTH_MAX) continue;
    yield group;
    group = [];
    length = 0;
  }
  if (group.length > 0) yield group;
}

/** Collects one change per key. */
class Rereads {
  readonly #keys: RowBatch;
  readonly #builders: readonly ColumnBuilder[];
  /** Keys that no row was found for yet: bytes of the key to its row in `keys`. */
  readonly #missing = new Map<string, number>();
  readonly #ops: number[] = [];

  constructor(keys: RowBatch) {
    this.#keys = keys;
    this.#builders = keys.schema.columns.map(({ type }) => new ColumnBuilder(type));
    for (let row = 0; row < keys.rowCount; row++) this.#missing.set(keyText(keys, row), row);
  }

  /** Takes the rows that are exactly of a key asked for. */
  found(rows: RowBatch): void {
    for (let row = 0; row < rows.rowCount; row++) {
      if (!this.#missing.delete(keyText(rows, row))) continue;
      this.#append(rows, row, () => true);
      this.#ops.push(OP_CODE.r);
    }
  }

  /** All changes; keys without a row are deletes that hold the key alone. */
  finish(place: {
    readonly epoch: number;
    readonly seq: bigint;
    readonly commitTsUs: bigint;
  }): ChangeBatch {
    const { schema } = this.#keys;
    const isKey = (index: number): boolean =>
      schema.keyColumnIds.includes(schema.columns[index]?.id ?? 0);
    for (const row of this.#missing.values()) {
      this.#append(this.#keys, row, isKey);
      this.#ops.push(OP_CODE.d);
    }
    const rowCount = this.#ops.length;
    return {
      schema,
      rowCount,
      columns: this.#builders.map((builder) => builder.finish()),
      epoch: place.epoch,
      op: Uint8Array.from(this.#ops),
      seq: new BigInt64Array(rowCount).fill(place.seq),
      row: new Int32Array(rowCount).fill(REREAD_ROW),
      commitTsUs: new BigInt64Array(rowCount).fill(place.commitTsUs),
      tx: null,
      before: null,
    };
  }

  #append(rows: RowBatch, row: number, wants: (index: number) => boolean): void {
    for (const [index, builder] of this.#builders.entries()) {
      const vector = rows.columns[index];
      if (vector === undefined || !wants(index)) builder.appendNull();
      else appendValue(builder, vector, row);
    }
  }
}

/** The bytes of a row's key, as text to compare by. */
function keyText({ schema, columns }: RowBatch, row: number): string {
  const values = schema.keyColumnIds.map((id) => {
    const vector = columns[schema.columns.findIndex((column) => column.id === id)];
    if (vector === undefined) throw new TypeError('rows hold the key columns');
    switch (vector.kind) {
      case 'bytes':
        return bytesAt(vector, row).toString('latin1');
      case 'int128':
        return `${vector.values[2 * row]}:${vector.values[2 * row + 1]}`;
      default:
        return String(vector.values[row]);
    }
  });
  return JSON.stringify(values);
}

function bytesAt(vector: Extract<ColumnVector, { kind: 'bytes' }>, row: number): Buffer {
  const [from, to] = [vector.offsets[row] ?? 0, vector.offsets[row + 1] ?? 0];
  const { buffer, byteOffset } = vector.data;
  return Buffer.from(buffer, byteOffset + from, to - from);
}

function appendValue(builder: ColumnBuilder, vector: ColumnVector, row: number): void {
  if (!isValid(vector, row)) return builder.appendNull();
  switch (vector.kind) {
    case 'bytes':
      return builder.appendRun(vector.data, vector.offsets[row] ?? 0, vector.offsets[row + 1] ?? 0);
    case 'int64':
      return builder.appendBigInt(vector.values[row] ?? 0n);
    case 'int128': {
      const low = BigInt.asUintN(64, vector.values[2 * row] ?? 0n);
      return builder.appendBigInt(((vector.values[2 * row + 1] ?? 0n) << 64n) | low);
    }
    case 'bool':
    case 'int32':
    case 'float32':
    case 'float64':
      return builder.appendNumber(vector.values[row] ?? 0);
    default:
      return unreachable(vector);
  }
}

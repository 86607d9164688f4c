/** Values of columns as text and back, for parts of a simulation that keep rows as text. */
import { assert, present, unreachable } from '../../src/kernel/assert.ts';
import type { PresentValue } from '../../src/iceberg/single-value.ts';
import type { ChangeBatch, ChangeOp, RowBatch } from '../../src/model/change-batch.ts';
import { OP_CODE } from '../../src/model/change-batch.ts';
import { ColumnBuilder } from '../../src/model/column-builder.ts';
import type { ColumnType } from '../../src/model/column-type.ts';
import type { ColumnVector } from '../../src/model/column-vector.ts';
import { isValid } from '../../src/model/column-vector.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { TextRow } from '../oracles/fold-events.ts';

/** A value of a vector as text: digits, unscaled, text as it is, bytes as hexadecimal digits. */
export function cellText(vector: ColumnVector, row: number, type: ColumnType): string | null {
  if (!isValid(vector, row)) return null;
  switch (vector.kind) {
    case 'bytes': {
      const bytes = vector.data.subarray(vector.offsets[row], vector.offsets[row + 1]);
      return Buffer.from(bytes).toString(type.kind === 'string' ? 'utf8' : 'hex');
    }
    case 'int128': {
      const [low = 0n, high = 0n] = vector.values.subarray(2 * row, 2 * row + 2);
      return String((high << 64n) | BigInt.asUintN(64, low));
    }
    case 'bool':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
      return String(present(vector.values[row], 'a value'));
    default:
      return unreachable(vector);
  }
}

/** Text of {@link cellText} as a value. */
export function cellValue(type: { readonly kind: string }, text: string): PresentValue {
  switch (type.kind) {
    case 'boolean':
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return Number(text);
    case 'long':
    case 'timestamp':
    case 'timestamptz':
    case 'decimal':
      return BigInt(text);
    case 'string':
      return text;
    default:
      return Uint8Array.from(Buffer.from(text, 'hex'));
  }
}

/** Rows of a batch as text, column by column. */
export function textRows(batch: RowBatch): readonly TextRow[] {
  const { schema, columns, rowCount } = batch;
  return Array.from({ length: rowCount }, (_, row) =>
    schema.columns.map(({ type }, index) =>
      cellText(present(columns[index], 'a vector'), row, type),
    ),
  );
}

/** A batch of rows given as text. */
export function rowBatch(schema: TableSchema, rows: readonly TextRow[]): RowBatch {
  const columns = schema.columns.map(({ type }, index) => {
    const builder = new ColumnBuilder(type);
    for (const row of rows) appendText(builder, type, row[index] ?? null);
    return builder.finish();
  });
  return { schema, rowCount: rows.length, columns };
}

function appendText(builder: ColumnBuilder, type: ColumnType, text: string | null): void {
  if (text === null) return builder.appendNull();
  const value = cellValue(type, text);
  if (typeof value === 'number') return builder.appendNumber(value);
  if (typeof value === 'bigint') return builder.appendBigInt(value);
  if (typeof value === 'string') return builder.appendString(value);
  assert(value instanceof Uint8Array, 'what is left are bytes');
  builder.appendBytes(value);
}

/** One change with its row as text. */
export interface TextChange {
  readonly op: ChangeOp;
  readonly seq: bigint;
  readonly row: number;
  readonly values: TextRow;
  readonly before?: TextRow | null;
}

/** A batch of changes of one epoch, given as text. */
export function changeBatch(
  schema: TableSchema,
  changes: readonly TextChange[],
  stamp: { readonly epoch: number; readonly commitTsUs: (seq: bigint) => bigint },
): ChangeBatch {
  const rows = rowBatch(
    schema,
    changes.map(({ values }) => values),
  );
  return {
    ...rows,
    epoch: stamp.epoch,
    op: Uint8Array.from(changes, ({ op }) => OP_CODE[op]),
    seq: BigInt64Array.from(changes, ({ seq }) => seq),
    row: Int32Array.from(changes, ({ row }) => row),
    commitTsUs: BigInt64Array.from(changes, ({ seq }) => stamp.commitTsUs(seq)),
    tx: null,
    before: isAny(changes)
      ? rowBatch(
          schema,
          changes.map(({ before }) => before ?? []),
        ).columns
      : null,
  };
}

function isAny(changes: readonly TextChange[]): boolean {
  return changes.some(({ before }) => (before ?? null) !== null);
}

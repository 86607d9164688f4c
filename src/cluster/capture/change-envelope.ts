/**
 * Changes as Firn's own feed writes them to Kafka: the JSON envelope of Debezium (`op`, `before`,
 * `after`, `source`), with the identity of the change in the source block. The text follows from
 * the change alone, so that a change that is written again is the same text
 * (docs/spec/cluster.md E26).
 *
 * Integers are digits, however many. Floating-point numbers are texts, with the shortest digits
 * that give the same number back: JSON has no infinity and no zero below zero. Bytes are
 * hexadecimal digits.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import { CHANGE_OPS } from '../../model/change-batch.ts';
import type { ChangeBatch } from '../../model/change-batch.ts';
import { isValid } from '../../model/column-vector.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { assert, present } from '../../kernel/assert.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { Column } from '../../model/table-schema.ts';

/** Bytes that a batch of records in a table's topic may have. */
export const FEED_BATCH_BYTES_MAX = 16 * 1024 * 1024;

/** What a batch of one record has beside its key and its value, at most. */
const OVERHEAD_BYTES = 1024;

/** A change as a record of its table's topic. */
export interface Envelope {
  readonly seq: bigint;
  /** The key columns as JSON; `null`: the table has no key. */
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** Who wrote it. */
export interface EnvelopeOrigin {
  /** Kind of the source. */
  readonly connector: string;
  /** Name of the epoch. */
  readonly name: string;
}

/**
 * The changes of a batch above `above`, in order.
 *
 * @throws {FirnError} CLUSTER-ROW-TOO-LARGE
 */
export function* envelopesOf(
  batch: ChangeBatch,
  origin: EnvelopeOrigin,
  above: bigint,
): Generator<Envelope> {
  const { schema, rowCount } = batch;
  const { namespace, table } = schema.table;
  const fields = schema.columns.map((column, index) => fieldOf(column, vectorAt(batch, index)));
  const keyFields = schema.keyColumnIds.map((id) => {
    const index = schema.columns.findIndex((column) => column.id === id);
    return present(fields[index], 'the field of a key column');
  });
  const { connector, name } = origin;
  const head = JSON.stringify({ connector, name, db: namespace, table }).slice(0, -1);
  for (let row = 0; row < rowCount; row++) {
    const seq = batch.seq[row] ?? 0n;
    if (seq <= above) continue;
    const op = CHANGE_OPS[batch.op[row] ?? -1];
    assert(op !== undefined, 'a change has an operation that is known');
    const image = op === 't' ? 'null' : objectText(fields, row);
    const [before, after] = op === 'd' ? [image, 'null'] : ['null', image];
    const micros = batch.commitTsUs[row] ?? 0n;
    const millis = (micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n;
    const source = `${head},"ts_ms":${millis},"ts_us":${micros},"epoch":${batch.epoch},"seq":${seq},"row":${batch.row[row] ?? 0}}`;
    const text = `{"before":${before},"after":${after},"source":${source},"op":"${op}"}`;
    const value = Buffer.from(text, 'utf8');
    const key = keyFields.length === 0 ? null : Buffer.from(objectText(keyFields, row), 'utf8');
    const bytes = value.length + (key?.length ?? 0);
    if (bytes > FEED_BATCH_BYTES_MAX - OVERHEAD_BYTES) {
      const what = `A row has ${bytes} bytes as JSON, and a record of Kafka has room for ${FEED_BATCH_BYTES_MAX - OVERHEAD_BYTES}`;
      throw new FirnError('CLUSTER-ROW-TOO-LARGE', { what, where: formatTableName(schema.table) });
    }
    yield { seq, key, value };
  }
}

/** The name of a field and the text of its value in a row. */
interface Field {
  readonly head: string;
  readonly text: (row: number) => string;
}

function vectorAt(batch: ChangeBatch, index: number): ColumnVector {
  return present(batch.columns[index], 'the vector of a column');
}

function objectText(fields: readonly Field[], row: number): string {
  return `{${fields.map(({ head, text }) => `${head}${text(row)}`).join(',')}}`;
}

function fieldOf(column: Column, vector: ColumnVector): Field {
  const text = textOf(column, vector);
  return {
    head: `${JSON.stringify(column.sourceName)}:`,
    text: (row) => (isValid(vector, row) ? text(row) : 'null'),
  };
}

/** Texts of values; types that are not carried do not come here (`feed-column.ts`). */
function textOf({ type, sourceName }: Column, vector: ColumnVector): (row: number) => string {
  if (vector.kind === 'int64') return (row) => `${vector.values[row] ?? 0n}`;
  if (vector.kind === 'float64') return (row) => `"${doubleText(vector.values[row] ?? 0)}"`;
  assert(vector.kind === 'bytes', `column ${sourceName} is of a type that is not carried`);
  const { data, offsets } = vector;
  const bytes = (row: number): Buffer => {
    const [from = 0, to = 0] = [offsets[row], offsets[row + 1]];
    return Buffer.from(data.buffer, data.byteOffset + from, to - from);
  };
  if (type.kind === 'binary') return (row) => `"${bytes(row).toString('hex')}"`;
  return (row) => JSON.stringify(bytes(row).toString('utf8'));
}

/** `1.5`, `-0.0`, `1e+21`, `Infinity`: as Java reads numbers. */
function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value);
}

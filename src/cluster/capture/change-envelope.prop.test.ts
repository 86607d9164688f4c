/** Envelopes of Firn's own feed: every value comes back from their text, whoever reads it. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { OP_CODE } from '../../model/change-batch.ts';
import type { ChangeBatch, ChangeOp } from '../../model/change-batch.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { FEED_BATCH_BYTES_MAX, envelopesOf } from './change-envelope.ts';
import type { Envelope } from './change-envelope.ts';

const SCHEMA: TableSchema = {
  table: { namespace: 'sh"op', table: 'o{rders' },
  version: 3,
  columns: [
    { id: 1, name: 'id', sourceName: 'i"d', type: { kind: 'long' }, sourceType: 'INTEGER' },
    { id: 2, name: 'ratio', sourceName: 'ratio', type: { kind: 'double' }, sourceType: 'REAL' },
    { id: 3, name: 'note', sourceName: 'note', type: { kind: 'string' }, sourceType: 'TEXT' },
    { id: 4, name: 'data', sourceName: 'data', type: { kind: 'binary' }, sourceType: 'BLOB' },
  ],
  keyColumnIds: [1],
};
const ORIGIN = { connector: 'sqlite', name: 'firn.shop.7' };

interface Row {
  readonly op: ChangeOp;
  readonly seq: bigint;
  readonly row: number;
  readonly at: bigint;
  readonly id: bigint;
  readonly ratio: number | null;
  readonly note: string | null;
  readonly data: Uint8Array | null;
}

const rowOf = fc.record<Row>({
  op: fc.constantFrom('c', 'u', 'd', 'r'),
  seq: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
  row: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  at: fc.bigInt({ min: -(10n ** 15n), max: 10n ** 16n }),
  id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ratio: fc.option(fc.double({ noNaN: true })),
  note: fc.option(fc.string({ unit: 'grapheme' })),
  data: fc.option(fc.uint8Array({ maxLength: 20 })),
});

function batchOf(rows: readonly Row[], schema: TableSchema = SCHEMA): ChangeBatch {
  const builders = SCHEMA.columns.map(({ type }) => new ColumnBuilder(type));
  const [id, ratio, note, data] = builders;
  for (const row of rows) {
    id?.appendBigInt(row.id);
    if (row.ratio === null) ratio?.appendNull();
    else ratio?.appendNumber(row.ratio);
    if (row.note === null) note?.appendNull();
    else note?.appendString(row.note);
    if (row.data === null) data?.appendNull();
    else data?.appendBytes(row.data);
  }
  return {
    schema,
    rowCount: rows.length,
    columns: builders.map((builder) => builder.finish()),
    epoch: 7,
    op: Uint8Array.from(rows, ({ op }) => OP_CODE[op]),
    seq: BigInt64Array.from(rows, ({ seq }) => seq),
    row: Int32Array.from(rows, ({ row }) => row),
    commitTsUs: BigInt64Array.from(rows, ({ at }) => at),
    tx: null,
    before: null,
  };
}

const textOf = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined);

/** A value that is no object, as text. */
function plain(value: JsonValue | undefined): string {
  ok(typeof value !== 'object');
  return `${value}`;
}

function imageOf({ value }: Envelope): JsonObject {
  // Written by the code under test: an envelope.
  const { op, before, after } = parseJson(textOf(value)) as { [key: string]: JsonObject };
  const [image, other] = (op as unknown) === 'd' ? [before, after] : [after, before];
  equal(other, null);
  return image ?? {};
}

test('spec: E26 — every value and the identity come back from an envelope', () => {
  fc.assert(
    fc.property(fc.array(rowOf, { maxLength: 5 }), (rows) => {
      const found = [...envelopesOf(batchOf(rows), ORIGIN, 0n)];
      equal(found.length, rows.length);
      for (const [index, envelope] of found.entries()) {
        const { op, seq, row, at, id, ratio, note, data } = rows[index] as Row;
        const { source, ...rest } = parseJson(textOf(envelope.value)) as JsonObject;
        equal(rest['op'], op);
        const { epoch, db, table, name, ...place } = source as JsonObject;
        deepEqual([epoch, db, table, name], [7, 'sh"op', 'o{rders', 'firn.shop.7']);
        deepEqual(
          [place['seq'], place['row'], place['ts_us']].map((one) => BigInt(plain(one))),
          [seq, BigInt(row), at],
        );
        const image = imageOf(envelope);
        equal(BigInt(plain(image['i"d'])), id);
        equal(textOf(envelope.key), `{"i\\"d":${id}}`);
        const number = image['ratio'] ?? null;
        ok(number === null ? ratio === null : Object.is(Number.parseFloat(plain(number)), ratio));
        equal(image['note'] ?? null, note);
        const hex = image['data'] ?? null;
        deepEqual(
          hex === null ? null : new Uint8Array(Buffer.from(plain(hex), 'hex')),
          data === null ? null : data,
        );
      }
    }),
    { numRuns: 200 },
  );
});

test('spec: E26 — a change read again is the same record, whatever is read with it', () => {
  fc.assert(
    fc.property(fc.array(rowOf, { minLength: 1, maxLength: 6 }), fc.nat(5), (rows, at) => {
      const all = [...envelopesOf(batchOf(rows), ORIGIN, 0n)];
      const from = Math.min(at, rows.length - 1);
      const again = [...envelopesOf(batchOf(rows.slice(from)), ORIGIN, 0n)];
      deepEqual(again, all.slice(from));
    }),
    { numRuns: 50 },
  );
});

const PLAIN: Row = {
  op: 'c',
  seq: 5n,
  row: 1,
  at: 0n,
  id: 1n,
  ratio: null,
  note: null,
  data: null,
};

test('what is there already is passed over; a table without a key has none', () => {
  const rows = [PLAIN, { ...PLAIN, seq: 6n }];
  deepEqual(
    [...envelopesOf(batchOf(rows), ORIGIN, 5n)].map(({ seq }) => seq),
    [6n],
  );
  const keyless = batchOf([PLAIN], { ...SCHEMA, keyColumnIds: [] });
  deepEqual(
    [...envelopesOf(keyless, ORIGIN, 0n)].map(({ key }) => key),
    [null],
  );
});

test('a row that no record has room for is refused by name, and shows no value', () => {
  const note = 'canary '.repeat(FEED_BATCH_BYTES_MAX / 7);
  throws(() => [...envelopesOf(batchOf([{ ...PLAIN, note }]), ORIGIN, 0n)], {
    code: 'CLUSTER-ROW-TOO-LARGE',
    message: /^(?!.*canary)/s,
  });
});

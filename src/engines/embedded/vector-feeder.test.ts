/** Both feeders put into DuckDB exactly what the vectors hold. spec: V1 */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { array, assert, asyncProperty, constant, oneof, string } from 'fast-check';
import { AssertionError } from '../../kernel/assert.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import { appendCell, temporaryFolder } from '../../../test/embedded/rows.ts';
import type { Cell } from '../../../test/embedded/rows.ts';
import { createBulkFeeder } from './bulk-feeder.ts';
import { openDuckdb } from './duckdb-instance.ts';
import type { DuckdbInstance } from './duckdb-instance.ts';
import { openStageTable } from './stage-table.ts';
import { createPlainFeeder, createTableFeeder } from './vector-feeder.ts';
import type { ByteRunFeeder } from './vector-feeder.ts';

const FEEDERS = { bulk: createBulkFeeder, plain: createPlainFeeder } as const;

async function open(context: TestContext): Promise<DuckdbInstance> {
  const folder = await temporaryFolder(context);
  const instance = await openDuckdb({
    threads: 1,
    memoryBytesMax: 512 * 1024 * 1024,
    spillFolder: `${folder}/spill`,
    spillBytesMax: 1024 * 1024 * 1024,
    folders: [folder],
    files: [],
  });
  context.after(() => instance.close());
  return instance;
}

/** Feeds a column in two batches and reads it back as `expression`, in order. */
async function roundTrip(
  instance: DuckdbInstance,
  feedRuns: ByteRunFeeder,
  fed: { readonly type: ColumnType; readonly cells: readonly Cell[]; readonly expression: string },
): Promise<readonly unknown[]> {
  const engine = { instance, feed: createTableFeeder(instance.driver, feedRuns) };
  const table = await openStageTable(engine, [{ name: 'v', type: fed.type }]);
  const half = fed.cells.length >> 1;
  for (const cells of [fed.cells.slice(0, half), fed.cells.slice(half)]) {
    const builder = new ColumnBuilder(fed.type);
    for (const cell of cells) appendCell(builder, cell);
    await table.append([{ type: fed.type, vector: builder.finish() }], cells.length);
  }
  await table.flush();
  const reader = await table.connection.runAndReadAll(`SELECT ${fed.expression} FROM staged`);
  const values = reader.getRowsJson().map(([value]) => value);
  table.close();
  return values;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

const BORDERS: readonly string[] = [
  '',
  'a',
  'exactly12byt',
  'exactly13byte',
  'x'.repeat(11),
  '\0',
  `a\0b`,
  `long enough to be kept\0elsewhere`,
  '\ufeffbom',
  '😀'.repeat(3),
  `${'😀'.repeat(3)}é`,
  'ẞ\n\'"\\',
  '\u{10ffff}',
  'y'.repeat(70_000),
];

const DECIMALS = Array.from({ length: 38 }, (_, index) => index + 1);
/** Values of fixed-width types and how DuckDB prints them. */
const EXTREMES: readonly {
  type: ColumnType;
  cells: Cell[];
  expression: string;
  text: unknown[];
}[] = [
  {
    type: { kind: 'boolean' },
    cells: [true, false, null],
    expression: 'v::VARCHAR',
    text: ['true', 'false', null],
  },
  {
    type: { kind: 'int' },
    cells: [-(2 ** 31), 2 ** 31 - 1, null],
    expression: 'v::VARCHAR',
    text: ['-2147483648', '2147483647', null],
  },
  {
    type: { kind: 'long' },
    cells: [-(2n ** 63n), 2n ** 63n - 1n, null],
    expression: 'v::VARCHAR',
    text: ['-9223372036854775808', '9223372036854775807', null],
  },
  {
    type: { kind: 'float' },
    cells: [-0, Number.NaN, Infinity, 1.100000023841858, null],
    expression: 'v::VARCHAR',
    text: ['-0.0', 'nan', 'inf', '1.1', null],
  },
  {
    type: { kind: 'double' },
    cells: [-0, Number.NaN, -Infinity, 5e-324, 0.1, null],
    expression: 'v::VARCHAR',
    text: ['-0.0', 'nan', '-inf', '5e-324', '0.1', null],
  },
  {
    type: { kind: 'date' },
    cells: [-719_162, 2_932_896, null],
    expression: 'v::VARCHAR',
    text: ['0001-01-01', '9999-12-31', null],
  },
  {
    type: { kind: 'timestamp' },
    cells: [-1n, 253_402_300_799_999_999n, null],
    expression: 'v::VARCHAR',
    text: ['1969-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999', null],
  },
  {
    type: { kind: 'timestamptz' },
    cells: [-62_135_596_800_000_000n, 1n, null],
    expression: 'v::VARCHAR',
    text: ['0001-01-01 00:00:00+00', '1970-01-01 00:00:00.000001+00', null],
  },
  {
    type: { kind: 'uuid' },
    cells: [Uint8Array.from({ length: 16 }, (_, index) => index * 17), new Uint8Array(16), null],
    expression: 'v::VARCHAR',
    text: ['00112233-4455-6677-8899-aabbccddeeff', '00000000-0000-0000-0000-000000000000', null],
  },
  ...DECIMALS.map((precision) => ({
    type: { kind: 'decimal' as const, precision, scale: 1 },
    cells: [10n ** BigInt(precision) - 1n, -(10n ** BigInt(precision)) + 1n, null],
    expression: 'v::VARCHAR',
    text: [
      `${precision === 1 ? '' : '9'.repeat(precision - 1)}.9`,
      `-${precision === 1 ? '' : '9'.repeat(precision - 1)}.9`,
      null,
    ],
  })),
];

for (const [name, create] of Object.entries(FEEDERS)) {
  test(`${name}: text of every length keeps every byte, nulls stay nulls`, async (context) => {
    const instance = await open(context);
    const cells: Cell[] = [];
    for (let row = 0; row < 5000; row++) {
      cells.push(row % 7 === 3 ? null : (BORDERS[row % (BORDERS.length - 1)] ?? null));
    }
    cells.push(...BORDERS, null);
    const got = await roundTrip(instance, create(instance.driver), {
      type: { kind: 'string' },
      cells,
      expression: 'hex(encode(v))',
    });
    deepEqual(
      got,
      cells.map((cell) => (cell === null ? null : hex(Buffer.from(String(cell))))),
    );
  });

  test(`${name}: bytes are not looked at`, async (context) => {
    const instance = await open(context);
    const random = Uint8Array.from({ length: 100 }, (_, index) => index * 37);
    const cells: Cell[] = [];
    for (let row = 0; row < 2100; row++) cells.push(random.subarray(row % 50, (row * 7) % 101));
    cells.push(null, Uint8Array.of(), Uint8Array.of(0xff, 0x80), Uint8Array.of(0));
    const got = await roundTrip(instance, create(instance.driver), {
      type: { kind: 'binary' },
      cells,
      expression: 'hex(v)',
    });
    deepEqual(
      got,
      cells.map((cell) => (cell instanceof Uint8Array ? hex(cell) : null)),
    );
  });

  test(`${name}: text that is not UTF-8 is a programmer error, never a NULL`, async (context) => {
    const instance = await open(context);
    const euro = Buffer.from('€ and more than twelve');
    const bad: readonly (readonly Uint8Array[])[] = [
      [Uint8Array.of(0xff)],
      [Uint8Array.of(0xc3, 0x28, ...Buffer.from('long enough to be kept'))],
      // Each half is broken, both together are sound.
      [euro.subarray(0, 1), euro.subarray(1)],
    ];
    for (const cells of bad) {
      await rejects(
        roundTrip(instance, create(instance.driver), {
          type: { kind: 'string' },
          cells: [...cells, ...cells],
          expression: 'v',
        }),
        AssertionError,
      );
    }
  });

  test(`${name}: every fixed-width type keeps its extremes`, async (context) => {
    const instance = await open(context);
    for (const { text, ...fed } of EXTREMES) {
      deepEqual(await roundTrip(instance, create(instance.driver), fed), text, fed.type.kind);
    }
  });
}

test('both feeders agree on random text and nulls (spec: V5)', async (context) => {
  const instance = await open(context);
  const cell = oneof(
    { weight: 1, arbitrary: constant(null) },
    { weight: 6, arbitrary: string({ unit: 'binary', maxLength: 30 }) },
  );
  await assert(
    asyncProperty(array(cell, { maxLength: 60 }), async (cells) => {
      const fed = { type: { kind: 'string' } as const, cells, expression: 'hex(encode(v))' };
      const bulk = await roundTrip(instance, createBulkFeeder(instance.driver), fed);
      const plain = await roundTrip(instance, createPlainFeeder(instance.driver), fed);
      deepEqual(bulk, plain);
      deepEqual(
        bulk,
        cells.map((value) => (value === null ? null : hex(Buffer.from(value)))),
      );
    }),
    { numRuns: 40 },
  );
});

test('an address next to a multiple of 4 GiB carries into its upper half', () => {
  const image = new Uint8Array(32);
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  const text = 'more than twelve bytes'.repeat(2);
  view.setUint32(0, text.length, true);
  view.setBigUint64(8, 0x7_ffff_fff0n, true);
  const bindings = {
    vector_assign_string_element_len() {},
    vector_get_data: () => head,
    copy_data_to_vector(_target: unknown, _at: number, buffer: ArrayBuffer, from: number) {
      image.set(new Uint8Array(buffer, from, 32));
    },
  };
  // Only the calls of this feeder are there.
  const feed = createBulkFeeder({ bindings } as unknown as DuckdbInstance['driver']);
  const vector = {
    kind: 'bytes' as const,
    data: Buffer.from(text),
    offsets: Uint32Array.of(0, 22, 44),
    validity: null,
  };
  feed({} as Parameters<typeof feed>[0], { vector, start: 0, count: 2, text: true });
  const written = new DataView(image.buffer);
  deepEqual(
    [written.getBigUint64(8, true), written.getBigUint64(24, true)],
    [0x7_ffff_fff0n, 0x8_0000_0006n],
  );
});

test('narrower vectors are widened to the table they are fed to', async (context) => {
  const instance = await open(context);
  const engine = {
    instance,
    feed: createTableFeeder(instance.driver, createBulkFeeder(instance.driver)),
  };
  const widenings: readonly [ColumnType, ColumnType, Cell][] = [
    [{ kind: 'int' }, { kind: 'long' }, -7],
    [{ kind: 'float' }, { kind: 'double' }, 0.5],
    [
      { kind: 'decimal', precision: 4, scale: 2 },
      { kind: 'decimal', precision: 30, scale: 2 },
      -125n,
    ],
  ];
  for (const [from, to, cell] of widenings) {
    const table = await openStageTable(engine, [{ name: 'v', type: to }]);
    const builder = new ColumnBuilder(from);
    appendCell(builder, cell);
    builder.appendNull();
    await table.append([{ type: from, vector: builder.finish() }], 2);
    await table.append([{ type: to, vector: null }], 1);
    await table.flush();
    const reader = await table.connection.runAndReadAll('SELECT v::DOUBLE FROM staged');
    const expected = typeof cell === 'bigint' ? -1.25 : cell;
    deepEqual(reader.getRowsJson(), [[expected], [null], [null]]);
    equal(reader.currentRowCount, 3);
    table.close();
  }
});

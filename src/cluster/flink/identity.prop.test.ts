/**
 * The identity that generated SQL gives a change is the one that Firn's own reader gives it. The
 * expressions are run by a SQL engine (DuckDB, which has the same functions), not compared as text.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import * as fc from 'fast-check';
import { sequenceAt } from '../../sources/mysql/log/log-place.ts';
import { envelopeColumn } from '../capture/envelope-column.ts';
import { rowExpression, seqExpression } from './source-place.ts';
import { timestampFromMicros } from './time-expressions.ts';

/** What Flink calls otherwise. */
const MACROS = [
  'CREATE MACRO LOCATE(part, whole) AS strpos(whole, part)',
  'CREATE MACRO CHAR_LENGTH(t) AS length(t)',
  'CREATE MACRO MOD(a, b) AS a % b',
  // Flink gives NULL for what is no digit.
  "CREATE MACRO UNHEX(t) AS CASE WHEN regexp_full_match(t, '[0-9A-Fa-f]*') THEN from_hex(t) END",
  'CREATE MACRO TO_TIMESTAMP_LTZ(s, p) AS make_timestamp(CAST(s AS BIGINT) * 1000000)',
  "CREATE MACRO DATE_FORMAT(t, f) AS strftime(t, '%Y-%m-%d %H:%M:%S')",
];

let instance: DuckDBInstance;
let connection: DuckDBConnection;

before(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  for (const macro of MACROS) await connection.run(macro);
});

after(() => {
  connection.closeSync();
  instance.closeSync();
});

/** One row of the expressions over texts, in order. */
async function evaluate(
  expressions: readonly string[],
  columns: Readonly<Record<string, string | null>>,
): Promise<readonly unknown[]> {
  const values = Object.entries(columns).map(([name, value]) => {
    const literal = value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
    return `CAST(${literal} AS VARCHAR) AS ${name}`;
  });
  const list = expressions.map((expression) => `CAST(${expression} AS VARCHAR)`).join(', ');
  const reader = await connection.runAndReadAll(
    `SELECT ${list} FROM (SELECT ${values.join(', ')}) AS given`,
  );
  return reader.getRows()[0] ?? [];
}

const PLACE = { file: 'file', pos: 'pos', row: 'idx', op: 'op' };

test('spec: E1 — seq and row are those that the reader of the log gives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        base: fc.constantFrom('binlog', 'mysql-bin', 'a.b', "it's"),
        number: fc.integer({ min: 1, max: 2 ** 23 - 1 }),
        offset: fc.maxSafeInteger().map((value) => Math.abs(value) % 2 ** 40),
        index: fc.integer({ min: 0, max: 2 ** 30 - 2 }),
        op: fc.constantFrom('c', 'u', 'd', 't'),
      }),
      async ({ base, number, offset, index, op }) => {
        const file = `${base}.${String(number).padStart(6, '0')}`;
        const logName = `'${base.replaceAll("'", "''")}'`;
        const found = await evaluate([seqExpression(PLACE, logName), rowExpression(PLACE)], {
          file,
          pos: String(offset),
          idx: String(index),
          op,
        });
        assert.deepEqual(found, [
          sequenceAt(file, offset).toString(),
          String(2 * index + (op === 'd' ? 0 : 1)),
        ]);
      },
    ),
    { numRuns: 60 },
  );
});

test('a row of another log fails the job; a place that cannot be read is none', async () => {
  const seq = seqExpression(PLACE, "'binlog'");
  const place = { pos: '4', idx: '0', op: 'c' };
  await assert.rejects(evaluate([seq], { ...place, file: 'other.000001' }), /another log: other/);
  for (const broken of [
    { file: null },
    { file: 'binlog.8388608' },
    { pos: '-1' },
    { pos: '1099511627776' },
    { pos: 'x' },
    { pos: null },
  ]) {
    assert.deepEqual(await evaluate([seq], { file: 'binlog.000001', ...place, ...broken }), [null]);
  }
  for (const idx of ['-1', '1073741823', '', null]) {
    assert.deepEqual(await evaluate([rowExpression(PLACE)], { ...place, file: null, idx }), [null]);
  }
});

test('microseconds become timestamps without loss, before 1970 too', async () => {
  const expression = timestampFromMicros('CAST(micros AS BIGINT)')
    // DuckDB's text of a timestamp has no zeros at its end.
    .replaceAll('TIMESTAMP(6)', 'TIMESTAMP');
  const first = BigInt(Date.UTC(1000, 0, 1)) * 1000n;
  const last = BigInt(Date.UTC(9999, 11, 31, 23, 59, 59)) * 1000n + 999_999n;
  await fc.assert(
    fc.asyncProperty(fc.bigInt({ min: first, max: last }), async (micros) => {
      const [found] = await evaluate([`epoch_us(${expression})`], { micros: String(micros) });
      assert.equal(found, String(micros));
    }),
    { numRuns: 60 },
  );
});

function valueOf(sourceType: string, kind: 'long' | 'decimal' | 'binary'): (raw: string) => string {
  const type = kind === 'decimal' ? { kind, precision: 20, scale: 0 } : { kind };
  const found = envelopeColumn({ id: 1, name: 'b', sourceName: 'b', sourceType, type });
  assert.equal(found.kind, 'carried');
  return found.kind === 'carried' ? found.value : (raw) => raw;
}

test('spec: E5 — bits come back from their bytes, the lowest first', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .integer({ min: 2, max: 64 })
        .chain((width) =>
          fc.tuple(fc.constant(width), fc.bigInt({ min: 0n, max: 2n ** BigInt(width) - 1n })),
        ),
      async ([width, value]) => {
        const bytes = Array.from({ length: Math.ceil(width / 8) }, (_, index) =>
          Number((value >> BigInt(8 * index)) & 255n),
        );
        const expression = valueOf(`bit(${width})`, width === 64 ? 'decimal' : 'long');
        const raw = Buffer.from(bytes).toString('base64');
        assert.deepEqual(await evaluate([expression('raw')], { raw }), [String(value)]);
      },
    ),
    { numRuns: 60 },
  );
});

test('an unsigned number above 2^63 arrives below zero and is brought back', async () => {
  const value = valueOf('bigint(20) unsigned', 'decimal');
  for (const [raw, wanted] of [
    ['-1', '18446744073709551615'],
    ['-9223372036854775808', '9223372036854775808'],
    ['9223372036854775807', '9223372036854775807'],
    ['18446744073709551615', '18446744073709551615'],
    ['0', '0'],
    ['true', null],
  ] as const) {
    assert.deepEqual(await evaluate([value('raw')], { raw }), [wanted], raw);
  }
});

test('spec: E5 — bytes come back from their digits; half a byte, or what is no digit, is no value', async () => {
  const value = valueOf('varbinary(9)', 'binary');
  for (const [raw, wanted] of [
    ['00ff10', '00FF10'],
    ['', ''],
    ['0ff', null],
    ['zz', null],
  ] as const) {
    assert.deepEqual(await evaluate([`hex(${value('raw')})`], { raw }), [wanted], raw);
  }
});

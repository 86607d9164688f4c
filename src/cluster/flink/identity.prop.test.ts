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
import { planCase } from '../../../tools/cluster-cases.ts';
import { feedColumn } from '../capture/feed-column.ts';
import { changeIdentity } from './change-identity.ts';
import { rowExpression, seqExpression } from './source-place.ts';
import { timestampFromMicros } from './time-expressions.ts';

/** What Flink calls otherwise. */
const MACROS = [
  'CREATE MACRO LOCATE(part, whole) AS strpos(whole, part)',
  'CREATE MACRO CHAR_LENGTH(t) AS length(t)',
  'CREATE MACRO MOD(a, b) AS a % b',
  'CREATE MACRO REGEXP(t, pattern) AS regexp_matches(t, pattern)',
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

const SQLITE_LINES = { source: 'source: {type: sqlite, path: ./shop.db}' };

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
          // A truncate has no rows; what stands there is left over from another event.
          String(op === 't' ? 1 : 2 * index + (op === 'd' ? 0 : 1)),
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

test('spec: E26 — what Firn itself wrote has its identity as it stands; another epoch fails the job', async () => {
  const plan = planCase({ flavour: 'sqlite', lines: SQLITE_LINES, tables: [] });
  const inside = (text: string): string => text.replaceAll('`source`.', '').replaceAll('`', '"');
  const { seq, row } = changeIdentity({ ...plan, epoch: 7 }, '');
  const read = (epoch: string | null, at: string | null, index: string): Promise<unknown> =>
    evaluate([inside(seq), inside(row)], { epoch, seq: at, row: index });
  // The largest of both: a re-read at the end of all journals.
  const last = ['9223372036854775807', '2147483647'] as const;
  assert.deepEqual(await read('7', ...last), [...last]);
  assert.deepEqual(await read('7', '0', '0'), ['0', '0']);
  assert.deepEqual(await read('7', '-1', '-1'), [null, null]);
  assert.deepEqual(await read('7', null, 'x'), [null, null]);
  assert.deepEqual(await read(null, '1', '2147483648'), [null, null]);
  await assert.rejects(read('6', '1', '1'), /another epoch: 6/);
});

test('spec: E26 — values that Firn itself wrote are had back exactly, or not at all', async () => {
  const valueOfFeed = (kind: 'long' | 'double' | 'string' | 'binary' | 'date'): string | null => {
    const column = { id: 1, name: 'v', sourceName: 'v', sourceType: '', type: { kind } };
    const found = feedColumn(column);
    return found.kind === 'carried' ? found.value('raw') : null;
  };
  for (const [kind, raw, wanted] of [
    ['long', '-9223372036854775808', '-9223372036854775808'],
    ['long', '9223372036854775808', null],
    ['double', '5e-324', '5e-324'],
    ['double', '-0.0', '-0.0'],
    ['double', 'Infinity', 'inf'],
    ['double', 'x', null],
    ['string', '', ''],
  ] as const) {
    const found = await evaluate([valueOfFeed(kind) ?? ''], { raw });
    assert.deepEqual(found, [wanted], `${kind} ${raw}`);
  }
  assert.equal(valueOfFeed('date'), null);
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

function valueOf(
  sourceType: string,
  kind: 'int' | 'long' | 'decimal' | 'binary',
  scale = 0,
): (raw: string) => string {
  const type = kind === 'decimal' ? { kind, precision: scale === 0 ? 20 : scale, scale } : { kind };
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

test('spec: E5 — of a BOOL that arrives as one, false is 0 and true is no number', async () => {
  const value = valueOf('tinyint(1)', 'int');
  for (const [raw, wanted] of [
    ['false', '0'],
    ['true', null],
    ['-128', '-128'],
    ['2', '2'],
    ['', null],
  ] as const) {
    assert.deepEqual(await evaluate([value('raw')], { raw }), [wanted], raw);
  }
});

test('spec: E5 — a document is passed on, unless it has what Debezium makes of a time below zero', async () => {
  const found = envelopeColumn({
    id: 1,
    name: 'j',
    sourceName: 'j',
    sourceType: 'json',
    type: { kind: 'string' },
  });
  assert(found.kind === 'carried');
  for (const [raw, isKept] of [
    ['{"t":"12:34:56.000000","n":[1,-2]}', true],
    // -838:59:59, -00:30:00, -00:00:03.5
    ['["839:0-60:0-59"]', false],
    ['{"t":"01:0-30:00"}', false],
    ['["01:0-1:0-4.00000-5"]', false],
    // Texts of somebody's own.
    ['{"open":"9:00-17:00","late":"10:30-0:15"}', true],
    ['{"at":"10:00:00-05:00","from":"8:0-9:0"}', true],
  ] as const) {
    assert.deepEqual(await evaluate([found.value('raw')], { raw }), [isKept ? raw : null], raw);
  }
});

test('spec: E5 — labels that Debezium writes otherwise, and compressed columns, are refused', () => {
  const kindOf = (sourceType: string): string => {
    const type = { kind: 'string' } as const;
    return envelopeColumn({ id: 1, name: 'v', sourceName: 'v', sourceType, type }).kind;
  };
  assert.equal(kindOf("enum('a','b c')"), 'carried');
  assert.equal(kindOf("enum('a','b,c')"), 'refused');
  assert.equal(kindOf("set('a','b\\\\c')"), 'refused');
  assert.equal(kindOf('varchar(2000) /*M!100301 COMPRESSED*/'), 'refused');
});

test('spec: E5 — a decimal without whole digits has room for the 0 before its point', async () => {
  const widest = { kind: 'decimal', precision: 38, scale: 38 } as const;
  const named = { id: 1, name: 'd', sourceName: 'd', sourceType: 'decimal(38,38)' };
  // Statements with a wider number would stop the tables beside it, too.
  assert.equal(envelopeColumn({ ...named, type: widest }).kind, 'refused');
  assert.equal(envelopeColumn({ ...named, type: { ...widest, scale: 37 } }).kind, 'carried');
  const value = valueOf('decimal(9,9)', 'decimal', 9);
  assert.match(value('raw'), /DECIMAL\(10, 9\)/);
  const found = await evaluate([`${value('raw')} = -0.999999999`], { raw: '-0.999999999' });
  assert.deepEqual(found, ['true']);
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

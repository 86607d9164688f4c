/** Bounds and counts of written files are exact, or wider, never narrower. spec: V1 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { IcebergType, PrimitiveType } from '../../iceberg/iceberg-type.ts';
import { decodeBound } from '../../iceberg/single-value.ts';
import { present } from '../../kernel/assert.ts';
import { openParts } from '../../../test/embedded/engine.ts';
import { fileMetrics } from '../../sql/column-bounds.ts';
import { stageFile, uploadFiles } from './parquet-writer.ts';

/** Values in SQL, then the bounds they must get; `null`: none. */
const CASES: readonly (readonly [PrimitiveType, readonly string[], unknown, unknown])[] = [
  [{ kind: 'boolean' }, ['true', 'false', 'NULL'], false, true],
  [{ kind: 'int' }, ['-2147483648', '5'], -2147483648, 5],
  [{ kind: 'long' }, ['-9223372036854775808', '9007199254740993'], -(2n ** 63n), 2n ** 53n + 1n],
  [{ kind: 'float' }, ["'nan'", '1.1', "'-inf'"], -Infinity, Math.fround(1.1)],
  [{ kind: 'float' }, ["'nan'"], null, null],
  [{ kind: 'double' }, ['0.0', 'NULL'], -0, 0],
  [{ kind: 'double' }, ['-0.0'], -0, 0],
  [{ kind: 'double' }, ['1e300', '0.1', "'inf'"], 0.1, Infinity],
  [{ kind: 'double' }, ['5e-324', '1.7976931348623157e308'], 5e-324, 1.7976931348623157e308],
  [{ kind: 'decimal', precision: 4, scale: 2 }, ['-99.99', '0.05'], -9999n, 5n],
  [{ kind: 'decimal', precision: 2, scale: 2 }, ['-0.99', '0.05'], -99n, 5n],
  [
    { kind: 'decimal', precision: 38, scale: 0 },
    [`-${'9'.repeat(38)}`, '9'.repeat(38)],
    -(10n ** 38n) + 1n,
    10n ** 38n - 1n,
  ],
  [{ kind: 'date' }, ["'0001-01-01'", "'9999-12-31'"], -719162, 2932896],
  [{ kind: 'date' }, ["'0044-03-15 (BC)'", "'10000-01-01'"], -735160, 2932897],
  [
    { kind: 'timestamp' },
    ["'1969-12-31 23:59:59.999999'", "'1970-01-01 00:00:00.000001'"],
    -1n,
    1n,
  ],
  [
    { kind: 'timestamptz' },
    ["'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999999+00'"],
    -62_135_596_800_000_000n,
    253_402_300_799_999_999n,
  ],
  [{ kind: 'timestamp' }, ["'infinity'", "'2020-01-01 00:00:00'"], 1_577_836_800_000_000n, null],
  [{ kind: 'string' }, [`'it''s "q"'`, "'a' || chr(10)"], 'a\n', `it's "q"`],
  [{ kind: 'string' }, ["'a' || chr(0) || 'b'"], 'a\0b', 'a\0b'],
  [{ kind: 'string' }, ["'é😀'", "''"], '', 'é😀'],
  [{ kind: 'string' }, ["repeat('x', 40)"], 'x'.repeat(16), `${'x'.repeat(15)}y`],
  [{ kind: 'string' }, ["'2020-01-01'", "'nan'", "'NULL'"], '2020-01-01', 'nan'],
  [{ kind: 'binary' }, ["'\\x00\\xFF'::BLOB", "''::BLOB"], Buffer.of(), Buffer.of(0, 255)],
  [
    { kind: 'uuid' },
    ["'ffffffff-0000-4000-8000-000000000001'"],
    Buffer.from('ffffffff000040008000000000000001', 'hex'),
    Buffer.from('ffffffff000040008000000000000001', 'hex'),
  ],
  [{ kind: 'int' }, ['NULL'], null, null],
];

function boundOf(bounds: ReadonlyMap<number, Uint8Array> | null, type: IcebergType): unknown {
  const bytes = bounds?.get(1);
  if (bytes === undefined) return null;
  const value = decodeBound(type, bytes);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

test('bounds and counts of every type', async (t) => {
  const { engine, files } = await openParts(t);
  const connection = await engine.instance.connect();
  for (const [type, values, lower, upper] of CASES) {
    const sqlType = type.kind === 'decimal' ? `DECIMAL(${type.precision}, ${type.scale})` : null;
    const names: Record<string, string> = { long: 'BIGINT', string: 'VARCHAR', binary: 'BLOB' };
    const name = sqlType ?? names[type.kind] ?? type.kind;
    const field = { id: 1, name: 'odd "name".x', required: false, type };
    const list = values.map((value) => `(CAST(${value} AS ${name}))`).join(', ');
    const staged = await stageFile(files, connection, {
      columns: [{ field, expression: 'v', exact: false }],
      source: `FROM (VALUES ${list}) AS rows(v)`,
      dataFolder: 'memory://lake/x',
      width: { rowCount: 1, sizeBytes: 100 },
      entry: {
        content: 'data',
        partition: [],
        specId: 0,
        sortOrderId: null,
        referencedDataFile: null,
      },
    });
    const [file] = await uploadFiles(files, [staged]);
    const { lowerBounds, upperBounds, recordCount, valueCounts, nullValueCounts } = present(
      file,
      'the file',
    );
    const what = `${type.kind}: ${values.join(', ')}`;
    deepEqual([boundOf(lowerBounds, type), boundOf(upperBounds, type)], [lower, upper], what);
    equal(recordCount, BigInt(values.length), what);
    equal(valueCounts?.get(1), BigInt(values.length), what);
    const nulls = values.filter((value) => value === 'NULL').length;
    equal(nullValueCounts?.get(1), BigInt(nulls), what);
  }
  connection.closeSync();
});

test('statistics that are not exact are left out', () => {
  const cases: readonly (readonly [PrimitiveType, string])[] = [
    [{ kind: 'timestamp' }, 'infinity'],
    [{ kind: 'timestamptz' }, '2020-01-01 00:00:00+05'],
    [{ kind: 'decimal', precision: 4, scale: 2 }, '1.5'],
    [{ kind: 'binary' }, 'ABC'],
    [{ kind: 'int' }, '1.0'],
  ];
  for (const [type, text] of cases) {
    const statistics = new Map([
      [
        'v',
        new Map([
          ['min', text],
          ['max', text],
        ]),
      ],
    ]);
    const metrics = fileMetrics([{ name: 'v', fieldId: 1, type, exact: true }], statistics);
    deepEqual([metrics.lowerBounds.size, metrics.upperBounds.size], [0, 0], text);
  }
});

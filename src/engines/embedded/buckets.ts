/**
 * Iceberg's bucket transform where rows are: over column vectors on the way in, and as a function
 * inside DuckDB for rows that are there already. Both use the one hash of `iceberg/murmur3.ts`.
 */
import type * as Api from '@duckdb/node-api';
import { bucketOfHash, hashByteRun, hashInt64, hashInt64Halves } from '../../iceberg/murmur3.ts';
import { decimalToBytes } from '../../iceberg/single-value.ts';
import { assert, AssertionError, unreachable } from '../../kernel/assert.ts';
import type { ColumnType } from '../../model/column-type.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import type { DuckdbDriver } from './duckdb-instance.ts';

/** Buckets of all rows of a column that has no NULLs. */
export function bucketsOf(vector: ColumnVector, rowCount: number, count: number): Int32Array {
  const hash = rowHash(vector);
  const buckets = new Int32Array(rowCount);
  for (let row = 0; row < rowCount; row++) buckets[row] = bucketOfHash(hash(row), count);
  return buckets;
}

/** The hash of a row's value, for vectors of a type that Iceberg can bucket. */
function rowHash(vector: ColumnVector): (row: number) => number {
  switch (vector.kind) {
    case 'int32': {
      const { values } = vector;
      return (row) => hashInt64Halves(values[row] ?? 0, (values[row] ?? 0) >> 31);
    }
    case 'int64': {
      const { buffer, byteOffset, length } = vector.values;
      const halves = new Int32Array(buffer, byteOffset, length * 2);
      return (row) => hashInt64Halves(halves[2 * row] ?? 0, halves[2 * row + 1] ?? 0);
    }
    case 'int128': {
      const { values } = vector;
      return (row) => {
        const low = BigInt.asUintN(64, values[2 * row] ?? 0n);
        return hashDecimal(((values[2 * row + 1] ?? 0n) << 64n) | low);
      };
    }
    case 'bytes': {
      const { data, offsets } = vector;
      return (row) => {
        const from = offsets[row] ?? 0;
        return hashByteRun(data, from, (offsets[row + 1] ?? 0) - from);
      };
    }
    case 'bool':
    case 'float32':
    case 'float64':
      throw new AssertionError('Iceberg has no buckets of booleans and floats');
    default:
      return unreachable(vector);
  }
}

function hashDecimal(unscaled: bigint): number {
  const bytes = decimalToBytes(unscaled);
  return hashByteRun(bytes, 0, bytes.length);
}

const FUNCTIONS = {
  long: 'firn_hash_long',
  decimal: 'firn_hash_decimal',
  bytes: 'firn_hash_bytes',
} as const;

/** SQL for the bucket of an expression of a type; needs {@link registerBucketFunctions}. */
export function bucketExpression(value: string, type: ColumnType, count: number): string {
  // A hash is a call from DuckDB into this thread.
  if (count === 1) return '0';
  return `((${hashExpression(value, type)} & 2147483647) % ${count})`;
}

function hashExpression(value: string, type: ColumnType): string {
  switch (type.kind) {
    case 'int':
    case 'long':
      return `${FUNCTIONS.long}(CAST(${value} AS BIGINT))`;
    case 'date':
      return `${FUNCTIONS.long}(CAST(${value} - DATE '1970-01-01' AS BIGINT))`;
    case 'timestamp':
    case 'timestamptz':
      return `${FUNCTIONS.long}(epoch_us(${value}))`;
    case 'decimal':
      // A decimal prints all digits of its scale, so without the point it is the unscaled value.
      return `${FUNCTIONS.decimal}(CAST(replace(CAST(${value} AS VARCHAR), '.', '') AS HUGEINT))`;
    case 'string':
      return `${FUNCTIONS.bytes}(encode(${value}))`;
    case 'binary':
    case 'fixed':
      return `${FUNCTIONS.bytes}(${value})`;
    case 'uuid':
      return `${FUNCTIONS.bytes}(unhex(replace(CAST(${value} AS VARCHAR), '-', '')))`;
    case 'boolean':
    case 'float':
    case 'double':
      throw new AssertionError('Iceberg has no buckets of booleans and floats');
    default:
      return unreachable(type);
  }
}

/** Registers the hashes as functions of an instance, before it is locked. */
export function registerBucketFunctions(
  connection: Api.DuckDBConnection,
  { api }: DuckdbDriver,
): void {
  const register = (
    name: string,
    parameter: Api.DuckDBType,
    hash: (value: Api.DuckDBValue) => number,
  ): void => {
    connection.registerScalarFunction(
      api.DuckDBScalarFunction.create({
        name,
        returnType: api.INTEGER,
        parameterTypes: [parameter],
        mainFunction(_info, input, output) {
          const values = input.getColumnVector(0);
          for (let row = 0; row < input.rowCount; row++) {
            const value = values.getItem(row);
            output.setItem(row, value === null ? null : hash(value));
          }
          output.flush();
        },
      }),
    );
  };
  register(FUNCTIONS.long, api.BIGINT, (value) => {
    assert(typeof value === 'bigint', 'a BIGINT is a bigint');
    return hashInt64(value);
  });
  register(FUNCTIONS.decimal, api.HUGEINT, (value) => {
    assert(typeof value === 'bigint', 'a HUGEINT is a bigint');
    return hashDecimal(value);
  });
  register(FUNCTIONS.bytes, api.BLOB, (value) => {
    assert(value instanceof api.DuckDBBlobValue, 'a BLOB is bytes');
    return hashByteRun(value.bytes, 0, value.bytes.length);
  });
}

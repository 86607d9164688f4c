/**
 * The base's Iceberg schema (docs/spec/merge.md M2, M18): exactly the source's columns, the key
 * required and declared as identifier, spread by `bucket(N, c)` of one key column, sorted by the
 * key.
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import type { NestedField } from '../iceberg/iceberg-type.ts';
import type { PartitionSpec } from '../iceberg/partition-spec.ts';
import type { SortOrder } from '../iceberg/sort-order.ts';
import { assert, present } from '../kernel/assert.ts';
import { keyColumns } from '../model/table-schema.ts';
import type { Column, TableSchema } from '../model/table-schema.ts';
import { assertLakeColumns, icebergTypeOf } from './iceberg-column.ts';

const BUCKET_TYPES: ReadonlySet<string> = new Set([
  'int',
  'long',
  'decimal',
  'date',
  'timestamp',
  'timestamptz',
  'string',
  'binary',
]);

/** Schema of a new base table. The table must have a key. */
export function baseSchema(schema: TableSchema): IcebergSchema {
  assertLakeColumns(schema);
  assert(schema.keyColumnIds.length > 0, 'a base table needs a key');
  const keyIds = new Set(schema.keyColumnIds);
  const fields: NestedField[] = schema.columns.map((column, index) => ({
    id: index + 1,
    name: column.name,
    required: keyIds.has(column.id),
    type: icebergTypeOf(column.type),
  }));
  const identifierFieldIds = keyColumns(schema).map((column) => fieldId(fields, column.name));
  return { schemaId: 0, fields, identifierFieldIds };
}

/**
 * The key column that decides a row's bucket: `bucketBy` of the pipeline file, else the first key
 * column of a type that Iceberg can bucket; `null` when there is none.
 */
export function bucketColumn(schema: TableSchema, bucketBy: string | null): Column | null {
  const candidates = keyColumns(schema).filter((column) => BUCKET_TYPES.has(column.type.kind));
  if (bucketBy === null) return candidates[0] ?? null;
  return candidates.find((column) => column.name === bucketBy) ?? null;
}

/** Partition spec `bucket(count, column)` of a base. */
export function basePartitionSpec(
  schema: IcebergSchema,
  bucketing: { readonly columnName: string; readonly count: number },
): PartitionSpec {
  const { columnName, count } = bucketing;
  return {
    specId: 0,
    fields: [
      {
        sourceId: fieldId(schema.fields, columnName),
        fieldId: 1000,
        name: '_firn_bucket',
        transform: { kind: 'bucket', count },
      },
    ],
  };
}

/** Sort order of a base: the whole key, ascending. */
export function baseSortOrder(schema: IcebergSchema): SortOrder {
  const fields = schema.identifierFieldIds.map((sourceId) => ({
    sourceId,
    transform: { kind: 'identity' } as const,
    direction: 'asc' as const,
    nullOrder: 'nulls-first' as const,
  }));
  return { orderId: 1, fields };
}

/**
 * Number of buckets for a table of about `rows` rows of about `rowBytes` bytes: 256 MiB each, a
 * power of two from 1 to 1024, so that a later change of the number splits buckets cleanly.
 */
export function bucketCountFor(rows: bigint | null, rowBytes: number): number {
  const bytes = (rows ?? 0n) * BigInt(Math.max(1, Math.trunc(rowBytes)));
  const bucketBytes = 256n * 1024n * 1024n;
  let count = 1;
  while (count < 1024 && BigInt(count) * bucketBytes < bytes) count *= 2;
  return count;
}

function fieldId(fields: readonly NestedField[], name: string): number {
  return present(fields.find((field) => field.name === name)?.id, `field ${name}`);
}

/**
 * The ledger's Iceberg schema (docs/spec/ledger.md L1): a contract with every reader. Fixed columns
 * first, then the source's columns, all optional. Names tie the source's columns to fields; ids are
 * given once and kept.
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import type { NestedField, PrimitiveType } from '../iceberg/iceberg-type.ts';
import type { PartitionSpec } from '../iceberg/partition-spec.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { assertLakeColumns, icebergTypeOf } from './iceberg-column.ts';

interface LedgerColumn {
  readonly name: string;
  readonly type: PrimitiveType['kind'];
  readonly required: boolean;
  readonly doc: string;
}

const LEDGER_COLUMNS = [
  {
    name: '_firn_op',
    type: 'string',
    required: true,
    doc: 'c insert, u update, d delete, t truncate, r re-read',
  },
  { name: '_firn_epoch', type: 'int', required: true, doc: 'ChangeSequence.epoch' },
  { name: '_firn_seq', type: 'long', required: true, doc: "the source's own order" },
  { name: '_firn_row', type: 'int', required: true, doc: 'order within one seq' },
  { name: '_firn_tx', type: 'string', required: false, doc: 'transaction, as the source calls it' },
  {
    name: '_firn_commit_ts',
    type: 'timestamptz',
    required: true,
    doc: 'commit time at the source',
  },
  {
    name: '_firn_schema',
    type: 'int',
    required: true,
    doc: "version in the pipeline's schema registry",
  },
  { name: '_firn_topic', type: 'string', required: false, doc: 'Kafka topic, where one is used' },
  { name: '_firn_partition', type: 'int', required: false, doc: 'Kafka partition' },
  { name: '_firn_offset', type: 'long', required: false, doc: 'Kafka offset' },
] as const satisfies readonly LedgerColumn[];

/** Options of the pipeline file that add columns to a ledger. */
export interface LedgerOptions {
  readonly raw: boolean;
  readonly beforeImages: boolean;
}

/** Schema of a new ledger table. */
export function ledgerSchema(schema: TableSchema, options: LedgerOptions): IcebergSchema {
  assertLakeColumns(schema);
  const fields: NestedField[] = [];
  let id = 0;
  for (const { name, type, required, doc } of LEDGER_COLUMNS) {
    fields.push({ id: ++id, name, required, type: { kind: type }, doc });
  }
  if (options.raw) {
    fields.push({ id: ++id, name: '_firn_raw', required: false, type: { kind: 'binary' } });
  }
  if (options.beforeImages) {
    const beforeId = ++id;
    const before = schema.columns.map((column) => sourceField(column, ++id));
    const type = { kind: 'struct', fields: before } as const;
    fields.push({ id: beforeId, name: '_firn_before', required: false, type });
  }
  for (const column of schema.columns) fields.push(sourceField(column, ++id));
  return { schemaId: 0, fields, identifierFieldIds: [] };
}

function sourceField(column: TableSchema['columns'][number], id: number): NestedField {
  return { id, name: column.name, required: false, type: icebergTypeOf(column.type) };
}

/** Partition spec of a ledger: the day of the commit time at the source. */
export function ledgerPartitionSpec(schema: IcebergSchema): PartitionSpec {
  const source = schema.fields.find((field) => field.name === '_firn_commit_ts');
  const sourceId = source?.id ?? 0;
  return {
    specId: 0,
    fields: [{ sourceId, fieldId: 1000, name: '_firn_commit_ts_day', transform: { kind: 'day' } }],
  };
}

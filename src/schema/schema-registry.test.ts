/** Column ids that never change meaning, and what a new version asks of the lake's tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirnError } from '../kernel/firn-error.ts';
import type { SourceTable } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { baseSchema, bucketColumn, bucketCountFor } from './base-table.ts';
import { ledgerSchema } from './ledger-table.ts';
import { compareSchemas, evolvedSchema } from './schema-change.ts';
import {
  EMPTY_REGISTRY,
  registryFromJson,
  registryToJson,
  resolveSchema,
} from './schema-registry.ts';
import type { SchemaRegistry } from './schema-registry.ts';

const NOTHING = { exclude: [], rename: {} };

function sourceTable(columns: readonly string[], key: readonly string[] = ['id']): SourceTable {
  return {
    table: { namespace: 'shop', table: 'orders' },
    columns: columns.map((sourceName) => ({
      sourceName,
      sourceType: 'INTEGER',
      type: { kind: 'long' },
    })),
    keyColumns: key,
    ledgerOnlyReason: null,
    rowsEstimate: null,
  };
}

/** Resolves a table, and what is stored afterwards. */
function registered(
  before: SchemaRegistry,
  source: SourceTable,
): { readonly schema: TableSchema; readonly isNew: boolean; readonly registry: SchemaRegistry } {
  const { schema, entry } = resolveSchema(before, source, NOTHING);
  const registry = new Map(before);
  if (entry !== null) registry.set(formatTableName(entry.table), entry);
  return { schema, isNew: entry !== null, registry };
}

test('spec: L15 — a column keeps its id, a dropped one is not given to another', () => {
  const first = registered(EMPTY_REGISTRY, sourceTable(['id', 'a', 'b']));
  assert.deepEqual(
    first.schema.columns.map((column) => column.id),
    [1, 2, 3],
  );
  const same = registered(first.registry, sourceTable(['id', 'a', 'b']));
  assert.equal(same.isNew, false);
  assert.equal(same.schema.version, 1);
  const second = registered(first.registry, sourceTable(['id', 'b', 'c']));
  assert.deepEqual(
    second.schema.columns.map((column) => column.id),
    [1, 3, 4],
  );
  assert.equal(second.schema.version, 2);
  const back = registered(second.registry, sourceTable(['id', 'b', 'c', 'a']));
  assert.deepEqual(
    back.schema.columns.map((column) => column.id),
    [1, 3, 4, 5],
  );
  const stored = registryFromJson(registryToJson(back.registry), 'schemas.json');
  assert.deepEqual(stored, back.registry);
});

test('renames and exclusions of the pipeline file are in the schema', () => {
  const selection = { exclude: ['SSN'], rename: { _Firn_note: 'note' } };
  const { schema } = resolveSchema(
    EMPTY_REGISTRY,
    sourceTable(['id', 'ssn', '_firn_note']),
    selection,
  );
  assert.deepEqual(
    schema.columns.map((column) => column.name),
    ['id', 'note'],
  );
  const exclude = { exclude: ['id'], rename: {} };
  assert.throws(
    () => resolveSchema(EMPTY_REGISTRY, sourceTable(['id']), exclude),
    /PIPELINE-KEY-EXCLUDED/,
  );
});

test('spec: L2 — a reserved column name is refused with the remedy', () => {
  const { schema } = resolveSchema(EMPTY_REGISTRY, sourceTable(['id', '_firn_x']), NOTHING);
  assert.throws(
    () => ledgerSchema(schema, { raw: false, beforeImages: false }),
    (error) => error instanceof FirnError && /rename: \{_firn_x/.test(error.remedy),
  );
});

test('spec: L1 — the first columns of a ledger are a contract', () => {
  const { schema } = resolveSchema(EMPTY_REGISTRY, sourceTable(['id', 'a']), NOTHING);
  const { fields } = ledgerSchema(schema, { raw: true, beforeImages: true });
  assert.deepEqual(
    fields.map((field) => `${field.name} ${field.type.kind}`),
    [
      '_firn_op string',
      '_firn_epoch int',
      '_firn_seq long',
      '_firn_row int',
      '_firn_tx string',
      '_firn_commit_ts timestamptz',
      '_firn_schema int',
      '_firn_topic string',
      '_firn_partition int',
      '_firn_offset long',
      '_firn_raw binary',
      '_firn_before struct',
      'id long',
      'a long',
    ],
  );
});

test('spec: M2 — the key of a base is required and declared as identifier', () => {
  const { schema } = resolveSchema(EMPTY_REGISTRY, sourceTable(['a', 'id'], ['id']), NOTHING);
  const base = baseSchema(schema);
  assert.deepEqual(
    base.fields.map((field) => field.required),
    [false, true],
  );
  assert.deepEqual(base.identifierFieldIds, [2]);
  assert.equal(bucketColumn(schema, null)?.name, 'id');
  assert.equal(bucketColumn(schema, 'a'), null);
});

test('only what old files survive is additive', () => {
  const first = registered(EMPTY_REGISTRY, sourceTable(['id', 'a']));
  const more = registered(first.registry, sourceTable(['id', 'a', 'b'])).schema;
  const change = compareSchemas(first.schema, more);
  assert.equal(change.kind, 'additive');
  const less = registered(first.registry, sourceTable(['id'])).schema;
  assert.equal(compareSchemas(first.schema, less).kind, 'incompatible');
  const schema = baseSchema(first.schema);
  const evolved = evolvedSchema({ schema, lastColumnId: 9, schemas: [schema] }, more);
  assert.deepEqual(
    evolved?.fields.map((field) => field.id),
    [1, 2, 10],
  );
  assert.equal(evolvedSchema({ schema, lastColumnId: 9, schemas: [] }, first.schema), null);
});

test('the number of buckets grows with the table, in powers of two, within bounds', () => {
  assert.equal(bucketCountFor(null, 100), 1);
  assert.equal(bucketCountFor(10_000_000n, 100), 4);
  assert.equal(bucketCountFor(10n ** 15n, 100), 1024);
});

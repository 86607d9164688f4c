/** The next metadata of a table: what each update does, what is refused, what requirements see. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { applyUpdates } from './apply-updates.ts';
import { ancestors, findSnapshot, refSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { newTableMetadata } from './table-metadata.ts';
import type { TableMetadata } from './table-metadata.ts';
import { checkRequirements } from './table-requirement.ts';
import { LAST_ADDED } from './table-update.ts';
import type { TableUpdate } from './table-update.ts';

const table = newTableMetadata({
  tableUuid: 'uuid-1',
  location: 'file:///lake/t',
  schema: {
    schemaId: 0,
    identifierFieldIds: [],
    fields: [{ id: 1, name: 'a', required: false, type: { kind: 'int' } }],
  },
  spec: { specId: 0, fields: [] },
  sortOrder: { orderId: 0, fields: [] },
  properties: { a: '1' },
  nowMs: 1000,
});

function snapshot(id: bigint, sequenceNumber: bigint, parent: bigint | null = null): Snapshot {
  return {
    snapshotId: id,
    parentSnapshotId: parent,
    sequenceNumber,
    timestampMs: 1000,
    manifestList: `file:///lake/t/metadata/snap-${id}.avro`,
    summary: { operation: 'append' },
    schemaId: 0,
    firstRowId: null,
    addedRows: null,
    unknownFields: {},
  };
}

function apply(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
  nowMs = 2000,
): TableMetadata {
  return applyUpdates(metadata, updates, { nowMs, previousMetadataLocation: 'file:///m' });
}

function toMain(item: Snapshot): readonly TableUpdate[] {
  return [
    { kind: 'add-snapshot', snapshot: item },
    {
      kind: 'set-snapshot-ref',
      name: 'main',
      ref: { kind: 'branch', snapshotId: item.snapshotId },
    },
  ];
}

function throwsCode(run: () => unknown, code: ErrorCode): void {
  assert.throws(run, (error) => isFirnError(error, code));
}

test('a snapshot on main becomes current, is logged, and raises the last sequence number', () => {
  const next = apply(table, toMain(snapshot(7n, 1n)));
  assert.equal(next.currentSnapshotId, 7n);
  assert.equal(next.lastSequenceNumber, 1n);
  assert.equal(next.lastUpdatedMs, 2000);
  assert.deepEqual(next.snapshotLog, [{ timestampMs: 2000, snapshotId: 7n }]);
  assert.deepEqual(next.metadataLog, [{ timestampMs: 1000, metadataFile: 'file:///m' }]);
  assert.equal(refSnapshot(next, 'main')?.snapshotId, 7n);
});

test('a snapshot on another branch leaves main and its log alone', () => {
  const next = apply(table, [
    { kind: 'add-snapshot', snapshot: snapshot(7n, 1n) },
    { kind: 'set-snapshot-ref', name: 'b', ref: { kind: 'branch', snapshotId: 7n } },
  ]);
  assert.equal(next.currentSnapshotId, null);
  assert.deepEqual(next.snapshotLog, []);
  assert.equal(next.lastSequenceNumber, 1n);
});

test('a sequence number at or below the last one is stale, also without a parent', () => {
  const next = apply(table, toMain(snapshot(7n, 5n)));
  throwsCode(() => apply(next, toMain(snapshot(8n, 5n, 7n))), 'ICEBERG-UPDATE-STALE');
  throwsCode(() => apply(next, toMain(snapshot(8n, 4n))), 'ICEBERG-UPDATE-STALE');
  throwsCode(() => apply(next, toMain(snapshot(7n, 6n))), 'ICEBERG-UPDATE-INVALID');
});

test('time never goes back within a table', () => {
  assert.equal(apply(table, [], 3).lastUpdatedMs, 1000);
  assert.equal(apply(table, [], 2000.75).lastUpdatedMs, 2000, 'files hold whole milliseconds');
});

test('the metadata log is capped by the table property', () => {
  let next = apply(table, [
    { kind: 'set-properties', updates: { 'write.metadata.previous-versions-max': '3' } },
  ]);
  for (let round = 0; round < 9; round++) next = apply(next, []);
  assert.equal(next.metadataLog.length, 3);
});

test('expired snapshots leave the log without holes and take their statistics along', () => {
  let next = table;
  for (const id of [1n, 2n, 3n]) {
    next = apply(next, toMain(snapshot(id, id, id === 1n ? null : id - 1n)));
  }
  next = apply(next, [{ kind: 'set-statistics', statistics: { 'snapshot-id': 2 } }]);
  const after = apply(next, [{ kind: 'remove-snapshots', snapshotIds: [2n] }]);
  assert.deepEqual(
    after.snapshotLog.map((entry) => entry.snapshotId),
    [3n],
  );
  assert.deepEqual(after.statistics, []);
  assert.equal(findSnapshot(after, 2n), null);
  assert.deepEqual(
    [...ancestors(after, 3n)].map((item) => item.snapshotId),
    [3n],
  );
  throwsCode(
    () => apply(next, [{ kind: 'remove-snapshots', snapshotIds: [3n] }]),
    'ICEBERG-UPDATE-STALE',
  );
});

test('-1 means what the same commit added; an equal schema is not added twice', () => {
  const schema = {
    schemaId: 99,
    identifierFieldIds: [],
    fields: [
      { id: 1, name: 'a', required: false, type: { kind: 'long' } },
      { id: 5, name: 'b', required: false, type: { kind: 'string' } },
    ],
  } as const;
  const next = apply(table, [
    { kind: 'add-schema', schema },
    { kind: 'set-current-schema', schemaId: LAST_ADDED },
    {
      kind: 'add-spec',
      spec: {
        specId: 9,
        fields: [
          { sourceId: 1, fieldId: 1004, name: 'a_b', transform: { kind: 'bucket', count: 4 } },
        ],
      },
    },
    { kind: 'set-default-spec', specId: LAST_ADDED },
  ]);
  assert.equal(next.currentSchemaId, 1);
  assert.equal(next.lastColumnId, 5);
  assert.equal(next.defaultSpecId, 1);
  assert.equal(next.lastPartitionId, 1004);
  const again = apply(next, [
    { kind: 'add-schema', schema: { ...schema, schemaId: 3 } },
    { kind: 'set-current-schema', schemaId: LAST_ADDED },
  ]);
  assert.equal(again.schemas.length, 2);
  assert.equal(again.currentSchemaId, 1);
  throwsCode(
    () => apply(table, [{ kind: 'set-current-schema', schemaId: LAST_ADDED }]),
    'ICEBERG-UPDATE-INVALID',
  );
});

test('no ref points at nothing, main is a branch and can be removed', () => {
  const next = apply(table, toMain(snapshot(1n, 1n)));
  const tag = { kind: 'tag', snapshotId: 1n } as const;
  throwsCode(
    () => apply(next, [{ kind: 'set-snapshot-ref', name: 't', ref: { ...tag, snapshotId: 2n } }]),
    'ICEBERG-UPDATE-INVALID',
  );
  throwsCode(
    () => apply(next, [{ kind: 'set-snapshot-ref', name: 'main', ref: tag }]),
    'ICEBERG-UPDATE-INVALID',
  );
  const gone = apply(next, [{ kind: 'remove-snapshot-ref', name: 'main' }]);
  assert.equal(gone.currentSnapshotId, null);
});

test('format v3 needs row ids, and they never overlap', () => {
  const upgraded = apply(table, [{ kind: 'upgrade-format-version', formatVersion: 3 }]);
  throwsCode(() => apply(upgraded, toMain(snapshot(1n, 1n))), 'ICEBERG-UPDATE-INVALID');
  const rows = { ...snapshot(1n, 1n), firstRowId: 0n, addedRows: 10n };
  const next = apply(upgraded, toMain(rows));
  assert.equal(next.nextRowId, 10n);
  const overlap = { ...snapshot(2n, 2n, 1n), firstRowId: 9n, addedRows: 1n };
  throwsCode(() => apply(next, toMain(overlap)), 'ICEBERG-UPDATE-STALE');
  throwsCode(
    () => apply(next, [{ kind: 'upgrade-format-version', formatVersion: 2 }]),
    'ICEBERG-UPDATE-INVALID',
  );
});

test('spec: C3 every requirement is checked against the table as it is', () => {
  const next = apply(table, toMain(snapshot(1n, 1n)));
  const holds = [
    { kind: 'assert-table-uuid', uuid: 'uuid-1' },
    { kind: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 1n },
    { kind: 'assert-ref-snapshot-id', ref: 'constructor', snapshotId: null },
    { kind: 'assert-last-assigned-field-id', lastAssignedFieldId: 1 },
    { kind: 'assert-current-schema-id', currentSchemaId: 0 },
    { kind: 'assert-last-assigned-partition-id', lastAssignedPartitionId: 999 },
    { kind: 'assert-default-spec-id', defaultSpecId: 0 },
    { kind: 'assert-default-sort-order-id', defaultSortOrderId: 0 },
  ] as const;
  assert.equal(checkRequirements(next, holds), null);
  const fails = [
    { kind: 'assert-create' },
    { kind: 'assert-table-uuid', uuid: 'other' },
    { kind: 'assert-ref-snapshot-id', ref: 'main', snapshotId: null },
    { kind: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 2n },
    { kind: 'assert-ref-snapshot-id', ref: 'gone', snapshotId: 1n },
    { kind: 'assert-last-assigned-field-id', lastAssignedFieldId: 2 },
    { kind: 'assert-current-schema-id', currentSchemaId: 1 },
    { kind: 'assert-last-assigned-partition-id', lastAssignedPartitionId: 1000 },
    { kind: 'assert-default-spec-id', defaultSpecId: 1 },
    { kind: 'assert-default-sort-order-id', defaultSortOrderId: 1 },
  ] as const;
  for (const requirement of fails) {
    assert.notEqual(checkRequirements(next, [...holds, requirement]), null, requirement.kind);
  }
  assert.equal(checkRequirements(null, [{ kind: 'assert-create' }]), null);
  assert.notEqual(checkRequirements(null, [holds[0]]), null);
});

/** The smallest table that a catalog can hold, and commits to it, for tests of catalogs. */
import type { Clock } from '../../src/kernel/clock.ts';
import { newSnapshotId, uuidV7 } from '../../src/kernel/identifiers.ts';
import type { Random } from '../../src/kernel/random.ts';
import { refSnapshot } from '../../src/iceberg/snapshot.ts';
import type { Snapshot } from '../../src/iceberg/snapshot.ts';
import { newTableMetadata } from '../../src/iceberg/table-metadata.ts';
import type { TableMetadata } from '../../src/iceberg/table-metadata.ts';
import type { LoadedTable, TableCommit } from '../../src/ports/catalog.ts';

/** Where times and ids come from. */
export interface SampleSource {
  readonly clock: Clock;
  readonly random: Random;
}

/** Metadata of a new table with one column, under `root`. */
export function sampleMetadata(root: string, source: SampleSource): TableMetadata {
  const tableUuid = uuidV7(source.clock, source.random);
  return newTableMetadata({
    tableUuid,
    location: `${root}/${tableUuid}`,
    schema: {
      schemaId: 0,
      fields: [{ id: 1, name: 'id', required: false, type: { kind: 'long' } }],
      identifierFieldIds: [],
    },
    spec: { specId: 0, fields: [] },
    sortOrder: { orderId: 0, fields: [] },
    properties: {},
    nowMs: source.clock.nowMs(),
  });
}

/** A commit that relies on the table's main as loaded and adds one snapshot with this summary. */
export function appendCommit(
  table: LoadedTable,
  summary: Readonly<Record<string, string>>,
  source: SampleSource,
): TableCommit {
  const { identifier, metadata } = table;
  const head = refSnapshot(metadata, 'main');
  const snapshotId = newSnapshotId(source.random);
  const snapshot: Snapshot = {
    snapshotId,
    parentSnapshotId: head?.snapshotId ?? null,
    sequenceNumber: metadata.lastSequenceNumber + 1n,
    timestampMs: source.clock.nowMs(),
    manifestList: `${metadata.location}/metadata/snap-${snapshotId}.avro`,
    summary: { operation: 'append', ...summary },
    schemaId: 0,
    firstRowId: null,
    addedRows: null,
    unknownFields: {},
  };
  return {
    identifier,
    requirements: [
      { kind: 'assert-table-uuid', uuid: metadata.tableUuid },
      { kind: 'assert-ref-snapshot-id', ref: 'main', snapshotId: head?.snapshotId ?? null },
    ],
    updates: [
      { kind: 'add-snapshot', snapshot },
      { kind: 'set-snapshot-ref', name: 'main', ref: { kind: 'branch', snapshotId } },
    ],
  };
}

/** A commit that relies on nothing and sets one property. */
export function propertyCommit(table: LoadedTable, key: string, value: string): TableCommit {
  return {
    identifier: table.identifier,
    requirements: [],
    updates: [{ kind: 'set-properties', updates: { [key]: value } }],
  };
}

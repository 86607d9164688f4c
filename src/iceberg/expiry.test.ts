/** Which snapshots go: by count, age, refs and the state tag, by example and for any history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { snapshotsToExpire } from './expiry.ts';
import type { ExpiryPolicy } from './expiry.ts';
import { ancestors } from './snapshot.ts';
import type { Snapshot, SnapshotRef } from './snapshot.ts';
import { newTableMetadata } from './table-metadata.ts';
import type { TableMetadata } from './table-metadata.ts';

const day = 24 * 60 * 60 * 1000;
const now = 100 * day;
const policy: ExpiryPolicy = { snapshotsMin: 1, snapshotsMax: 5, ageMsMax: 5 * day, batchMin: 1 };

function snapshot(id: number, parent: number | null, ageMs: number): Snapshot {
  return {
    snapshotId: BigInt(id),
    parentSnapshotId: parent === null ? null : BigInt(parent),
    sequenceNumber: BigInt(id),
    timestampMs: now - ageMs,
    manifestList: `m${id}`,
    summary: {},
    schemaId: 0,
    firstRowId: null,
    addedRows: null,
    unknownFields: {},
  };
}

function table(
  snapshots: readonly Snapshot[],
  refs: Readonly<Record<string, SnapshotRef>>,
  properties: Readonly<Record<string, string>> = {},
): TableMetadata {
  const empty = newTableMetadata({
    tableUuid: 'u',
    location: 'file:///t',
    schema: { schemaId: 0, identifierFieldIds: [], fields: [] },
    spec: { specId: 0, fields: [] },
    sortOrder: { orderId: 0, fields: [] },
    properties,
    nowMs: 1,
  });
  return { ...empty, snapshots, refs };
}

/** Snapshots 1..count, each the child of the one before, the newest of age 0, one a day. */
function line(count: number): readonly Snapshot[] {
  return Array.from({ length: count }, (_, index) =>
    snapshot(index + 1, index === 0 ? null : index, (count - 1 - index) * day),
  );
}

const branch = (id: number, more: Partial<SnapshotRef> = {}): SnapshotRef => {
  return { kind: 'branch', snapshotId: BigInt(id), ...more };
};
const tag = (id: number): SnapshotRef => ({ kind: 'tag', snapshotId: BigInt(id) });

function expire(metadata: TableMetadata, changes: Partial<ExpiryPolicy> = {}): readonly number[] {
  const request = { policy: { ...policy, ...changes }, nowMs: now + 0.5, stateTag: 'state' };
  return snapshotsToExpire(metadata, request).map((id) => Number.parseInt(String(id), 10));
}

test('the oldest go by count, and by age down to the minimum', () => {
  const metadata = table(line(8), { main: branch(8), state: tag(8) });
  assert.deepEqual(expire(metadata), [1, 2, 3]);
  assert.deepEqual(expire(metadata, { ageMsMax: 2 * day }), [1, 2, 3, 4, 5]);
  assert.deepEqual(expire(metadata, { ageMsMax: 0, snapshotsMin: 4 }), [1, 2, 3, 4]);
});

test('nothing goes until enough can', () => {
  const metadata = table(line(8), { main: branch(8), state: tag(8) });
  assert.deepEqual(expire(metadata, { batchMin: 4 }), []);
  assert.deepEqual(expire(metadata, { batchMin: 3 }), [1, 2, 3]);
});

test('spec: L9 nothing from the state tag to the head goes', () => {
  const snapshots = line(20);
  const refs = { main: branch(20), state: tag(9) };
  assert.deepEqual(expire(table(snapshots, refs)), [1, 2, 3, 4, 5, 6, 7, 8]);
  const off = { main: branch(19), state: tag(20) };
  assert.deepEqual(expire(table(snapshots, off)), []);
});

test('what is kept is one unbroken run, also where a clock jumped', () => {
  const ages = [1, 90, 1, 0].map((days) => days * day);
  const snapshots = ages.map((age, index) => snapshot(index + 1, index === 0 ? null : index, age));
  const metadata = table(snapshots, { main: branch(4), state: tag(4) });
  assert.deepEqual(expire(metadata), [1, 2]);
});

test('what a branch asks for itself comes first; tags keep their snapshot only', () => {
  const snapshots = line(12);
  const state = tag(12);
  const count = { main: branch(12, { minSnapshotsToKeep: 9 }), state };
  assert.deepEqual(expire(table(snapshots, count)), [1, 2, 3]);
  const age = { main: branch(12, { maxSnapshotAgeMs: BigInt(7 * day) }), state };
  assert.deepEqual(expire(table(snapshots, age)), [1, 2, 3, 4]);
  const tagged = { main: branch(12), state, mine: tag(3) };
  assert.deepEqual(expire(table(snapshots, tagged)), [1, 2, 4, 5, 6, 7]);
});

test('snapshots of dropped branches go by age and count; shared files block expiry', () => {
  const loose = [1, 2, 3, 4, 5, 6, 7].map((id) => snapshot(id, null, (20 - id) * day));
  const young = [11, 12].map((id) => snapshot(id, null, day));
  const snapshots = [...loose, ...young, snapshot(20, null, 0)];
  const refs = { main: branch(20), state: tag(20) };
  assert.deepEqual(expire(table(snapshots, refs)), [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(expire(table(snapshots, refs), { ageMsMax: 90 * day }), [1, 2, 3, 4]);
  assert.deepEqual(expire(table(snapshots, refs, { 'gc.enabled': 'false' })), []);
});

test('a ref’s target and the way from main’s head to the state are never expired', () => {
  const history = fc.array(fc.record({ parent: fc.nat(30), ageDays: fc.nat(30) }), {
    minLength: 1,
  });
  const refs = fc.array(fc.record({ kind: fc.constantFrom('branch', 'tag'), at: fc.nat(30) }));
  fc.assert(
    fc.property(history, refs, fc.nat(30), fc.nat(30), (items, named, mainAt, stateAt) => {
      const snapshots = items.map(({ parent, ageDays }, index) =>
        snapshot(index + 1, index === 0 ? null : (parent % index) + 1, ageDays * day),
      );
      const at = (place: number): number => (place % snapshots.length) + 1;
      const entries = named.map(({ kind, at: place }, index) => {
        const ref: SnapshotRef = { kind, snapshotId: BigInt(at(place)) };
        return [`r${index}`, ref] as const;
      });
      const main = branch(at(mainAt));
      const metadata = table(snapshots, {
        ...Object.fromEntries(entries),
        main,
        state: tag(at(stateAt)),
      });
      const gone = new Set(expire(metadata, { snapshotsMax: 2 }).map(BigInt));
      for (const ref of Object.values(metadata.refs)) assert.ok(!gone.has(ref.snapshotId));
      for (const { snapshotId } of ancestors(metadata, main.snapshotId)) {
        assert.ok(!gone.has(snapshotId));
        if (snapshotId === BigInt(at(stateAt))) break;
      }
    }),
  );
});

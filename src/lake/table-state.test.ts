/** Firn’s state in snapshot summaries: round trips, damage, and whose state a ref has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Snapshot, SnapshotRef } from '../iceberg/snapshot.ts';
import { newTableMetadata } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { ClusterPlace } from '../model/cluster-place.ts';
import { readState, readStateAtHead, stampOf, stateKeys } from './table-state.ts';
import type { BaseState, LedgerState, TableState } from './table-state.ts';

const stamp = { pipeline: 'shop', writer: 'w1', commitId: 'c1' };

const ledger: LedgerState = {
  kind: 'ledger',
  sourceId: 's',
  position: { sourceId: 's', partition: 'main', token: '"42"' },
  completeTo: { epoch: 1, seq: 42n },
  sequence: { epoch: 1, seq: 40n },
  schemaVersion: 3,
  events: 7n,
  retainedFrom: null,
  gap: null,
  appended: [],
  cluster: null,
};

const clustered: LedgerState = {
  ...ledger,
  cluster: {
    offsets: new Map([['t', [1n, 0n]]]),
    published: { branch: 'firn_ledger_1', sequence: 4n },
  },
};

const base: BaseState = {
  kind: 'base',
  sourceId: 's',
  ledgerUuid: 'u',
  ledgerSeen: 9n,
  watermark: { epoch: 1, seq: 42n },
  watermarkTsUs: null,
  lowMark: { epoch: 1, seq: 1n },
  bootstrap: null,
};

function snapshot(id: bigint, parent: bigint | null, state: TableState | null): Snapshot {
  return {
    snapshotId: id,
    parentSnapshotId: parent,
    sequenceNumber: id,
    timestampMs: 1,
    manifestList: `file:///l/${id}.avro`,
    summary: { operation: 'append', ...(state === null ? {} : stateKeys(stamp, state)) },
    schemaId: 0,
    firstRowId: null,
    addedRows: null,
    unknownFields: {},
  };
}

function table(
  snapshots: readonly Snapshot[],
  refs: Readonly<Record<string, bigint>>,
): TableMetadata {
  const empty = newTableMetadata({
    tableUuid: 'u',
    location: 'file:///l',
    schema: { schemaId: 0, identifierFieldIds: [], fields: [] },
    spec: { specId: 0, fields: [] },
    sortOrder: { orderId: 0, fields: [] },
    properties: {},
    nowMs: 1,
  });
  const entries = Object.entries(refs).map(([name, snapshotId]) => {
    const ref: SnapshotRef = { kind: name === 'firn_state' ? 'tag' : 'branch', snapshotId };
    return [name, ref] as const;
  });
  return { ...empty, snapshots, refs: Object.fromEntries(entries) };
}

const plain = { noNullPrototype: true } as const;
const mark = fc.record({ epoch: fc.nat(2 ** 31 - 1), seq: fc.bigInt(0n, 2n ** 63n - 1n) }, plain);
const optionalMark = fc.option(mark);
const anyOffset = fc.bigInt(0n, 2n ** 63n - 1n);
const anyPlace: fc.Arbitrary<ClusterPlace> = fc.record(
  {
    offsets: fc
      .dictionary(fc.uuid(), fc.array(anyOffset, { minLength: 1, maxLength: 3 }), { maxKeys: 3 })
      .map((offsets) => new Map(Object.entries(offsets))),
    published: fc.option(
      fc.record({ branch: fc.string({ minLength: 1 }), sequence: anyOffset }, plain),
    ),
  },
  plain,
);
const anyLedger: fc.Arbitrary<LedgerState> = fc.record(
  {
    kind: fc.constant('ledger'),
    sourceId: fc.string(),
    position: fc.record(
      { sourceId: fc.string(), partition: fc.string(), token: fc.string() },
      plain,
    ),
    completeTo: mark,
    sequence: optionalMark,
    schemaVersion: fc.nat(999_999),
    events: fc.bigInt(0n, 2n ** 62n),
    retainedFrom: optionalMark,
    gap: optionalMark,
    appended: fc.array(fc.record({ sequence: fc.bigInt(0n, 2n ** 58n), atMs: fc.nat() }, plain)),
    cluster: fc.option(anyPlace),
  },
  plain,
);
const cursor = fc.option(fc.string());
const claim = fc.record(
  { id: fc.nat(), holder: cursor, isOwner: fc.boolean(), after: cursor, upTo: cursor },
  plain,
);
const shared = fc.record(
  { next: cursor, isOpen: fc.boolean(), lastId: fc.nat(), claims: fc.array(claim) },
  plain,
);
const position = fc.record(
  { sourceId: fc.string(), partition: fc.string(), token: fc.string() },
  plain,
);
const progress = fc
  .record(
    {
      cursor,
      chunksDone: fc.boolean(),
      rows: fc.nat(),
      schemaVersion: fc.nat(),
      firstReplay: fc.boolean(),
      low: fc.option(position),
      isAsked: fc.boolean(),
      shared: fc.option(shared),
    },
    plain,
  )
  .map((made) => (made.shared === null ? made : { ...made, cursor: null }));
const anyBase: fc.Arbitrary<BaseState> = fc.record(
  {
    kind: fc.constant('base'),
    sourceId: fc.string(),
    ledgerUuid: fc.string(),
    ledgerSeen: fc.bigInt(0n, 2n ** 62n),
    watermark: mark,
    watermarkTsUs: fc.option(fc.bigInt(-(2n ** 60n), 2n ** 60n)),
    lowMark: mark,
    bootstrap: fc.option(progress),
  },
  plain,
);

test('spec: L7, E15 every state is read back from its summary keys', () => {
  fc.assert(
    fc.property(fc.oneof(anyLedger, anyBase), (state) => {
      const made = snapshot(1n, null, state);
      assert.deepEqual(readState(table([made], { main: 1n, firn_state: 1n }), 'main'), state);
      assert.deepEqual(stampOf(made), stamp);
    }),
  );
});

test('a summary key that is missing or damaged is an error, never a default', () => {
  for (const state of [ledger, clustered, base]) {
    const keys = Object.keys(stateKeys(stamp, state)).filter(
      (key) => !/pipeline|writer|commit-id|ledger-uuid/.test(key),
    );
    for (const key of keys) {
      const good = snapshot(1n, null, state);
      const { [key]: _, ...rest } = good.summary;
      const bad = [
        { ...good.summary, [key]: 'x' },
        ...(/sequence|published/.test(key) ? [] : [rest]),
      ];
      for (const summary of key === 'firn.source-id' ? [rest] : bad) {
        assert.throws(
          () => readStateAtHead(table([{ ...good, summary }], { main: 1n }), 'main'),
          (error) => isFirnError(error, 'LEDGER-STATE-INVALID') && error.what.includes(key),
          key,
        );
      }
    }
  }
});

test('spec: L8 the state of a ref is that of the nearest snapshot with keys', () => {
  const other = { ...ledger, events: 99n };
  const metadata = table(
    [
      snapshot(1n, null, ledger),
      snapshot(2n, 1n, null),
      snapshot(3n, 1n, other),
      snapshot(4n, 2n, null),
    ],
    { main: 4n, side: 3n, firn_state: 1n },
  );
  assert.deepEqual(readState(metadata, 'main'), ledger);
  assert.deepEqual(readState(metadata, 'side'), other);
  assert.equal(readState(metadata, 'absent'), null);
  assert.equal(readState(table([], {}), 'main'), null);
});

test('spec: L8 snapshots without state, or a tag off the chain, stop the table by name', () => {
  const history = [
    snapshot(1n, null, ledger),
    snapshot(2n, 1n, ledger),
    snapshot(3n, null, null),
    snapshot(4n, null, base),
  ];
  const code = (refs: Readonly<Record<string, bigint>>): string => {
    try {
      readState(table(history, refs), 'main');
    } catch (error) {
      if (isFirnError(error)) return error.code;
      throw error;
    }
    return 'none';
  };
  assert.equal(code({ main: 2n, firn_state: 2n }), 'none');
  assert.equal(code({ main: 1n, firn_state: 2n }), 'LEDGER-STATE-OFF-CHAIN', 'rolled back');
  assert.equal(code({ main: 2n }), 'LEDGER-STATE-OFF-CHAIN', 'tag removed');
  assert.equal(code({ main: 3n }), 'LEDGER-STATE-LOST');
  assert.equal(code({ main: 3n, firn_state: 2n }), 'LEDGER-STATE-OFF-CHAIN', 'main replaced');
  assert.equal(code({ main: 4n, firn_state: 2n }), 'MERGE-STATE-OFF-CHAIN');
  assert.equal(code({ firn_state: 2n }), 'LEDGER-STATE-OFF-CHAIN', 'main removed');
  assert.deepEqual(readStateAtHead(table(history, { main: 1n, firn_state: 2n }), 'main'), ledger);
  assert.equal(readStateAtHead(table(history, { main: 3n }), 'main'), null);
});

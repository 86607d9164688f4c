/** Retention of files whose names say no time: by the times in the ledger's state, never sooner. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { baseState, ledgerState, testFile, testLake } from '../../test/support/lake-fixture.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { encodeSingleValue } from '../iceberg/single-value.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import { present } from '../kernel/assert.ts';
import { ensureLedger, ledgerTable } from '../ledger/ledger-table.ts';
import { appendedBy, withAppendTime } from '../model/append-times.ts';
import type { AppendTime } from '../model/append-times.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { appendTimesNow, chooseExpiredFiles } from './retain-ledger.ts';

const HOUR_MS = 3_600_000;
const retentionMs = HOUR_MS;

const schema: TableSchema = {
  table: { namespace: 'shop', table: 'orders' },
  version: 1,
  keyColumnIds: [1],
  columns: [
    {
      id: 1,
      name: 'id',
      sourceName: 'id',
      type: { kind: 'int' },
      sourceType: 'int',
    },
  ],
};

test('spec: L17 — files of Flink go when they are merged and were there for the retention', async () => {
  const { context } = testLake();
  const loaded = await ensureLedger(context, schema, { raw: false, beforeImages: false });
  const any = await testFile(context, loaded);
  const idOf = (name: string): number =>
    present(
      currentSchema(loaded.metadata).fields.find((field) => field.name === name),
      name,
    ).id;
  /** A file that main has since `sequence`, with changes up to `seq`. */
  const flinkFile = (sequence: bigint, seq: bigint): ScanFile => {
    const upperBounds = new Map([
      [idOf('_firn_epoch'), encodeSingleValue({ kind: 'int' }, 1)],
      [idOf('_firn_seq'), encodeSingleValue({ kind: 'long' }, seq)],
    ]);
    // As Iceberg's writers in Java name files.
    const name = '00000-0-0d9a5b62-0d5a-4f4e-9d6f-8d4f6a1c2b3e';
    const file = {
      ...any,
      filePath: `file:///t/data/${name}-0000${sequence}.parquet`,
      upperBounds,
    };
    return { file, dataSequenceNumber: sequence, deletes: [] };
  };
  const files = [flinkFile(4n, 10n), flinkFile(5n, 30n), flinkFile(6n, 20n), flinkFile(8n, 12n)];
  const base = { ...baseState(20n), ledgerSeen: 6n };
  const request = (appended: readonly AppendTime[], nowMs: number) => {
    const state = { ...ledgerState(40n), appended };
    const ledger = ledgerTable(schema, loaded, state);
    return { ledger, files, bases: [base], ledgerOnly: false, retentionMs, nowMs };
  };
  const gone = (appended: readonly AppendTime[], nowMs: number): readonly bigint[] =>
    (chooseExpiredFiles(request(appended, nowMs))?.files ?? []).map(
      ({ dataSequenceNumber }) => dataSequenceNumber,
    );
  deepEqual(gone([], 100 * HOUR_MS), [], 'nothing says how old they are');
  const first = appendTimesNow(request([], 0));
  deepEqual(first, [{ sequence: 8n, atMs: 0 }]);
  const times = [
    { sequence: 5n, atMs: 0 },
    { sequence: 8n, atMs: HOUR_MS },
  ];
  deepEqual(gone(times, HOUR_MS), []);
  // The second has rows above the watermark; the others are too young.
  deepEqual(gone(times, HOUR_MS + 1), [4n]);
  // The base has not looked at the last one.
  deepEqual(gone(times, 2 * HOUR_MS + 1), [4n, 6n]);
  equal(appendTimesNow(request(times, 3 * HOUR_MS)), null, 'nothing came since');
  const late = chooseExpiredFiles({
    ...request(times, HOUR_MS + 1),
    ledger: ledgerTable(schema, loaded, {
      ...ledgerState(40n),
      appended: times,
      retainedFrom: { epoch: 1, seq: 15n },
    }),
  });
  deepEqual(late?.retainedFrom, { epoch: 1, seq: 15n }, 'what is gone stays gone');
});

test('spec: L17 — a kept time is never before the file came, and few are kept', () => {
  const commits = fc.array(fc.record({ afterMs: fc.nat(HOUR_MS), files: fc.nat(3) }));
  fc.assert(
    fc.property(commits, fc.integer({ min: 1, max: 48 }), (steps, hours) => {
      const rangeMs = hours * HOUR_MS;
      const came = new Map<bigint, number>();
      let times: readonly AppendTime[] = [];
      let [nowMs, sequence] = [0, 0n];
      for (const { afterMs, files } of steps) {
        nowMs += afterMs;
        sequence += 1n;
        if (files > 0) came.set(sequence, nowMs);
        const highest = [...came.keys()].at(-1);
        if (highest === undefined) continue;
        times = withAppendTime(times, { sequence: highest, atMs: nowMs }, rangeMs) ?? times;
      }
      equal(times.length <= 33, true);
      for (const [file, cameMs] of came) {
        const said = appendedBy(times, file);
        equal(said === null || said >= cameMs, true);
        // Long after the range each one that was looked at is over it.
        if (said !== null) equal(said <= nowMs, true);
      }
    }),
  );
});

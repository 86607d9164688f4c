/**
 * The independent reader itself: exact values, snapshots and refs of a table that Firn never saw.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeTable, pythonSkip, readRows, runPython } from './pyiceberg.ts';

const FULL = {
  big: '9223372036854775807',
  small: -7,
  price: '12345678901234567.890',
  share: 'Infinity',
  name: 'a\u0000😀',
  bytes: '00ff',
  day: '1969-12-31',
  seen: '2026-01-02T03:04:05.678901Z',
  local: '1960-01-01T00:00:00.000001',
  inner: { deep: '-9223372036854775807' },
};

test(
  'every value comes back exact, at a snapshot, a tag and the head',
  { skip: pythonSkip() },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'firn-pyiceberg-'));
    try {
      const snapshotId = BigInt(runPython('test/engines/exact-values.py', [folder]).trim());
      const table = { catalogPath: join(folder, 'catalog.db'), table: 'shop.values' };
      deepEqual(readRows({ ...table, snapshotId }), [FULL]);
      deepEqual(readRows({ ...table, ref: 'first' }), [FULL]);
      equal(readRows(table).length, 2);
      const empty = readRows(table).find((row) => row['big'] === null);
      deepEqual(new Set(Object.values(empty ?? {})), new Set([null]));

      const said = describeTable(table);
      equal(said.refs['first']?.snapshotId, `${snapshotId}`);
      equal(said.snapshots.length, 2);
      deepEqual(said.fields[0], { id: 1, name: 'big', type: 'long', required: false });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

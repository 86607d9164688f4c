/** Rows in a reader: cut anywhere, dropped behind a place, bounded, with whole before images. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeBatch } from '../model/change-batch.ts';
import { BinlogReader } from './binlog-reader.ts';
import type { LogTable } from './log-table.ts';
import type { TableReader } from './table-reader.ts';
import { dumpOf, rawTable, readDump, rowLines } from '../../test/support/binlog-packets.ts';

function rowsOf(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.startsWith('  '));
}

/** Reads a recording and leaves the rows of `orders`, as first defined, in their reader. */
function readOrders(name: string): TableReader {
  let orders: TableReader | null = null;
  const reader = new BinlogReader({
    flavour: name.startsWith('mysql') ? 'mysql' : 'mariadb',
    wants(log: LogTable) {
      if (log.table !== 'orders' || orders !== null) return null;
      orders = rawTable(log, { beforeImages: 'full' });
      return orders;
    },
  });
  for (const event of reader.push(dumpOf(name))) ok(event.kind !== 'rows-refused');
  ok(orders !== null);
  return orders;
}

test('a reader cut after every row gives the same rows with the same sequences', () => {
  for (const name of ['mysql-changes', 'mysql-compressed', 'mariadb-changes']) {
    const flavour = name.startsWith('mysql') ? 'mysql' : 'mariadb';
    const whole = rowsOf(readDump([dumpOf(name)], flavour));
    deepEqual(rowsOf(readDump([dumpOf(name)], flavour, { batchRowsMax: 1 })), whole);
    deepEqual(rowsOf(readDump([dumpOf(name)], flavour, { batchBytesMax: 1 })), whole);
  }
});

test('an update of the key is a delete of the old row and an insert of the new one', () => {
  const batch = readOrders('mysql-changes').cut(3);
  ok(batch !== null);
  equal(batch.epoch, 3);
  const rows = rowLines(batch).map((line) => line.replace(/ts=.*?: /, ''));
  deepEqual(rows.slice(3, 10), [
    '  u seq=2/1289 row=1 01000000 01000000 6368616e676564 before: 01000000 01000000 6f6e65',
    '  u seq=2/1289 row=3 02000000 01000000 6368616e676564 before: 02000000 01000000 null',
    '  u seq=2/1289 row=5 03000000 02000000 6368616e676564 before: 03000000 02000000 7468726565',
    '  d seq=2/1694 row=0 01000000 01000000 6368616e676564 before: null null null',
    '  c seq=2/1694 row=1 0b000000 01000000 6368616e676564 before: null null null',
    '  d seq=2/1694 row=2 02000000 01000000 6368616e676564 before: null null null',
    '  c seq=2/1694 row=3 0c000000 01000000 6368616e676564 before: null null null',
  ]);
});

test('rows behind a place are dropped, the ones up to it stay', () => {
  const whole = readOrders('mysql-changes').cut(1);
  ok(whole !== null);
  const lines = rowLines(whole);
  for (let keep = 0; keep <= lines.length; keep++) {
    const reader = readOrders('mysql-changes');
    const seq = keep === 0 ? 0n : (whole.seq[keep - 1] ?? 0n);
    reader.dropAfter(seq);
    const batch: ChangeBatch | null = reader.cut(1);
    const expected: readonly string[] = lines.filter((_, row) => (whole.seq[row] ?? 0n) <= seq);
    deepEqual(batch === null ? [] : rowLines(batch), expected);
    equal(reader.cut(1), null);
  }
});

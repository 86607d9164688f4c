/** Which dead letters a copy of the table settles. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { testFile, testLake, testTable } from '../../test/support/lake-fixture.ts';
import { deadLetterDraft } from '../cluster/dead-letter-table.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { encodeSingleValue } from '../iceberg/single-value.ts';
import { newTableMetadata } from '../iceberg/table-metadata.ts';
import { settledFiles } from './settled-letters.ts';

const EPOCH_ID = 4;
const SEQ_ID = 5;

const metadata = newTableMetadata({
  ...deadLetterDraft('shop', { namespace: 'shop', name: 'orders_ledger_dead_letters' }),
  tableUuid: 'u',
  location: 'file:///t',
  nowMs: 1,
});

/** A file whose letters are of places up to `seq`; `unplaced` of its three name none. */
function letters(any: DataFile, seq: bigint | null, unplaced: number | null): ScanFile {
  const upperBounds = new Map([[EPOCH_ID, encodeSingleValue({ kind: 'int' }, 1)]]);
  if (seq !== null) upperBounds.set(SEQ_ID, encodeSingleValue({ kind: 'long' }, seq));
  const nullValueCounts = unplaced === null ? null : new Map([[SEQ_ID, BigInt(unplaced)]]);
  const filePath = `${seq} ${unplaced}`;
  const file = { ...any, filePath, recordCount: 3n, upperBounds, nullValueCounts };
  return { file, dataSequenceNumber: 1n, deletes: [] };
}

test('spec: E22 — a copy settles what was before its low mark, by file', async () => {
  const { context } = testLake();
  const any = await testFile(context, await testTable(context));
  const kinds = [
    [10n, 0],
    [11n, 0],
    [10n, 1],
    [null, 3],
    [10n, null],
    [null, 0],
  ] as const;
  const files = kinds.map(([seq, unplaced]) => letters(any, seq, unplaced));
  const settled = (seq: bigint): readonly string[] => {
    const lowMark = { epoch: 1, seq: 10n };
    const found = settledFiles({ metadata, files, lowMark, madeBefore: { epoch: 1, seq } });
    return found.map(({ file }) => file.filePath);
  };
  deepEqual(settled(11n), ['10 0'], 'letters without a place may be later ones');
  deepEqual(settled(10n), ['10 0', '10 1', 'null 3', '10 null']);
});

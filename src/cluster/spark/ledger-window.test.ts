/** Which files a merge on a cluster must read, by what their bounds leave room for. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { DataFile } from '../../iceberg/manifest.ts';
import { isPrimitive } from '../../iceberg/iceberg-type.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { encodeSingleValue } from '../../iceberg/single-value.ts';
import { assert } from '../../kernel/assert.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import { ledgerSchema } from '../../schema/ledger-table.ts';
import { ledgerWindow } from './ledger-window.ts';

const schema = ledgerSchema(
  { table: { namespace: 's', table: 't' }, version: 1, columns: [], keyColumnIds: [] },
  { raw: false, beforeImages: false },
);

type Mark = readonly [epoch: number, seq: bigint];

function bounds([epoch, seq]: Mark): ReadonlyMap<number, Uint8Array> {
  const value = (name: string, number: number | bigint): readonly [number, Uint8Array] => {
    const field = schema.fields.find((one) => one.name === name);
    if (field === undefined) throw new Error(name);
    assert(isPrimitive(field.type), 'a plain column');
    return [field.id, encodeSingleValue(field.type, number)];
  };
  return new Map([value('_firn_epoch', epoch), value('_firn_seq', seq)]);
}

/** A file of a data sequence number with bounds; `null`: its writer gave none. */
function file(dataSequenceNumber: bigint, range: readonly [Mark, Mark] | null): ScanFile {
  const [low, high] = range ?? [null, null];
  const data: Partial<DataFile> = {
    filePath: `f${dataSequenceNumber}`,
    lowerBounds: low === null ? null : bounds(low),
    upperBounds: high === null ? null : bounds(high),
  };
  // What a window looks at.
  return { file: data as DataFile, dataSequenceNumber, deletes: [] };
}

const mark = ([epoch, seq]: Mark): SequenceMark => ({ epoch, seq });

const lowMark = mark([1, 3n]);

/** The window above 1:10 up to 1:20, with files up to number 5 seen. */
function windowOf(
  files: readonly ScanFile[],
  firstReplay = false,
): ReturnType<typeof ledgerWindow> {
  const rules = { from: mark([1, 10n]), to: mark([1, 20n]), rereadsAfter: 5n };
  return ledgerWindow(files, { schema, rules, lowMark, firstReplay });
}

const NOTHING_LATE = { isEmpty: false, late: null };

test('spec: M26 — rows above the watermark are read in whichever file they lie', () => {
  const merged = file(3n, [
    [1, 1n],
    [1, 10n],
  ]);
  const ahead = file(8n, [
    [1, 21n],
    [1, 30n],
  ]);
  deepEqual(windowOf([]), { isEmpty: true, late: null });
  deepEqual(windowOf([merged, ahead]), { isEmpty: true, late: null });
  deepEqual(
    windowOf([
      merged,
      file(4n, [
        [1, 9n],
        [1, 11n],
      ]),
    ]),
    NOTHING_LATE,
  );
  deepEqual(
    windowOf([
      file(7n, [
        [1, 11n],
        [1, 12n],
      ]),
    ]),
    NOTHING_LATE,
  );
  deepEqual(
    windowOf([
      file(7n, [
        [1, 20n],
        [2, 1n],
      ]),
    ]),
    NOTHING_LATE,
    'of two epochs',
  );
});

test('spec: M26 — a new file that may hold rows at or below the watermark widens the window', () => {
  const old = file(4n, [
    [1, 2n],
    [1, 12n],
  ]);
  const fresh = file(7n, [
    [1, 15n],
    [1, 16n],
  ]);
  const late = file(8n, [
    [1, 4n],
    [1, 4n],
  ]);
  deepEqual(windowOf([old, fresh, late]), {
    isEmpty: false,
    late: { lowest: mark([1, 4n]), newFiles: ['f7', 'f8'], lowMark, changesCount: true },
  });
  // An earlier epoch is below, whatever its seq.
  deepEqual(
    windowOf([
      file(8n, [
        [0, 99n],
        [0, 99n],
      ]),
    ]).late?.lowest,
    mark([0, 99n]),
  );
  deepEqual(windowOf([file(8n, null)]), {
    isEmpty: false,
    late: { lowest: mark([0, 0n]), newFiles: ['f8'], lowMark, changesCount: true },
  });
});

test('a bootstrap takes no re-read out of files that are older than its rows', () => {
  const old = file(4n, [
    [1, 2n],
    [1, 12n],
  ]);
  deepEqual(windowOf([old], true), {
    isEmpty: false,
    late: { lowest: mark([1, 10n]), newFiles: [], lowMark, changesCount: false },
  });
  deepEqual(
    windowOf(
      [
        file(7n, [
          [1, 11n],
          [1, 12n],
        ]),
      ],
      true,
    ),
    NOTHING_LATE,
  );
});

test('what another ledger holds below the watermark counts only as re-reads', () => {
  const rules = { from: mark([1, 10n]), to: mark([1, 20n]), rereadsAfter: -1n };
  const files = [
    file(4n, [
      [1, 2n],
      [1, 12n],
    ]),
  ];
  deepEqual(ledgerWindow(files, { schema, rules, lowMark, firstReplay: false }).late, {
    lowest: mark([1, 2n]),
    newFiles: ['f4'],
    lowMark,
    changesCount: false,
  });
});

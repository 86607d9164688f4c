/**
 * Retention of a ledger (docs/spec/ledger.md L13): files go when all their rows are merged, lie
 * below every open low mark, and were appended longer ago than the retention. Age is the append's,
 * never the source's clock: from the UUIDv7 in the file's name, or, of files that another engine
 * named, from the times that are kept in the ledger's state (L17).
 */
import type { ScanFile } from '../iceberg/scan-file.ts';
import { plainName } from '../iceberg/layout/hashed-layout.ts';
import { uuidV7TimeMs } from '../kernel/identifiers.ts';
import type { BaseState } from '../lake/table-state.ts';
import { appendedBy, withAppendTime } from '../model/append-times.ts';
import type { AppendTime } from '../model/append-times.ts';
import { compareMarks, laterMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { highestMark } from '../ledger/file-marks.ts';
import type { LedgerTable } from '../ledger/ledger-table.ts';

/** What decides which files go. */
export interface RetentionRequest {
  readonly ledger: LedgerTable;
  readonly files: readonly ScanFile[];
  /** States of the base's main and bootstrap branches; empty: the table is ledger only. */
  readonly bases: readonly BaseState[];
  readonly ledgerOnly: boolean;
  readonly retentionMs: number;
  readonly nowMs: number;
}

/** Files to remove, and what the ledger no longer holds afterwards. */
export interface Retention {
  readonly files: readonly ScanFile[];
  readonly retainedFrom: SequenceMark;
}

/** Chooses the files to remove; `null` when none may go. Pure. */
export function chooseExpiredFiles(request: RetentionRequest): Retention | null {
  const { bases, ledgerOnly, retentionMs, nowMs } = request;
  const { metadata } = request.ledger;
  if (!ledgerOnly && bases.length === 0) return null;
  const files: ScanFile[] = [];
  // Files that came late have rows from before those that went already.
  let { retainedFrom } = request.ledger.state;
  for (const scan of request.files) {
    const appendedMs =
      nameTimeMs(scan) ?? appendedBy(request.ledger.state.appended, scan.dataSequenceNumber);
    if (appendedMs === null || nowMs - appendedMs <= retentionMs) continue;
    const highest = highestMark(metadata, scan, { epoch: '_firn_epoch', seq: '_firn_seq' });
    if (highest === null || !bases.every((base) => isMerged(base, scan, highest))) continue;
    files.push(scan);
    retainedFrom = retainedFrom === null ? highest : laterMark(retainedFrom, highest);
  }
  return retainedFrom === null || files.length === 0 ? null : { files, retainedFrom };
}

function isMerged(base: BaseState, scan: ScanFile, highest: SequenceMark): boolean {
  const open = base.bootstrap === null ? base.watermark : base.lowMark;
  return scan.dataSequenceNumber <= base.ledgerSeen && compareMarks(highest, open) <= 0;
}

/**
 * The times of the ledger's state with that of now, where a file needs them and they are old;
 * `null`: they stay as they are. Pure.
 */
export function appendTimesNow(
  request: Pick<RetentionRequest, 'ledger' | 'files' | 'retentionMs' | 'nowMs'>,
): readonly AppendTime[] | null {
  const { ledger, files, retentionMs } = request;
  const unnamed = files.filter((scan) => nameTimeMs(scan) === null);
  const [first, ...others] = unnamed.map(({ dataSequenceNumber }) => dataSequenceNumber);
  if (first === undefined) return null;
  const sequence = others.reduce((highest, one) => (one > highest ? one : highest), first);
  const now = { sequence, atMs: Math.trunc(request.nowMs) };
  return withAppendTime(ledger.state.appended, now, retentionMs);
}

/** Files of another engine have no time in their names. */
function nameTimeMs({ file }: ScanFile): number | null {
  return uuidV7TimeMs(plainName(file.filePath).slice(0, 36));
}

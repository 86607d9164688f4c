/**
 * Retention of a ledger (docs/spec/ledger.md L13): files go when all their rows are merged, lie
 * below every open low mark, and were appended longer ago than the retention. Age is the append's,
 * from the UUIDv7 in the file's name, never the source's clock.
 */
import type { ScanFile } from '../iceberg/scan-file.ts';
import { decodeBound } from '../iceberg/single-value.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import { plainName } from '../iceberg/layout/hashed-layout.ts';
import { uuidV7TimeMs } from '../kernel/identifiers.ts';
import type { BaseState } from '../lake/table-state.ts';
import { compareMarks, laterMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
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
  if (!ledgerOnly && bases.length === 0) return null;
  const files: ScanFile[] = [];
  let retainedFrom: SequenceMark | null = null;
  for (const scan of request.files) {
    const appendedMs = appendTimeMs(scan.file.filePath);
    if (appendedMs === null || nowMs - appendedMs <= retentionMs) continue;
    const highest = highestMark(request.ledger, scan);
    if (highest === null || !bases.every((base) => isMerged(base, scan, highest))) continue;
    files.push(scan);
    retainedFrom = retainedFrom === null ? highest : laterMark(retainedFrom, highest);
  }
  return retainedFrom === null ? null : { files, retainedFrom };
}

function isMerged(base: BaseState, scan: ScanFile, highest: SequenceMark): boolean {
  const open = base.bootstrap === null ? base.watermark : base.lowMark;
  return scan.dataSequenceNumber <= base.ledgerSeen && compareMarks(highest, open) <= 0;
}

function appendTimeMs(location: string): number | null {
  return uuidV7TimeMs(plainName(location).slice(0, 36));
}

/** Highest `(epoch, seq)` of a file's rows, from its bounds; `null` when it has none. */
function highestMark(ledger: LedgerTable, scan: ScanFile): SequenceMark | null {
  const { fields } = currentSchema(ledger.metadata);
  const upper = (name: string): unknown => {
    const field = fields.find((candidate) => candidate.name === name);
    const bytes = field === undefined ? undefined : scan.file.upperBounds?.get(field.id);
    return field === undefined || bytes === undefined ? null : decodeBound(field.type, bytes);
  };
  const epoch = upper('_firn_epoch');
  const seq = upper('_firn_seq');
  return typeof epoch === 'number' && typeof seq === 'bigint' ? { epoch, seq } : null;
}

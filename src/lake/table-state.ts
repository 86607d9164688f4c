/**
 * What Firn remembers in a table: the summary keys of its snapshots (docs/spec/ledger.md L7, L8).
 * One codec for every commit. The state of a ref is that of the nearest snapshot with these keys on
 * the ref's own parent chain, so snapshots that other engines add in between do not hide it.
 */
import type { SequenceMark } from '../model/change-sequence.ts';
import type { SourcePosition } from '../model/source-position.ts';

/** State of a ledger. */
export interface LedgerState {
  readonly kind: 'ledger';
  readonly sourceId: string;
  /** `firn.position`: resume reading here. */
  readonly position: SourcePosition;
  /** `firn.complete-to`: everything up to here is in the ledger. From the same event as `position`. */
  readonly completeTo: SequenceMark;
  /** `firn.sequence`: highest `(epoch, seq)` of a row; `null` before the first row. */
  readonly sequence: SequenceMark | null;
  /** `firn.schema`: newest schema version of a row. */
  readonly schemaVersion: number;
  /** `firn.events`: rows ever appended. */
  readonly events: bigint;
  /** `firn.retained-from`: rows at or below may be gone; `null`: none was removed. */
  readonly retainedFrom: SequenceMark | null;
  /** `firn.gap`: complete again from here, history before is missing; `null`: no gap. */
  readonly gap: SequenceMark | null;
}

/** State of a base, on main or on a bootstrap branch. */
export interface BaseState {
  readonly kind: 'base';
  readonly sourceId: string;
  readonly ledgerUuid: string;
  /** `firn.ledger-seen`: every ledger file up to this sequence number was looked at. */
  readonly ledgerSeen: bigint;
  readonly watermark: SequenceMark;
  /** Commit time at the source of the watermark, microseconds; `null` unknown. */
  readonly watermarkTsUs: bigint | null;
  /** `firn.low-mark`: taken before the first chunk of the bootstrap that made this table. */
  readonly lowMark: SequenceMark;
  /** `firn.bootstrap`: progress, on a bootstrap branch; `null` once published. */
  readonly bootstrap: BootstrapProgress | null;
}

/** How far a bootstrap is, in the state of its branch. */
export interface BootstrapProgress {
  /** Cursor of the last finished chunk; `null`: none yet. */
  readonly cursor: string | null;
  /** All chunks are in. */
  readonly chunksDone: boolean;
  readonly rows: number;
  /** Schema version the chunks are read with; another one restarts the bootstrap. */
  readonly schemaVersion: number;
  /** No merge was made on the branch yet. */
  readonly firstReplay: boolean;
}

/** State of a table. */
export type TableState = LedgerState | BaseState;

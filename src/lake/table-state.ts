/**
 * What Firn remembers in a table: the summary keys of its snapshots (docs/spec/ledger.md L7, L8).
 * One codec for every commit; what cannot be read is an error, never a default. The state of a ref
 * is that of the nearest snapshot with these keys on the ref's own parent chain, so snapshots that
 * other engines add in between do not hide it.
 */
import { MAIN_BRANCH, ancestors, findRef } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { formatAppendTimes, parseAppendTimes } from '../model/append-times.ts';
import type { AppendTime } from '../model/append-times.ts';
import { formatProgress, parseProgress } from '../model/bootstrap-progress.ts';
import type { BootstrapProgress } from '../model/bootstrap-progress.ts';
import { formatMark, parseMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { formatPosition, parsePosition } from '../model/source-position.ts';
import type { SourcePosition } from '../model/source-position.ts';
import {
  formatOffsets,
  formatPublished,
  parseOffsets,
  parsePublished,
} from '../model/cluster-place.ts';
import type { ClusterPlace } from '../model/cluster-place.ts';

/** State of a ledger. */
export interface LedgerState {
  readonly kind: 'ledger';
  readonly sourceId: string;
  /** `firn.position`: resume reading here. */
  readonly position: SourcePosition;
  /**
   * `firn.complete-to`: everything up to here is in the ledger. From the same event as `position`.
   */
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
  /** `firn.appended`: of files whose names have no time. */
  readonly appended: readonly AppendTime[];
  /** `firn.offsets`, `firn.published`; `null`: the embedded engine writes the ledger. */
  readonly cluster: ClusterPlace | null;
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

/** State of a table. */
export type TableState = LedgerState | BaseState;

/** Tag at main's newest snapshot with state; nothing from there to the head is ever expired. */
export const STATE_TAG = 'firn_state';

/**
 * State of a ref; `null` when the ref has no snapshot. On main the state tag must be on the chain:
 * otherwise somebody rolled main back, and going on would lose or double rows.
 *
 * @throws {FirnError} LEDGER-STATE-LOST, LEDGER-STATE-OFF-CHAIN, MERGE-STATE-OFF-CHAIN,
 *   LEDGER-STATE-INVALID
 */
export function readState(metadata: TableMetadata, ref: string): TableState | null {
  const head = findRef(metadata, ref)?.snapshotId ?? null;
  const tag = findRef(metadata, STATE_TAG)?.snapshotId ?? null;
  if (head === null && (ref !== MAIN_BRANCH || tag === null)) return null;
  const state = newestState(ancestors(metadata, head));
  const isOnChain = (): boolean =>
    ancestors(metadata, head).some((snapshot) => snapshot.snapshotId === tag);
  if (ref === MAIN_BRANCH && !isOnChain()) {
    const tagged = state ?? newestState(ancestors(metadata, tag));
    if (tagged !== null) throw offChain(metadata, tagged, tag);
  }
  if (state !== null) return state;
  throw new FirnError('LEDGER-STATE-LOST', {
    what: `${ref} has snapshots, but none of them carries Firn's state`,
    where: metadata.location,
  });
}

/**
 * State at the head of a ref wherever the state tag is, for going on after somebody moved main on
 * purpose; `null` when there is none.
 *
 * @throws {FirnError} LEDGER-STATE-INVALID
 */
export function readStateAtHead(metadata: TableMetadata, ref: string): TableState | null {
  return newestState(ancestors(metadata, findRef(metadata, ref)?.snapshotId ?? null));
}

function newestState(chain: Iterable<Snapshot>): TableState | null {
  for (const snapshot of chain) {
    const state = stateOf(snapshot);
    if (state !== null) return state;
  }
  return null;
}

function offChain(metadata: TableMetadata, state: TableState, tag: bigint | null): FirnError {
  const code = state.kind === 'ledger' ? 'LEDGER-STATE-OFF-CHAIN' : 'MERGE-STATE-OFF-CHAIN';
  const what =
    tag === null
      ? `the tag ${STATE_TAG} is missing`
      : `snapshot ${tag}, which the tag ${STATE_TAG} names, is not in the history of main`;
  return new FirnError(code, { what, where: metadata.location });
}

/** Who made a commit. */
export interface CommitStamp {
  /** `firn.pipeline`. */
  readonly pipeline: string;
  /** `firn.writer`: id of the process. */
  readonly writer: string;
  /** `firn.commit-id`: id of the commit, the same however often it is sent. */
  readonly commitId: string;
}

type Keys = Readonly<Record<string, string>>;

/** The summary keys of a commit. */
export function stateKeys(stamp: CommitStamp, state: TableState): Keys {
  return {
    'firn.pipeline': stamp.pipeline,
    'firn.writer': stamp.writer,
    'firn.commit-id': stamp.commitId,
    'firn.source-id': state.sourceId,
    ...(state.kind === 'ledger' ? ledgerKeys(state) : baseKeys(state)),
  };
}

/** Who made a snapshot; `null` when it was not Firn. */
export function stampOf(snapshot: Snapshot): CommitStamp | null {
  const { summary } = snapshot;
  const commitId = summary['firn.commit-id'];
  if (commitId === undefined) return null;
  return {
    pipeline: summary['firn.pipeline'] ?? '',
    writer: summary['firn.writer'] ?? '',
    commitId,
  };
}

/**
 * The state in a snapshot; `null` when it was not made by Firn.
 *
 * @throws {FirnError} LEDGER-STATE-INVALID
 */
function stateOf(snapshot: Snapshot): TableState | null {
  if (stampOf(snapshot) === null) return null;
  const keys = new KeyReader(snapshot);
  return snapshot.summary['firn.ledger-uuid'] === undefined ? readLedger(keys) : readBase(keys);
}

function optional(key: string, mark: SequenceMark | null): Keys {
  return mark === null ? {} : { [key]: formatMark(mark) };
}

function ledgerKeys(state: LedgerState): Keys {
  return {
    'firn.position': formatPosition(state.position),
    'firn.complete-to': formatMark(state.completeTo),
    ...optional('firn.sequence', state.sequence),
    'firn.schema': String(state.schemaVersion),
    'firn.events': String(state.events),
    ...optional('firn.retained-from', state.retainedFrom),
    ...optional('firn.gap', state.gap),
    ...(state.appended.length === 0 ? {} : { 'firn.appended': formatAppendTimes(state.appended) }),
    ...(state.cluster === null ? {} : clusterKeys(state.cluster)),
  };
}

function clusterKeys({ offsets, published }: ClusterPlace): Keys {
  return {
    'firn.offsets': formatOffsets(offsets),
    ...(published === null ? {} : { 'firn.published': formatPublished(published) }),
  };
}

function baseKeys(state: BaseState): Keys {
  return {
    'firn.ledger-uuid': state.ledgerUuid,
    'firn.ledger-seen': String(state.ledgerSeen),
    'firn.watermark': formatMark(state.watermark),
    ...(state.watermarkTsUs === null ? {} : { 'firn.watermark-ts': String(state.watermarkTsUs) }),
    'firn.low-mark': formatMark(state.lowMark),
    ...(state.bootstrap === null ? {} : { 'firn.bootstrap': formatProgress(state.bootstrap) }),
  };
}

/** Reads keys of one snapshot; a bad one names itself and the snapshot. */
class KeyReader {
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  optional(key: string): string | null {
    return this.#snapshot.summary[key] ?? null;
  }

  text(key: string): string {
    return this.optional(key) ?? this.fail(key);
  }

  count(key: string): bigint {
    const text = this.text(key);
    return /^-?\d{1,19}$/.test(text) ? BigInt(text) : this.fail(key);
  }

  mark(key: string): SequenceMark {
    return parseMark(this.text(key)) ?? this.fail(key);
  }

  optionalMark(key: string): SequenceMark | null {
    return this.optional(key) === null ? null : this.mark(key);
  }

  fail(key: string): never {
    throw new FirnError('LEDGER-STATE-INVALID', {
      what: `the summary key ${key} is missing or cannot be read`,
      where: `snapshot ${this.#snapshot.snapshotId} at ${this.#snapshot.manifestList}`,
    });
  }
}

function readLedger(keys: KeyReader): LedgerState {
  return {
    kind: 'ledger',
    sourceId: keys.text('firn.source-id'),
    position: parsePosition(keys.text('firn.position')) ?? keys.fail('firn.position'),
    completeTo: keys.mark('firn.complete-to'),
    sequence: keys.optionalMark('firn.sequence'),
    schemaVersion: readInt(keys, 'firn.schema'),
    events: keys.count('firn.events'),
    retainedFrom: keys.optionalMark('firn.retained-from'),
    gap: keys.optionalMark('firn.gap'),
    appended: readAppended(keys),
    cluster: readCluster(keys),
  };
}

function readAppended(keys: KeyReader): readonly AppendTime[] {
  const text = keys.optional('firn.appended');
  return text === null ? [] : (parseAppendTimes(text) ?? keys.fail('firn.appended'));
}

function readCluster(keys: KeyReader): ClusterPlace | null {
  const offsets = keys.optional('firn.offsets');
  const published = keys.optional('firn.published');
  if (offsets === null) return published === null ? null : keys.fail('firn.offsets');
  return {
    offsets: parseOffsets(offsets) ?? keys.fail('firn.offsets'),
    published:
      published === null ? null : (parsePublished(published) ?? keys.fail('firn.published')),
  };
}

function readBase(keys: KeyReader): BaseState {
  const ts = keys.optional('firn.watermark-ts');
  const progress = keys.optional('firn.bootstrap');
  return {
    kind: 'base',
    sourceId: keys.text('firn.source-id'),
    ledgerUuid: keys.text('firn.ledger-uuid'),
    ledgerSeen: keys.count('firn.ledger-seen'),
    watermark: keys.mark('firn.watermark'),
    watermarkTsUs: ts === null ? null : keys.count('firn.watermark-ts'),
    lowMark: keys.mark('firn.low-mark'),
    bootstrap: progress === null ? null : (parseProgress(progress) ?? keys.fail('firn.bootstrap')),
  };
}

function readInt(keys: KeyReader, key: string): number {
  const text = keys.text(key);
  return /^\d{1,9}$/.test(text) ? Number.parseInt(text, 10) : keys.fail(key);
}

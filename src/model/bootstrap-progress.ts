/**
 * How far a bootstrap is, in the state of its branch (docs/spec/bootstrap.md B5, B14): either one
 * process reads on behind a cursor, or several share what is left as disjoint ranges of the key,
 * each of which one of them has claimed. Data and its text; a text that cannot be read gives
 * `null`, never a default.
 */
import { parseJson } from '../kernel/lossless-json.ts';
import { formatPosition, parsePosition } from './source-position.ts';
import type { SourcePosition } from './source-position.ts';

/** How far a bootstrap is. */
export interface BootstrapProgress {
  /** Cursor of the last finished chunk; `null`: none yet, or {@link shared} says it. */
  readonly cursor: string | null;
  /** All chunks are in. */
  readonly chunksDone: boolean;
  readonly rows: number;
  /** Schema version the chunks are read with; another one restarts the bootstrap. */
  readonly schemaVersion: number;
  /** No merge was made on the branch yet. */
  readonly firstReplay: boolean;
  /** Place of the low mark, which every reader must have passed; `null`: it was not kept. */
  readonly low: SourcePosition | null;
  /** Another process asks for a share of the chunks. */
  readonly isAsked: boolean;
  /** `null`: one process reads all chunks. */
  readonly shared: SharedChunks | null;
}

/** The rows that are not in yet, shared by any number of processes. */
export interface SharedChunks {
  /** Nobody has claimed what comes behind this cursor; `null`: behind nothing, that is all. */
  readonly next: string | null;
  /** Whether there is anything behind {@link next} that nobody has claimed. */
  readonly isOpen: boolean;
  /** The highest id that a claim had. */
  readonly lastId: number;
  /** Disjoint ranges of the key whose rows are not in yet. */
  readonly claims: readonly ChunkClaim[];
}

/** A range of the key that one process reads. */
export interface ChunkClaim {
  /** Never used twice on a branch: a range that somebody else takes over gets another one. */
  readonly id: number;
  /** Id of the process; `null`: it was given back. */
  readonly holder: string | null;
  /** The process owns the pipeline. */
  readonly isOwner: boolean;
  /** Cursor behind which it begins: moves on with each commit; `null`: at the first row. */
  readonly after: string | null;
  /** Cursor of its last row; `null`: to the end of the table. */
  readonly upTo: string | null;
}

/** The progress of a bootstrap that begins. */
export function newProgress(begun: {
  readonly schemaVersion: number;
  readonly low: SourcePosition;
}): BootstrapProgress {
  return {
    ...begun,
    cursor: null,
    chunksDone: false,
    rows: 0,
    firstReplay: true,
    isAsked: false,
    shared: null,
  };
}

/**
 * The text of a progress. Where it is shared it has no `cursor`: a version of the program that
 * knows of one reader only refuses it and does not read past what others have claimed.
 */
export function formatProgress(progress: BootstrapProgress): string {
  const { cursor, shared, low, isAsked, chunksDone, rows, schemaVersion, firstReplay } = progress;
  return JSON.stringify({
    ...(shared === null ? { cursor } : {}),
    chunksDone,
    rows,
    schemaVersion,
    firstReplay,
    ...(low === null ? {} : { low: formatPosition(low) }),
    ...(isAsked ? { isAsked } : {}),
    ...(shared === null ? {} : { shared }),
  });
}

/** Reads {@link formatProgress}'s text; `null` when it is not one. */
export function parseProgress(text: string): BootstrapProgress | null {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    // Not JSON: the caller names key and snapshot.
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const read = value as Readonly<Record<keyof BootstrapProgress, unknown>>;
  const { chunksDone, rows, schemaVersion, firstReplay, isAsked = false } = read;
  const shared = read.shared === undefined ? null : readShared(read.shared);
  if (read.shared !== undefined && shared === null) return null;
  const cursor = shared === null ? read.cursor : null;
  const low = typeof read.low === 'string' ? parsePosition(read.low) : null;
  if (read.low !== undefined && low === null) return null;
  if (!isCursor(cursor) || typeof isAsked !== 'boolean') return null;
  if (typeof chunksDone !== 'boolean' || typeof firstReplay !== 'boolean') return null;
  if (!isCount(rows) || !isCount(schemaVersion)) return null;
  return { cursor, chunksDone, rows, schemaVersion, firstReplay, low, isAsked, shared };
}

function readShared(value: unknown): SharedChunks | null {
  if (typeof value !== 'object' || value === null) return null;
  const { next, isOpen, lastId, claims } = value as Readonly<Record<keyof SharedChunks, unknown>>;
  if (!isCursor(next) || typeof isOpen !== 'boolean' || !isCount(lastId)) return null;
  if (!Array.isArray(claims)) return null;
  const read = claims.flatMap((claim) => readClaim(claim) ?? []);
  return read.length === claims.length ? { next, isOpen, lastId, claims: read } : null;
}

function readClaim(value: unknown): ChunkClaim | null {
  if (typeof value !== 'object' || value === null) return null;
  const claim = value as Readonly<Record<keyof ChunkClaim, unknown>>;
  const { id, holder, isOwner, after, upTo } = claim;
  if (!isCount(id) || typeof isOwner !== 'boolean') return null;
  return isCursor(holder) && isCursor(after) && isCursor(upTo)
    ? { id, holder, isOwner, after, upTo }
    : null;
}

function isCursor(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

/**
 * Who reads which chunks of a table that several processes load (docs/spec/bootstrap.md B14). Pure:
 * each change is made to the progress as it is in the branch, and is committed on the very snapshot
 * that it was read from; one that no longer fits gives `null`. So whatever the processes do and in
 * whatever order their commits arrive, ranges stay disjoint and each is taken out with the files of
 * its rows, once.
 */
import type { BootstrapProgress, ChunkClaim, SharedChunks } from '../model/bootstrap-progress.ts';

/** Claims at a time: the state of a branch stays small. */
const CLAIMS_MAX = 64;

/** Text of all claims: keys may be long. */
const CLAIMS_LENGTH_MAX = 64 * 1024;

/** A process that reads chunks. */
export interface ChunkReader {
  /** Unlike that of any other process; never reads two chunks at a time. */
  readonly holder: string;
  /** It owns the pipeline: what an owner before it has claimed is its own. */
  readonly isOwner: boolean;
}

/** What a process does next. */
export type ChunkChoice =
  /** Reads a range that nobody reads any more. */
  | { readonly kind: 'take-over'; readonly claim: ChunkClaim }
  /** Claims the next range behind a cursor. */
  | { readonly kind: 'claim'; readonly after: string | null }
  /** Others read all that is left. */
  | { readonly kind: 'wait' };

/** A progress and the claim that it was changed for. */
export interface Claimed {
  readonly progress: BootstrapProgress;
  readonly claim: ChunkClaim;
}

/** What one process has read so far is in; the rest is for anybody. */
export function shareRest(progress: BootstrapProgress): BootstrapProgress {
  const shared = { next: progress.cursor, isOpen: true, lastId: 0, claims: [] };
  return { ...progress, cursor: null, isAsked: false, shared };
}

/** What to do next; `isExpired`: the holder of a claim was silent for so long that it is dead. */
export function chooseChunk(
  shared: SharedChunks,
  reader: ChunkReader,
  isExpired: (claim: ChunkClaim) => boolean,
): ChunkChoice {
  const left = shared.claims.find(
    (claim) =>
      claim.holder === null ||
      // Of an earlier try of this process, which has given it up.
      claim.holder === reader.holder ||
      (reader.isOwner && claim.isOwner) ||
      isExpired(claim),
  );
  if (left !== undefined) return { kind: 'take-over', claim: left };
  return shared.isOpen && hasRoom(shared)
    ? { kind: 'claim', after: shared.next }
    : { kind: 'wait' };
}

/** Claims the rows behind `after` up to `upTo` (`null`: all); `null`: somebody else was faster. */
export function claimNext(
  progress: BootstrapProgress,
  reader: ChunkReader,
  range: Pick<ChunkClaim, 'after' | 'upTo'>,
): Claimed | null {
  const { shared } = progress;
  if (shared === null || !shared.isOpen || shared.next !== range.after) return null;
  if (!hasRoom(shared)) return null;
  const claim = { id: shared.lastId + 1, ...reader, ...range };
  const next = { next: range.upTo, isOpen: range.upTo !== null, lastId: claim.id };
  const claims = [...shared.claims, claim];
  return { claim, progress: { ...progress, shared: { ...next, claims } } };
}

/** Takes the place of a holder; `null`: the claim has moved on. */
export function takeOver(
  progress: BootstrapProgress,
  reader: ChunkReader,
  seen: ChunkClaim,
): Claimed | null {
  const { shared } = progress;
  if (shared === null || !holds(shared, seen)) return null;
  const claim = { ...seen, ...reader, id: shared.lastId + 1 };
  const claims = shared.claims.map((one) => (one.id === seen.id ? claim : one));
  return { claim, progress: { ...progress, shared: { ...shared, lastId: claim.id, claims } } };
}

/**
 * The rows of a claim up to `cursor` are in (`null`: all of them), which are `rows` more. `null`:
 * the claim is no longer its holder's, and its rows must not be committed.
 */
export function advance(
  progress: BootstrapProgress,
  claim: ChunkClaim,
  read: { readonly cursor: string | null; readonly rows: number },
): BootstrapProgress | null {
  const { shared } = progress;
  if (shared === null || !holds(shared, claim)) return null;
  const rows = progress.rows + read.rows;
  const claims = shared.claims.flatMap((one) => {
    if (one.id !== claim.id) return one;
    return read.cursor === null ? [] : { ...one, after: read.cursor };
  });
  const isDone = claims.length === 0 && !shared.isOpen;
  if (isDone) return { ...progress, rows, chunksDone: true, cursor: null, shared: null };
  return { ...progress, rows, shared: { ...shared, claims } };
}

/** Leaves a claim to whoever comes first; `null`: it is no longer its holder's. */
export function giveBack(progress: BootstrapProgress, claim: ChunkClaim): BootstrapProgress | null {
  const { shared } = progress;
  if (shared === null || !holds(shared, claim)) return null;
  const claims = shared.claims.map((one) => (one.id === claim.id ? { ...one, holder: null } : one));
  return { ...progress, shared: { ...shared, claims } };
}

/** Whether a claim is in the state as its holder knows it. */
export function holds({ claims }: SharedChunks, claim: ChunkClaim): boolean {
  return claims.some(
    ({ id, holder, after }) => id === claim.id && holder === claim.holder && after === claim.after,
  );
}

/** Processes that read chunks now; `null`: they are not shared. */
export function readersOf({ shared }: BootstrapProgress): number | null {
  if (shared === null) return null;
  return new Set(shared.claims.flatMap(({ holder }) => holder ?? [])).size;
}

function hasRoom({ claims }: SharedChunks): boolean {
  return claims.length < CLAIMS_MAX && JSON.stringify(claims).length < CLAIMS_LENGTH_MAX;
}

/**
 * Tells by the clock of this process alone which holders are silent: a claim that was seen
 * unchanged for the whole lease is anybody's. That a holder lives all the same costs its work and
 * nothing else.
 */
export class ClaimWatch {
  readonly #leaseMs: number;
  #seen = new Map<number, { readonly after: string | null; readonly sinceMs: number }>();

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Takes note of the claims as they are at a monotonic time. */
  see({ claims }: SharedChunks, nowMs: number): void {
    const before = this.#seen;
    this.#seen = new Map(
      claims.map(({ id, after }) => {
        const known = before.get(id);
        const isSame = known !== undefined && known.after === after;
        return [id, isSame ? known : { after, sinceMs: nowMs }];
      }),
    );
  }

  /** Whether a claim has been the same for the whole lease. */
  isExpired({ id }: ChunkClaim, nowMs: number): boolean {
    const known = this.#seen.get(id);
    return known !== undefined && nowMs - known.sinceMs >= this.#leaseMs;
  }
}

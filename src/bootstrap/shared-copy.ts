/**
 * One process's part of loading a table that several load (docs/spec/bootstrap.md B14 to B17). It
 * claims a range, reads it, and commits its files together with the claim's progress, over and over
 * until no range is left. Every commit is planned on the branch as it is and asserts that very
 * head, so nothing here needs a lock, and it may stop after any line.
 */
import { bucketingOf, baseStateOf, headOf, writeTarget } from '../base/base-table.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { unreachable } from '../kernel/assert.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import type { BaseState } from '../lake/table-state.ts';
import type { BootstrapProgress, ChunkClaim } from '../model/bootstrap-progress.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { RowBatch } from '../model/change-batch.ts';
import type { FileWriter } from '../ports/row-engine.ts';
import {
  ClaimWatch,
  advance,
  chooseChunk,
  claimNext,
  giveBack,
  holds,
  takeOver,
} from './chunk-claims.ts';
import type { ChunkReader, Claimed } from './chunk-claims.ts';
import { branchCommit, groupFill } from './copy-parts.ts';
import type { BootstrapTableRequest, Copy, CopyParts } from './copy-parts.ts';

/** Times that others may be faster before a change is given up. */
const CHANGES_MAX = 50;

/** Pause after somebody was faster: longer each time, so that many take turns. */
const BUSY_PAUSE_MS = 20;
const BUSY_PAUSE_MS_MAX = 1000;

/** What loading a part of a table needs. */
export type SharedRequest = Pick<BootstrapTableRequest, 'schema' | 'limits' | 'signal'>;

/** A process at work on one branch. */
interface Work {
  readonly parts: CopyParts;
  readonly request: SharedRequest;
  readonly copy: Copy;
  readonly reader: ChunkReader;
  readonly watch: ClaimWatch;
  readonly size: ClaimSize;
}

/** Rows of a claim most: its border is looked for in the index. */
const CLAIM_ROWS_MAX = 8_000_000;

/**
 * How many rows to claim: as many as make one commit of full files, by how the claims before came
 * out.
 */
class ClaimSize {
  readonly #rowsMin: number;
  #rows: number;

  constructor(rows: number) {
    this.#rowsMin = rows;
    this.#rows = rows;
  }

  get rows(): number {
    return this.#rows;
  }

  /** A claim made so many commits, of which the last was full to that part. */
  took(groups: number, fill: number): void {
    if (groups > 1) this.#rows = Math.max(this.#rowsMin, Math.trunc(this.#rows / 2));
    else if (fill < 0.5) this.#rows = Math.min(CLAIM_ROWS_MAX, this.#rows * 2);
  }
}

/** A branch as it was when it was looked at. */
interface Seen {
  readonly base: LoadedTable;
  readonly head: bigint;
  readonly state: BaseState;
  readonly progress: BootstrapProgress;
}

/**
 * Loads chunks of a shared copy until none is left (`done`), or until the branch is no longer one
 * to load (`gone`).
 *
 * @throws FirnError BOOTSTRAP-STOPPED when `signal` aborts, BOOTSTRAP-OTHER-SOURCE, and what source
 *   and catalog throw; whatever was claimed is given back
 */
export async function loadShared(
  parts: CopyParts,
  request: SharedRequest,
  task: { readonly copy: Copy; readonly isOwner: boolean },
): Promise<'done' | 'gone'> {
  const { clock, writer: holder } = parts.context;
  const { limits, signal, schema } = request;
  const reader = { holder, isOwner: task.isOwner };
  const work = newWork({ parts, request, copy: task.copy, reader });
  while (!signal.aborted) {
    const seen = await look(work);
    if (seen === null) return 'gone';
    parts.onProgress(seen.progress);
    const { chunksDone, shared } = seen.progress;
    if (chunksDone) return 'done';
    if (shared === null) return 'gone';
    const nowMs = clock.monotonicMs();
    const choice = chooseChunk(shared, reader, (claim) => work.watch.isExpired(claim, nowMs));
    switch (choice.kind) {
      case 'wait':
        await clock.sleep(limits.lookMs, signal);
        break;
      case 'take-over':
        await readClaim(work, await change(work, (now) => takeOver(now, reader, choice.claim)));
        break;
      case 'claim': {
        const { after } = choice;
        const { low } = seen.progress;
        const { rows } = work.size;
        const upTo = await parts.source.border({ schema, after, low, rows, signal });
        await readClaim(work, await change(work, (now) => claimNext(now, reader, { after, upTo })));
        break;
      }
      default:
        return unreachable(choice);
    }
  }
  throw stopped(request);
}

function newWork(parts: Pick<Work, 'parts' | 'request' | 'copy' | 'reader'>): Work {
  const { leaseMs, claimRows } = parts.request.limits;
  return { ...parts, watch: new ClaimWatch(leaseMs), size: new ClaimSize(claimRows) };
}

/** The branch as the catalog has it; `null`: it is gone, or was published. */
async function look({ parts, copy, watch }: Work): Promise<Seen | null> {
  const base = await parts.loadBase();
  const head = headOf(base.metadata, copy.branch);
  const isSame = base.metadata.tableUuid === copy.base.metadata.tableUuid;
  const state = head === null || !isSame ? null : baseStateOf(base, copy.branch);
  const progress = state?.bootstrap ?? null;
  if (head === null || state === null || progress === null) return null;
  if (progress.shared !== null) watch.see(progress.shared, parts.context.clock.monotonicMs());
  return { base, head, state, progress };
}

/**
 * Commits what `plan` makes of the progress as it is, together with `files`; plans anew whenever
 * somebody was faster. `null`: there is nothing to change any more, and nothing was committed.
 */
async function change<T extends { readonly progress: BootstrapProgress }>(
  work: Work,
  plan: (progress: BootstrapProgress) => T | null,
  files: readonly DataFile[] = [],
): Promise<T | null> {
  const { parts, copy } = work;
  const { clock, random } = parts.context;
  for (let attempt = 1; attempt <= CHANGES_MAX; attempt++) {
    const seen = await look(work);
    const planned = seen === null ? null : plan(seen.progress);
    if (seen === null || planned === null) return null;
    const state = { ...seen.state, bootstrap: planned.progress };
    const { branch } = copy;
    const result = await parts.commit(
      branchCommit(seen.base, { branch, files, state, parentId: seen.head }),
    );
    if (result.kind === 'committed') return planned;
    if (result.kind === 'halted' && result.error.code !== 'CATALOG-COMMIT-CONFLICTS') {
      throw result.error;
    }
    const [byte = 0] = random.bytes(1);
    const pauseMs = Math.min(BUSY_PAUSE_MS_MAX, BUSY_PAUSE_MS * attempt);
    await clock.sleep(pauseMs * (0.5 + byte / 256));
  }
  throw new FirnError('BOOTSTRAP-RESTARTED', {
    what: `Others moved the branch ${copy.branch} ${CHANGES_MAX} times in a row.`,
    where: formatTableName(work.request.schema.table),
  });
}

/** Reads a claimed range to its end, or for as long as it is this process's. */
async function readClaim(work: Work, claimed: Claimed | null): Promise<void> {
  if (claimed === null) return;
  const { parts, request, copy } = work;
  const { schema } = request;
  const bucketing = bucketingOf(copy.base.metadata, schema);
  const target = writeTarget(copy.base.metadata);
  const reading = { claim: claimed.claim };
  const writer = parts.engine.baseWriter(target, { schema, bucketing });
  try {
    await copyRange(work, { writer, buckets: bucketing.count, low: claimed.progress.low, reading });
  } catch (error) {
    await leave(work, reading.claim);
    if (request.signal.aborted) throw stopped(request);
    throw error;
  } finally {
    await writer.discard();
  }
}

async function copyRange(
  work: Work,
  range: {
    readonly writer: FileWriter<RowBatch>;
    readonly buckets: number;
    readonly low: BootstrapProgress['low'];
    /** The claim as it stands in the branch. */
    readonly reading: { claim: ChunkClaim };
  },
): Promise<void> {
  const { parts, request } = work;
  const { clock } = parts.context;
  const { writer, buckets, low, reading } = range;
  const { chunkRowsMax, groupBytesMax, lookMs } = request.limits;
  const { after, upTo } = reading.claim;
  const bounds = { schema: request.schema, after, upTo, low, chunkRowsMax };
  let rows = 0;
  let groups = 0;
  let startMs = clock.monotonicMs();
  let lookedMs = startMs;
  for await (const chunk of parts.source.bootstrap({ ...bounds, signal: request.signal })) {
    if (chunk.rows.rowCount > 0) await writer.append(chunk.rows);
    rows += chunk.rows.rowCount;
    const { cursor } = chunk;
    const nowMs = clock.monotonicMs();
    const group = { sizeBytes: writer.sizeBytes, startMs, nowMs };
    const fill = groupFill(group, { groupBytesMax, buckets });
    if (cursor === null || fill >= 1) {
      groups += 1;
      if (cursor === null) work.size.took(groups, fill);
      const files = await writer.finish();
      const moved = await change(work, moveOn(reading.claim, { cursor, rows }), files);
      if (moved === null || cursor === null) return;
      parts.onProgress(moved.progress);
      reading.claim = { ...reading.claim, after: cursor };
      rows = 0;
      startMs = clock.monotonicMs();
    } else if (nowMs - lookedMs >= lookMs) {
      if (!(await stillHolds(work, reading.claim, rows))) return;
      lookedMs = clock.monotonicMs();
    }
  }
  if (request.signal.aborted) throw stopped(request);
}

/** Whether a claim is still this process's; tells how far all are, with `rows` of its own more. */
async function stillHolds(work: Work, claim: ChunkClaim, rows: number): Promise<boolean> {
  try {
    const progress = (await look(work))?.progress ?? null;
    const shared = progress?.shared ?? null;
    if (progress === null || shared === null || !holds(shared, claim)) return false;
    work.parts.onProgress({ ...progress, rows: progress.rows + rows });
  } catch (error) {
    // The next look, or commit, tells whether the catalog is away.
    if (!isFirnError(error)) throw error;
  }
  return true;
}

function moveOn(
  claim: ChunkClaim,
  read: { readonly cursor: string | null; readonly rows: number },
): (progress: BootstrapProgress) => { readonly progress: BootstrapProgress } | null {
  return (now) => {
    const progress = advance(now, claim, read);
    return progress === null ? null : { progress };
  };
}

/** Lets somebody else have a range at once; who cannot say so is silent until the lease ends. */
async function leave(work: Work, claim: ChunkClaim): Promise<void> {
  try {
    await change(work, (now) => {
      const progress = giveBack(now, claim);
      return progress === null ? null : { progress };
    });
  } catch (error) {
    // What ended the reading is what is told.
    if (!isFirnError(error)) throw error;
  }
}

function stopped({ schema }: SharedRequest): FirnError {
  return new FirnError('BOOTSTRAP-STOPPED', {
    what: 'The bootstrap was stopped; it goes on after its last committed chunk.',
    where: formatTableName(schema.table),
  });
}

/** Asks whoever loads a table alone for a share; `false`: there is nothing to ask for. */
export async function askForShare(
  parts: CopyParts,
  request: SharedRequest,
  copy: Copy,
): Promise<boolean> {
  const reader = { holder: parts.context.writer, isOwner: false };
  const work = newWork({ parts, request, copy, reader });
  const asked = await change(work, (now) => {
    const isAlone = !now.chunksDone && now.shared === null && now.low !== null && !now.isAsked;
    return isAlone ? { progress: { ...now, isAsked: true } } : null;
  });
  return asked !== null;
}

/**
 * The initial copy of one table beside its running stream (docs/spec/bootstrap.md). Chunks go to a
 * branch of the base; progress is in the branch's state, so a crash resumes after the last
 * committed chunk. Readers of main see nothing until the branch, with the ledger replayed over it,
 * is whole.
 */
import { baseStateOf, bucketingOf, headOf, writeTarget } from '../base/base-table.ts';
import { mergeBase } from '../base/merge-base.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { MAIN_BRANCH } from '../iceberg/snapshot.ts';
import { present } from '../kernel/assert.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { ledgerStateOf } from '../ledger/ledger-table.ts';
import type { BaseState } from '../lake/table-state.ts';
import { formatProgress, newProgress } from '../model/bootstrap-progress.ts';
import type { BootstrapProgress } from '../model/bootstrap-progress.ts';
import { MARK_ZERO, compareMarks, laterMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { shareRest } from './chunk-claims.ts';
import { branchCommit, branchState, groupFill } from './copy-parts.ts';
import type { BootstrapParts, BootstrapTableRequest, Copy } from './copy-parts.ts';
import { loadShared } from './shared-copy.ts';

/** Prefix of bootstrap branches; a UUIDv7 follows, so no name is used twice. */
export const BOOTSTRAP_BRANCH_PREFIX = 'firn_bootstrap_';

/** Times that a request for a share may come between while one commit is made. */
const ASKED_MAX = 20;

/** Branches of earlier tries that are taken away; others may still commit to them. */
const REMOVALS_MAX = 20;

/**
 * Copies all rows of a table to a branch of its base; gives the branch.
 *
 * @throws FirnError BOOTSTRAP-STOPPED when `signal` aborts; progress is kept
 */
export async function copyTable(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
): Promise<string> {
  const before = { base: await parts.loadBase(), ledger: await parts.loadLedger() };
  const copy = resumableCopy(request, before) ?? (await startBranch(parts, request, before));
  const state = branchState(copy.base, copy.branch);
  const progress = present(state.bootstrap, 'progress of a copy');
  const { shared } = progress;
  if (parts.load !== undefined && isUntouched(progress)) {
    parts.onProgress(progress);
    const rows = await parts.load({ ...copy, state });
    parts.onProgress({ ...progress, chunksDone: true, rows });
    return copy.branch;
  }
  const end = shared === null ? await copyChunks(parts, request, copy) : 'shared';
  if (end === 'shared' && (await loadShared(parts, request, { copy, isOwner: true })) === 'gone') {
    throw movedBranch(copy);
  }
  return copy.branch;
}

/** Whether no chunk is in and nobody asked for any: what was begun by chunks goes on by chunks. */
function isUntouched({ cursor, chunksDone, isAsked, shared }: BootstrapProgress): boolean {
  return cursor === null && !chunksDone && !isAsked && shared === null;
}

/**
 * Replays the ledger over a copy and publishes it; gives the base as published. `to`: a high mark
 * that was taken after the last row was read, and that the ledger has reached.
 *
 * @throws FirnError BOOTSTRAP-RESTARTED when the copy is to be made again
 */
export function publishCopy(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
  copy: { readonly branch: string; readonly to: SequenceMark },
): Promise<LoadedTable> {
  return parts.job(() => replayAndPublish(parts, request, copy));
}

/** Base and ledger before the first chunk is read. */
interface LoadedPair {
  readonly base: LoadedTable;
  readonly ledger: LoadedTable;
}

/** A copy of an earlier try, or of others, whose beginning still holds; `null`: start anew. */
export function resumableCopy(
  request: Pick<BootstrapTableRequest, 'schema' | 'epoch'>,
  { base, ledger }: LoadedPair,
): Copy | null {
  const gap = ledgerStateOf(ledger)?.gap ?? null;
  for (const branch of Object.keys(base.metadata.refs)) {
    if (!branch.startsWith(BOOTSTRAP_BRANCH_PREFIX)) continue;
    const state = baseStateOf(base, branch);
    const holds =
      state?.bootstrap?.schemaVersion === request.schema.version &&
      state.lowMark.epoch === request.epoch &&
      state.ledgerUuid === ledger.metadata.tableUuid &&
      (gap === null || compareMarks(state.lowMark, gap) >= 0);
    if (holds) return { base, branch };
  }
  return null;
}

async function startBranch(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
  { base, ledger }: LoadedPair,
): Promise<Copy> {
  await removeBranches(parts);
  const lowMark = await parts.lowMark();
  const identity = await parts.source.identify();
  const branch = await parts.newBranch();
  const bootstrap = newProgress({ schemaVersion: request.schema.version, low: lowMark.position });
  const begun = await parts.commit(
    branchCommit(base, {
      branch,
      files: [],
      parentId: null,
      state: {
        kind: 'base',
        sourceId: identity.sourceId,
        ledgerUuid: ledger.metadata.tableUuid,
        ledgerSeen: ledger.metadata.lastSequenceNumber,
        watermark: lowMark.completeTo,
        watermarkTsUs: null,
        lowMark: lowMark.completeTo,
        bootstrap,
      },
    }),
  );
  if (begun.kind === 'halted') throw begun.error;
  if (begun.kind === 'replan') throw movedBranch({ base, branch });
  return { base: begun.table, branch };
}

/** Takes away the branches of earlier tries that cannot be gone on with. */
async function removeBranches(parts: BootstrapParts): Promise<void> {
  for (let round = 1; round <= REMOVALS_MAX; round++) {
    const { identifier, metadata } = await parts.loadBase();
    const { tableUuid } = metadata;
    let isDone = true;
    for (const [ref, { snapshotId }] of Object.entries(metadata.refs)) {
      if (!ref.startsWith(BOOTSTRAP_BRANCH_PREFIX)) continue;
      const request = { identifier, tableUuid, ref, snapshotId, isShared: true } as const;
      const result = await parts.removeRef(request);
      if (result.kind === 'halted') throw result.error;
      // Another process has just committed to it.
      isDone &&= result.kind !== 'replan';
    }
    if (isDone) return;
  }
}

/**
 * Reads chunk after chunk alone, until all are in or until somebody asked for a share: then what
 * was read is committed, and the rest is for anybody.
 */
async function copyChunks(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
  copy: Copy,
): Promise<'done' | 'shared'> {
  const alone = new LoneCopy(parts, copy);
  const { clock } = parts.context;
  const { schema, signal, limits } = request;
  parts.onProgress(alone.progress);
  if (alone.progress.chunksDone) return 'done';
  if (alone.progress.isAsked) return alone.commit([], alone.progress);
  const { metadata } = copy.base;
  const bucketing = bucketingOf(metadata, schema);
  const writer = parts.engine.baseWriter(writeTarget(metadata), { schema, bucketing });
  const bounds = { groupBytesMax: limits.groupBytesMax, buckets: bucketing.count };
  const { chunkRowsMax, lookMs } = limits;
  const { cursor: after } = alone.progress;
  let { progress } = alone;
  let startMs = clock.monotonicMs();
  let lookedMs = startMs;
  try {
    for await (const chunk of parts.source.bootstrap({ schema, after, chunkRowsMax, signal })) {
      if (chunk.rows.rowCount > 0) await writer.append(chunk.rows);
      const { cursor } = chunk;
      const rows = progress.rows + chunk.rows.rowCount;
      progress = { ...progress, cursor, chunksDone: cursor === null, rows };
      const nowMs = clock.monotonicMs();
      let isDue = groupFill({ sizeBytes: writer.sizeBytes, startMs, nowMs }, bounds) >= 1;
      if (nowMs - lookedMs >= lookMs) {
        isDue ||= await alone.isAsked();
        lookedMs = clock.monotonicMs();
      }
      if (isDue || progress.chunksDone) {
        const end = await alone.commit(await writer.finish(), progress);
        if (end === 'shared') return end;
        startMs = clock.monotonicMs();
      }
      parts.onProgress(progress);
    }
  } finally {
    await writer.discard();
  }
  if (progress.chunksDone) return 'done';
  throw new FirnError('BOOTSTRAP-STOPPED', {
    what: 'The bootstrap was stopped; it goes on after its last committed chunk.',
    where: formatTableName(schema.table),
  });
}

/**
 * A branch that one process alone commits chunks to. Each commit is made on the head that its
 * chunks follow: on any other one, such as a late commit of a process that died, they would be
 * there twice. Only somebody's request for a share may come between.
 */
class LoneCopy {
  readonly #parts: BootstrapParts;
  readonly #copy: Copy;
  #state: BaseState;
  #head: bigint;

  constructor(parts: BootstrapParts, copy: Copy) {
    this.#parts = parts;
    this.#copy = copy;
    this.#state = branchState(copy.base, copy.branch);
    this.#head = present(headOf(copy.base.metadata, copy.branch), 'the head of a bootstrap branch');
  }

  /** As it is in the branch. */
  get progress(): BootstrapProgress {
    return present(this.#state.bootstrap, 'progress of a bootstrap');
  }

  /** Whether somebody asks for a share. */
  async isAsked(): Promise<boolean> {
    try {
      const base = await this.#parts.loadBase();
      const state = headOf(base.metadata, this.#copy.branch) === null ? null : this.#stateOf(base);
      return state?.bootstrap?.isAsked === true;
    } catch (error) {
      // The next look, or commit, tells whether the catalog is away.
      if (!isFirnError(error)) throw error;
      return false;
    }
  }

  /** `shared`: the rest is for anybody from here on. */
  async commit(
    files: readonly DataFile[],
    progress: BootstrapProgress,
  ): Promise<'done' | 'shared'> {
    for (let attempt = 1; attempt <= ASKED_MAX; attempt++) {
      const { isAsked } = this.progress;
      const isShared = isAsked && !progress.chunksDone;
      const bootstrap = isShared ? shareRest(progress) : { ...progress, isAsked: false };
      const { branch, base } = this.#copy;
      const state = { ...this.#state, bootstrap };
      const result = await this.#parts.commit(
        branchCommit(base, { branch, files, state, parentId: this.#head }),
      );
      if (result.kind === 'halted') throw result.error;
      if (result.kind === 'committed') {
        this.#state = state;
        this.#head = result.snapshotId;
        return isShared ? 'shared' : 'done';
      }
      await this.#takeRequest();
    }
    throw movedBranch(this.#copy);
  }

  /** Goes on from a head that differs by the request for a share alone. */
  async #takeRequest(): Promise<void> {
    const base = await this.#parts.loadBase();
    const head = headOf(base.metadata, this.#copy.branch);
    const state = head === null ? null : this.#stateOf(base);
    const isSame =
      state !== null &&
      state.bootstrap !== null &&
      formatProgress({ ...state.bootstrap, isAsked: this.progress.isAsked }) ===
        formatProgress(this.progress);
    if (head === null || !isSame) throw movedBranch(this.#copy);
    this.#state = state;
    this.#head = head;
  }

  #stateOf(base: LoadedTable): BaseState {
    return branchState(base, this.#copy.branch);
  }
}

function movedBranch({ base, branch }: Copy): FirnError {
  const { namespace, name } = base.identifier;
  return new FirnError('BOOTSTRAP-RESTARTED', {
    what: `The branch ${branch} was moved by somebody else.`,
    where: `${namespace}.${name}`,
  });
}

async function replayAndPublish(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
  target: { readonly branch: string; readonly to: SequenceMark },
): Promise<LoadedTable> {
  const { branch } = target;
  let base = await parts.loadBase();
  const mainMark = baseStateOf(base)?.watermark ?? MARK_ZERO;
  const needed = laterMark(target.to, mainMark);
  const ledger = await parts.loadLedger();
  const { schema } = request;
  // Rows were copied without the new columns, and what filled those may be before the low mark.
  if ((ledgerStateOf(ledger)?.schemaVersion ?? 0) > schema.version) {
    throw new FirnError('BOOTSTRAP-RESTARTED', {
      what: 'The table got other columns while it was copied.',
      where: formatTableName(schema.table),
    });
  }
  const replay = { schema, ledger, base, ref: branch, commitTsUs: null };
  const outcome = await (parts.merge?.(replay) ?? mergeBase(parts, replay));
  if (outcome.kind === 'merged') base = outcome.base;
  const { watermark } = branchState(base, branch);
  if (compareMarks(watermark, needed) < 0) {
    throw new FirnError('BOOTSTRAP-RESTARTED', {
      what: 'The ledger does not reach the end of the bootstrap yet.',
      where: formatTableName(request.schema.table),
    });
  }
  const { context } = parts;
  const result = await parts.publish({
    identifier: base.identifier,
    tableUuid: base.metadata.tableUuid,
    branch,
    branchHead: present(headOf(base.metadata, branch), 'the head of a bootstrap branch'),
    mainHead: headOf(base.metadata, MAIN_BRANCH),
    keepOldAs: `firn_before_${uuidV7(context.clock, context.random)}`,
  });
  if (result.kind === 'committed') return result.table;
  if (result.kind === 'halted') throw result.error;
  throw new FirnError('BOOTSTRAP-RESTARTED', {
    what: 'The base was moved while its bootstrap was published.',
    where: formatTableName(request.schema.table),
  });
}

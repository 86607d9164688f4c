/**
 * The initial copy of one table beside its running stream (docs/spec/bootstrap.md). Chunks go to a
 * branch of the base; progress is in the branch's state, so a crash resumes after the last
 * committed chunk. Readers of main see nothing until the branch, with the ledger replayed over it,
 * is whole.
 */
import { baseStateOf, bucketingOf, headOf, writeTarget } from '../base/base-table.ts';
import { mergeBase } from '../base/merge-base.ts';
import type { MergeParts } from '../base/merge-base.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { MAIN_BRANCH } from '../iceberg/snapshot.ts';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { ledgerStateOf } from '../ledger/ledger-table.ts';
import type { CommitResult, PublishRequest, RemoveRefRequest } from '../lake/commit-request.ts';
import type { BaseState, BootstrapProgress } from '../lake/table-state.ts';
import { MARK_ZERO, compareMarks, laterMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { ChangeSource } from '../ports/source.ts';

/** Prefix of bootstrap branches; a UUIDv7 follows, so no name is used twice. */
export const BOOTSTRAP_BRANCH_PREFIX = 'firn_bootstrap_';

/** Bytes per bucket and commit, about: fewer, larger files read faster. */
const BUCKET_BYTES = 32 * 1024 * 1024;

/** Work lost by a crash is bounded by this time as well. */
const GROUP_MS_MAX = 60_000;

/** What a bootstrap works with. */
export interface BootstrapParts extends MergeParts {
  readonly source: ChangeSource;
  readonly loadBase: () => Promise<LoadedTable>;
  readonly loadLedger: () => Promise<LoadedTable>;
  /** Runs `run` while no merge, compaction or publish of this base runs. */
  readonly job: <T>(run: () => Promise<T>) => Promise<T>;
  readonly publish: (request: PublishRequest) => Promise<CommitResult>;
  readonly removeRef: (request: RemoveRefRequest) => Promise<CommitResult>;
  /** Lists a branch as ours before it is made (docs/spec/bootstrap.md B12). */
  readonly ownBranch: (branch: string) => Promise<void>;
  /** Resolves once the ledger's own complete-to has reached `mark`. */
  readonly ledgerReaches: (mark: SequenceMark) => Promise<void>;
  readonly onProgress: (progress: BootstrapProgress) => void;
}

/** Which table to load, and how. */
export interface BootstrapTableRequest {
  readonly schema: TableSchema;
  readonly epoch: number;
  readonly chunkRowsMax: number;
  /** Bytes held between two commits at most. */
  readonly groupBytesMax: number;
  readonly signal: AbortSignal;
}

/**
 * Loads a table and publishes it; gives the base as published.
 *
 * @throws FirnError BOOTSTRAP-STOPPED when `signal` aborts; progress is kept
 */
export async function bootstrapTable(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
): Promise<LoadedTable> {
  const branch = (await resumableBranch(parts, request)) ?? (await startBranch(parts, request));
  await copyChunks(parts, request, branch);
  const highMark = await parts.source.highMark(request.epoch);
  await parts.ledgerReaches(highMark.completeTo);
  return parts.job(() => replayAndPublish(parts, request, { branch, to: highMark.completeTo }));
}

/** A branch of an earlier try whose beginning still holds; `null`: start anew. */
async function resumableBranch(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
): Promise<string | null> {
  const base = await parts.loadBase();
  const ledger = await parts.loadLedger();
  const ledgerState = ledgerStateOf(ledger);
  for (const name of Object.keys(base.metadata.refs)) {
    if (!name.startsWith(BOOTSTRAP_BRANCH_PREFIX)) continue;
    const state = baseStateOf(base, name);
    const gap = ledgerState?.gap ?? null;
    const holds =
      state?.bootstrap?.schemaVersion === request.schema.version &&
      state.lowMark.epoch === request.epoch &&
      state.ledgerUuid === ledger.metadata.tableUuid &&
      (gap === null || compareMarks(state.lowMark, gap) >= 0);
    if (holds) return name;
  }
  return null;
}

async function startBranch(parts: BootstrapParts, request: BootstrapTableRequest): Promise<string> {
  const { context } = parts;
  await removeBranches(parts);
  const ledger = await parts.loadLedger();
  const lowMark = await parts.source.lowMark(request.epoch);
  const identity = await parts.source.identify();
  const branch = BOOTSTRAP_BRANCH_PREFIX + uuidV7(context.clock, context.random);
  await parts.ownBranch(branch);
  await commitGroup(parts, branch, {
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
      bootstrap: {
        cursor: null,
        chunksDone: false,
        rows: 0,
        schemaVersion: request.schema.version,
        firstReplay: true,
      },
    },
  });
  return branch;
}

/** Takes away the branches of earlier tries that cannot be gone on with. */
async function removeBranches(parts: BootstrapParts): Promise<void> {
  const { identifier, metadata } = await parts.loadBase();
  const { tableUuid } = metadata;
  for (const [ref, { snapshotId }] of Object.entries(metadata.refs)) {
    if (!ref.startsWith(BOOTSTRAP_BRANCH_PREFIX)) continue;
    const result = await parts.removeRef({ identifier, tableUuid, ref, snapshotId });
    if (result.kind === 'halted') throw result.error;
  }
}

async function copyChunks(
  parts: BootstrapParts,
  request: BootstrapTableRequest,
  branch: string,
): Promise<void> {
  const base = await parts.loadBase();
  const state = branchState(base, branch);
  let progress = present(state.bootstrap, 'progress of a bootstrap');
  // Each commit is made on the head that its chunks follow: on any other one, such as a late commit
  // of a process that died, they would be there twice.
  let parentId = present(headOf(base.metadata, branch), 'the head of a bootstrap branch');
  parts.onProgress(progress);
  if (progress.chunksDone) return;
  const { schema, chunkRowsMax, signal } = request;
  const bucketing = bucketingOf(base.metadata, schema);
  const writer = parts.engine.baseWriter(writeTarget(base.metadata), { schema, bucketing });
  const groupBytes = Math.min(request.groupBytesMax, bucketing.count * BUCKET_BYTES);
  let groupStartMs = parts.context.clock.monotonicMs();
  const chunks = parts.source.bootstrap({ schema, after: progress.cursor, chunkRowsMax, signal });
  try {
    for await (const chunk of chunks) {
      if (chunk.rows.rowCount > 0) await writer.append(chunk.rows);
      progress = {
        ...progress,
        cursor: chunk.cursor,
        chunksDone: chunk.cursor === null,
        rows: progress.rows + chunk.rows.rowCount,
      };
      const elapsedMs = parts.context.clock.monotonicMs() - groupStartMs;
      const full = writer.sizeBytes >= groupBytes || elapsedMs >= GROUP_MS_MAX;
      if (full || progress.chunksDone) {
        const files = await writer.finish();
        const group = { files, parentId, state: { ...state, bootstrap: progress } };
        parentId = await commitGroup(parts, branch, group);
        groupStartMs = parts.context.clock.monotonicMs();
      }
      parts.onProgress(progress);
    }
  } finally {
    await writer.discard();
  }
  if (!progress.chunksDone) {
    throw new FirnError('BOOTSTRAP-STOPPED', {
      what: 'The bootstrap was stopped; it goes on after its last committed chunk.',
      where: formatTableName(schema.table),
    });
  }
}

/** Commits to a branch, which it makes when `parentId` is `null`; gives the new head. */
async function commitGroup(
  parts: BootstrapParts,
  branch: string,
  group: {
    readonly files: readonly DataFile[];
    readonly state: BaseState;
    readonly parentId: bigint | null;
  },
): Promise<bigint> {
  const base = await parts.loadBase();
  const result = await parts.commit({
    identifier: base.identifier,
    tableUuid: base.metadata.tableUuid,
    ref: branch,
    parentId: group.parentId,
    operation: 'append',
    added: group.files,
    removed: [],
    dataSequenceNumber: null,
    state: group.state,
    parentless: group.parentId === null,
    schema: null,
    rebase: 'never',
  });
  if (result.kind === 'committed') return result.snapshotId;
  if (result.kind === 'halted') throw result.error;
  throw new FirnError('BOOTSTRAP-RESTARTED', {
    what: `The branch ${branch} was moved by somebody else.`,
    where: `${base.identifier.namespace}.${base.identifier.name}`,
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
  const replay = { schema, ledger, base, ref: branch, commitTsUs: null };
  const outcome = await mergeBase(parts, replay);
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

function branchState(base: LoadedTable, branch: string): BaseState {
  return present(baseStateOf(base, branch), 'the state of a bootstrap branch');
}

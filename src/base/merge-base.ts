/**
 * One merge of a ledger into its base (docs/spec/merge.md): plan, read the window, find and write,
 * commit. Runs as a job on the base, so that nothing else changes the base between plan and commit;
 * the commit asserts the head it was planned on all the same.
 */
import type { DataFile } from '../iceberg/manifest.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { findColumn } from '../iceberg/iceberg-schema.ts';
import { MAIN_BRANCH, findSnapshot, refSnapshot } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import { assert, present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import type { CommitRequest, CommitResult } from '../lake/commit-request.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import { refuseForeignChanges } from '../lake/foreign-changes.ts';
import { scanFiles } from '../lake/scan-files.ts';
import { readState } from '../lake/table-state.ts';
import type { BaseState, LedgerState } from '../lake/table-state.ts';
import { chooseRewrites } from '../merge/choose-rewrites.ts';
import { planMerge } from '../merge/merge-plan.ts';
import type { MergePlan } from '../merge/merge-plan.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { MergeFiles, MergeWindowSummary, RowEngine } from '../ports/row-engine.ts';
import { keyColumns } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { evolvedSchema } from '../schema/schema-change.ts';
import { baseStateOf, bucketingOf, headOf, writeTarget } from './base-table.ts';

/** What a merge works with. */
export interface MergeParts {
  readonly context: LakeContext;
  readonly engine: RowEngine;
  readonly commit: (request: CommitRequest) => Promise<CommitResult>;
}

/** Which base to bring up to its ledger. */
export interface MergeRequest {
  readonly schema: TableSchema;
  readonly ledger: LoadedTable;
  readonly base: LoadedTable;
  /** `main`, or a bootstrap branch. */
  readonly ref: string;
  /** Commit time at the source of the newest change in the ledger, microseconds; `null` unknown. */
  readonly commitTsUs: bigint | null;
}

/** What came of it. */
export type MergeOutcome =
  | { readonly kind: 'idle'; readonly reason: 'nothing-new' | 'gap' | 'not-published' }
  | { readonly kind: 'merged'; readonly base: LoadedTable; readonly report: MergeReport };

/** Counts of one merge. */
export interface MergeReport {
  readonly window: MergeWindowSummary;
  readonly rowsInserted: number;
  readonly rowsDeleted: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly bytesWritten: number;
}

/**
 * Merges what the ledger holds beyond the base.
 *
 * @throws FirnError MERGE-HISTORY-EXPIRED, MERGE-LEDGER-BEHIND, MERGE-IDENTITY-CONFLICT,
 *   MERGE-COUNT-MISMATCH, and what a commit throws
 */
export async function mergeBase(parts: MergeParts, request: MergeRequest): Promise<MergeOutcome> {
  const planned = await preparedMerge(parts.context, request);
  return planned.kind === 'idle' ? planned : runPlan(parts, planned);
}

/**
 * Decides what a merge looks at, on tables that nobody else has changed.
 *
 * @throws FirnError MERGE-HISTORY-EXPIRED, MERGE-LEDGER-BEHIND, MERGE-FOREIGN-CHANGE,
 *   LEDGER-FOREIGN-CHANGE
 */
export async function preparedMerge(
  context: LakeContext,
  request: MergeRequest,
): Promise<PreparedMerge | Extract<MergeOutcome, { kind: 'idle' }>> {
  const { base, ledger, ref } = request;
  // Before the plan: rows that others put into the ledger would be merged like the source's own.
  const ledgerRef = { metadata: ledger.metadata, ref: MAIN_BRANCH, kind: 'ledger' } as const;
  await refuseForeignChanges(context, ledgerRef);
  await refuseForeignChanges(context, { metadata: base.metadata, ref, kind: 'base' });
  const state = baseStateOf(base, ref);
  const ledgerState = readState(request.ledger.metadata, MAIN_BRANCH);
  if (state === null || ledgerState?.kind !== 'ledger') {
    return { kind: 'idle', reason: 'not-published' };
  }
  const plan = planFor({ request, state, ledgerState });
  switch (plan.kind) {
    case 'idle':
      return plan;
    case 'halt':
      throw new FirnError(plan.code, { what: plan.what, where: whereOf(request) });
    case 'merge':
      assertColumns(request);
      return { kind: 'merge', request, state, plan };
    default:
      return plan satisfies never;
  }
}

/** A merge that is planned. */
export interface PreparedMerge {
  readonly kind: 'merge';
  readonly request: MergeRequest;
  /** Of the base's ref, before. */
  readonly state: BaseState;
  readonly plan: Extract<MergePlan, { kind: 'merge' }>;
}

/** The state of the base's ref after a merge. */
export function mergedState({ request, state, plan }: PreparedMerge): BaseState {
  return {
    ...state,
    ledgerUuid: request.ledger.metadata.tableUuid,
    ledgerSeen: plan.ledgerSeen,
    watermark: plan.rules.to,
    watermarkTsUs: request.commitTsUs ?? state.watermarkTsUs,
    bootstrap: bootstrapAfter(request.ref, state),
  };
}

interface Situation {
  readonly request: MergeRequest;
  readonly state: BaseState;
  readonly ledgerState: LedgerState;
}

function planFor(situation: Situation): MergePlan {
  const { request, state, ledgerState } = situation;
  const { metadata } = request.ledger;
  return planMerge(
    {
      uuid: metadata.tableUuid,
      lastSequenceNumber: metadata.lastSequenceNumber,
      completeTo: ledgerState.completeTo,
      retainedFrom: ledgerState.retainedFrom,
      gap: ledgerState.gap,
    },
    {
      ledgerUuid: state.ledgerUuid,
      ledgerSeen: state.ledgerSeen,
      watermark: state.watermark,
      firstReplay: state.bootstrap?.firstReplay === true,
    },
  );
}

async function runPlan(parts: MergeParts, prepared: PreparedMerge): Promise<MergeOutcome> {
  const { request, plan } = prepared;
  const bucketing = bucketingOf(request.base.metadata, request.schema);
  const { metadata } = request.ledger;
  const ledgerFiles = { metadata, ref: MAIN_BRANCH };
  const window = await scanFiles(parts.context, {
    ...ledgerFiles,
    dataSequenceAbove: plan.windowAbove,
  });
  // A ledger without changes moves the base's watermark only: the engine has nothing to read.
  if (window.length === 0) {
    return commitMerge(parts, prepared, { files: NO_FILES, summary: EMPTY_WINDOW });
  }
  const session = await parts.engine.openMerge({
    schema: request.schema,
    bucketing,
    ledgerSchema: currentSchema(metadata),
    window,
    older: async () => {
      const files = await scanFiles(parts.context, ledgerFiles);
      return files.filter((scan) => scan.dataSequenceNumber <= plan.windowAbove);
    },
    rules: plan.rules,
  });
  try {
    const { summary } = session;
    const files =
      summary.keys === 0 && !summary.truncated
        ? NO_FILES
        : await session.apply({
            target: writeTarget(request.base.metadata),
            bucketing,
            files: await candidateFiles(parts.context, request, summary),
            chooseRewrites: (found) =>
              chooseRewrites(
                found.map(({ scan, deletedBefore, deletedNow }) => ({
                  path: scan.file.filePath,
                  rowCount: toSafeNumber(scan.file.recordCount),
                  deletedRows: deletedBefore + deletedNow,
                })),
              ),
          });
    return await commitMerge(parts, prepared, { files, summary });
  } finally {
    await session.close();
  }
}

/** A column that the base lacked would be left out without a word. */
function assertColumns({ base, schema }: MergeRequest): void {
  const { lastColumnId, schemas } = base.metadata;
  const lake = { schema: currentSchema(base.metadata), lastColumnId, schemas };
  const lacking = evolvedSchema(lake, schema);
  assert(lacking === null, 'a base has all columns of its source before rows are merged into it');
}

const EMPTY_WINDOW: MergeWindowSummary = {
  events: 0,
  repeats: 0,
  overruled: 0,
  keys: 0,
  truncated: false,
  buckets: [],
  keyBounds: null,
};

/** What a merge writes that changes no row. */
export const NO_FILES: MergeFiles = {
  addedData: [],
  addedDeletes: [],
  removedData: [],
  removedDeletes: [],
  rowsDeleted: 0,
  rowsInserted: 0,
};

/** Live files of the base that can hold a changed key. */
async function candidateFiles(
  context: LakeContext,
  request: MergeRequest,
  summary: MergeWindowSummary,
): Promise<readonly ScanFile[]> {
  const { metadata } = request.base;
  if (summary.truncated || summary.keyBounds === null) {
    return scanFiles(context, { metadata, ref: request.ref });
  }
  // By name: other engines may declare the identifier fields in another order.
  const [first] = keyColumns(request.schema);
  const column = first === undefined ? null : findColumn(currentSchema(metadata), first.name);
  return scanFiles(context, {
    metadata,
    ref: request.ref,
    buckets: new Set(summary.buckets),
    bounds: { fieldId: present(column, 'the key of a base').id, ...summary.keyBounds },
  });
}

/**
 * Commits what a merge wrote, which may be nothing, with the state after it.
 *
 * @throws FirnError MERGE-BASE-MOVED, MERGE-COUNT-MISMATCH, and what a commit throws
 */
export async function commitMerge(
  parts: Pick<MergeParts, 'commit'>,
  prepared: PreparedMerge,
  done: { readonly files: MergeFiles; readonly summary: MergeWindowSummary },
): Promise<MergeOutcome> {
  const { request } = prepared;
  const { files, summary } = done;
  const { metadata } = request.base;
  const added = [...files.addedData, ...files.addedDeletes];
  const removed = [...files.removedData, ...files.removedDeletes];
  const result = await parts.commit({
    identifier: request.base.identifier,
    tableUuid: metadata.tableUuid,
    ref: request.ref,
    parentId: headOf(metadata, request.ref),
    operation: removed.length + files.addedDeletes.length === 0 ? 'append' : 'overwrite',
    added,
    removed,
    dataSequenceNumber: null,
    state: mergedState(prepared),
    parentless: false,
    schema: null,
    rebase: 'never',
  });
  if (result.kind === 'halted') throw result.error;
  if (result.kind === 'replan') {
    throw new FirnError('MERGE-BASE-MOVED', {
      what: 'The base changed while it was merged.',
      where: whereOf(request),
    });
  }
  checkCounts(request, result, files);
  return {
    kind: 'merged',
    base: result.table,
    report: {
      window: summary,
      rowsInserted: files.rowsInserted,
      rowsDeleted: files.rowsDeleted,
      filesAdded: added.length,
      filesRemoved: removed.length,
      bytesWritten: added.reduce((sum, file) => sum + sizeOf(file), 0),
    },
  };
}

/**
 * The live rows that the new snapshot says it has must be those of its parent, plus and minus what
 * the engine counted (docs/spec/merge.md M17).
 */
function checkCounts(
  request: MergeRequest,
  result: Extract<CommitResult, { kind: 'committed' }>,
  files: MergeFiles,
): void {
  const before = liveRows(refSnapshot(request.base.metadata, request.ref));
  const after = liveRows(findSnapshot(result.table.metadata, result.snapshotId));
  // Not every engine keeps totals, and what equality deletes delete is not in them.
  if (before === null || after === null) return;
  const { rowsInserted, rowsDeleted, deletesKept = 0 } = files;
  // Rows that two delete files say are dead count twice in the summary.
  const expected = before + BigInt(rowsInserted) - BigInt(rowsDeleted) - BigInt(deletesKept);
  if (after === expected) return;
  throw new FirnError('MERGE-COUNT-MISMATCH', {
    what: `The base has ${after} rows after the merge, ${expected} were expected.`,
    where: whereOf(request),
  });
}

/** Live rows by a snapshot's totals; `null` where they do not tell. */
function liveRows(snapshot: Snapshot | null): bigint | null {
  if (snapshot === null) return 0n;
  const total = (key: string): bigint | null => {
    const text = snapshot.summary[key] ?? '';
    return /^\d{1,19}$/.test(text) ? BigInt(text) : null;
  };
  const [rows, dead] = [total('total-records'), total('total-position-deletes')];
  if (rows === null || dead === null || total('total-equality-deletes') !== 0n) return null;
  return rows - dead;
}

/** Progress belongs to a bootstrap branch; the first merge after publishing takes it out. */
function bootstrapAfter(ref: string, state: BaseState): BaseState['bootstrap'] {
  if (ref === MAIN_BRANCH || state.bootstrap === null) return null;
  return { ...state.bootstrap, firstReplay: false };
}

function sizeOf(file: DataFile): number {
  return toSafeNumber(file.fileSizeBytes);
}

/** The base's ref, for messages. */
export function whereOf(request: MergeRequest): string {
  const { namespace, name } = request.base.identifier;
  return request.ref === MAIN_BRANCH
    ? `${namespace}.${name}`
    : `${namespace}.${name}, branch ${request.ref}`;
}

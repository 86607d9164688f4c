/**
 * The kinds of change a commit can make to one table, behind one face for the commit loop: how to
 * prepare it on the table as it is, and how to tell from the table that it was made. Preparing
 * twice is harmless; only the last preparation is sent.
 */
import { applyUpdates } from '../iceberg/apply-updates.ts';
import { defaultExpiryPolicy, snapshotsToExpire } from '../iceberg/expiry.ts';
import { sameSchema } from '../iceberg/iceberg-schema.ts';
import { widensIntegers } from '../iceberg/schema-evolution.ts';
import { MAIN_BRANCH, ancestors, findRef, findSnapshot } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { TableRequirement } from '../iceberg/table-requirement.ts';
import { LAST_ADDED } from '../iceberg/table-update.ts';
import type { TableUpdate } from '../iceberg/table-update.ts';
import { assert } from '../kernel/assert.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { TableIdentifier } from '../ports/catalog.ts';
import type {
  CommitRequest,
  CreateBranchRequest,
  PublishRequest,
  RemoveRefRequest,
} from './commit-request.ts';
import { refuseForeignChanges } from './foreign-changes.ts';
import type { LakeContext } from './lake-context.ts';
import { deletesFit, prepareSnapshot } from './snapshot-producer.ts';
import { STATE_TAG, stampOf, stateKeys } from './table-state.ts';

/** What is sent for one table. */
export interface PreparedChange {
  readonly updates: readonly TableUpdate[];
  readonly requirements: readonly TableRequirement[];
  /** Files made for it; nobody's unless it is committed. */
  readonly newFiles: readonly string[];
}

/** A change of one table. */
export interface CommitJob {
  readonly identifier: TableIdentifier;
  readonly tableUuid: string;
  /** Ref whose head the change was planned on. */
  readonly ref: string;
  /** That head; `null`: the ref has no snapshot. */
  readonly parentId: bigint | null;
  /** Schema that must still be the current one; `null`: any. */
  readonly schemaId: number | null;
  readonly rebase: 'allowed' | 'never';
  /** Others of Firn commit to the ref as well: what they did means that this is planned again. */
  readonly isShared?: true;
  /** Prepares the change on a table whose ref has this head. */
  prepare(metadata: TableMetadata, head: Snapshot | null): Promise<PreparedChange>;
  /** Whether a plan still fits a table whose head did not move. */
  fits(metadata: TableMetadata): boolean;
  /** Id of the snapshot that shows that the change was made; `null` when it was not. */
  landed(metadata: TableMetadata): bigint | null;
}

/** A job that adds a snapshot. It has one commit id, however often it is prepared and sent. */
export function snapshotJob(context: LakeContext, request: CommitRequest): CommitJob {
  assert(!request.parentless || request.parentId === null, 'a new branch has no parent');
  const { pipeline, writer, clock, random } = context;
  const stamp = { pipeline, writer, commitId: uuidV7(clock, random) };
  const { ref } = request;
  return {
    ...request,
    schemaId: request.schemaId ?? null,
    async prepare(metadata, head) {
      await refuseForeignChanges(context, { metadata, ref, kind: request.state.kind });
      const before = updatesBefore(metadata, request);
      const prepared = await prepareSnapshot(context, {
        ...request,
        metadata: applied(context, metadata, before),
        parent: head,
        summary: { 'engine-name': 'firn', ...stateKeys(stamp, request.state) },
      });
      const tag = ref === MAIN_BRANCH ? [stateTagAt(prepared.snapshot.snapshotId)] : [];
      return {
        updates: withExpiry(context, metadata, [...before, ...prepared.updates, ...tag]),
        requirements: [
          ...prepared.requirements,
          ...requirementsForSchema(metadata),
          ...requirementsForBranch(metadata, request),
        ],
        newFiles: prepared.newFiles,
      };
    },
    // Another engine can change a table's format without moving a branch.
    fits: (metadata) => deletesFit(request.added, withFormat(metadata, request)),
    landed(metadata) {
      const own = (snapshot: Snapshot): boolean => stampOf(snapshot)?.commitId === stamp.commitId;
      // It can only be above the head that it was planned on.
      for (const snapshot of chainOf(metadata, ref)) {
        if (own(snapshot)) return snapshot.snapshotId;
        if (snapshot.snapshotId === request.parentId) return null;
      }
      return null;
    },
  };
}

/** A job that moves main to a branch's head, and the state tag with it; or another branch. */
export function publishJob(context: LakeContext, request: PublishRequest): CommitJob {
  const { branch, branchHead, mainHead, keepOldAs, ref = MAIN_BRANCH } = request;
  const uuid = request.tableUuid;
  return {
    ref,
    parentId: mainHead,
    identifier: request.identifier,
    tableUuid: uuid,
    schemaId: null,
    rebase: 'never',
    async prepare(metadata) {
      const keep: readonly TableUpdate[] =
        mainHead === null || keepOldAs === null
          ? []
          : [tagAt({ name: keepOldAs, snapshotId: mainHead })];
      const moved = { ...findRef(metadata, ref), snapshotId: branchHead };
      const updates: readonly TableUpdate[] = [
        ...keep,
        { kind: 'set-snapshot-ref', name: ref, ref: { kind: 'branch', ...moved } },
        ...(ref === MAIN_BRANCH ? [stateTagAt(branchHead)] : []),
        { kind: 'remove-snapshot-ref', name: branch },
      ];
      return {
        updates: withExpiry(context, metadata, updates),
        requirements: [
          { kind: 'assert-table-uuid', uuid },
          { kind: 'assert-ref-snapshot-id', ref, snapshotId: mainHead },
          { kind: 'assert-ref-snapshot-id', ref: branch, snapshotId: branchHead },
        ],
        newFiles: [],
      };
    },
    fits: (metadata) => findRef(metadata, branch)?.snapshotId === branchHead,
    landed(metadata) {
      const isThere = chainOf(metadata, ref).some(({ snapshotId }) => snapshotId === branchHead);
      return isThere ? branchHead : null;
    },
  };
}

/** A job that makes a branch. */
export function createBranchJob(request: CreateBranchRequest): CommitJob {
  const { identifier, tableUuid, branch, snapshotId } = request;
  return {
    identifier,
    tableUuid,
    ref: branch,
    parentId: null,
    schemaId: null,
    rebase: 'never',
    async prepare() {
      const made = { kind: 'branch', snapshotId } as const;
      return {
        updates: [{ kind: 'set-snapshot-ref', name: branch, ref: made }],
        requirements: [
          { kind: 'assert-table-uuid', uuid: tableUuid },
          { kind: 'assert-ref-snapshot-id', ref: branch, snapshotId: null },
        ],
        newFiles: [],
      };
    },
    fits: (metadata) => findSnapshot(metadata, snapshotId) !== null,
    landed(metadata) {
      const isThere = [...chainOf(metadata, branch)].some((one) => one.snapshotId === snapshotId);
      return isThere ? snapshotId : null;
    },
  };
}

/** A job that takes a ref away. */
export function removeRefJob(request: RemoveRefRequest): CommitJob {
  const { identifier, tableUuid, ref, snapshotId, isShared } = request;
  assert(ref !== MAIN_BRANCH && ref !== STATE_TAG, 'main and the state tag are never removed');
  return {
    identifier,
    tableUuid,
    ref,
    parentId: snapshotId,
    schemaId: null,
    rebase: 'never',
    ...(isShared === true ? { isShared } : {}),
    async prepare() {
      return {
        updates: [{ kind: 'remove-snapshot-ref', name: ref }],
        requirements: [
          { kind: 'assert-table-uuid', uuid: tableUuid },
          { kind: 'assert-ref-snapshot-id', ref, snapshotId },
        ],
        newFiles: [],
      };
    },
    fits: () => true,
    landed: (metadata) => (findRef(metadata, ref) === null ? snapshotId : null),
  };
}

/**
 * A branch that starts without a parent asserts main as well: its sequence number was taken from
 * the table as it is, and catalogs do not check that of a parentless snapshot.
 */
function requirementsForBranch(
  metadata: TableMetadata,
  request: CommitRequest,
): readonly TableRequirement[] {
  if (!request.parentless) return [];
  const snapshotId = findRef(metadata, MAIN_BRANCH)?.snapshotId ?? null;
  return [{ kind: 'assert-ref-snapshot-id', ref: MAIN_BRANCH, snapshotId }];
}

function chainOf(metadata: TableMetadata, ref: string): Generator<Snapshot> {
  return ancestors(metadata, findRef(metadata, ref)?.snapshotId ?? null);
}

function tagAt(tag: { readonly name: string; readonly snapshotId: bigint }): TableUpdate {
  const { name, snapshotId } = tag;
  return { kind: 'set-snapshot-ref', name, ref: { kind: 'tag', snapshotId } };
}

function stateTagAt(snapshotId: bigint): TableUpdate {
  return tagAt({ name: STATE_TAG, snapshotId });
}

/** The table with updates that are not committed yet, to plan further ones on. */
function applied(
  context: LakeContext,
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
): TableMetadata {
  const nowMs = context.clock.nowMs();
  return applyUpdates(metadata, updates, { nowMs, previousMetadataLocation: null });
}

function withFormat(metadata: TableMetadata, { formatVersion }: CommitRequest): TableMetadata {
  return formatVersion === undefined ? metadata : { ...metadata, formatVersion };
}

/** What becomes of the table in the same commit, before the snapshot. */
function updatesBefore(metadata: TableMetadata, request: CommitRequest): readonly TableUpdate[] {
  const { schema, formatVersion } = request;
  const format: readonly TableUpdate[] =
    formatVersion === undefined || metadata.formatVersion >= formatVersion
      ? []
      : [{ kind: 'upgrade-format-version', formatVersion }];
  const before = currentSchema(metadata);
  if (schema === null || sameSchema(schema, before)) return format;
  const isMixed = widensIntegers(before, schema) && !(VECTORS_READ in metadata.properties);
  return [
    ...format,
    { kind: 'add-schema', schema },
    { kind: 'set-current-schema', schemaId: LAST_ADDED },
    ...(isMixed
      ? ([{ kind: 'set-properties', updates: { [VECTORS_READ]: 'false' } }] as const)
      : []),
  ];
}

/**
 * Spark's faster reader (Iceberg 1.11.0) fails on files whose Parquet names 32 bits for a column
 * that has 64 by now, as DuckDB's does; its other reader, and every other engine, widens them.
 */
const VECTORS_READ = 'read.parquet.vectorization.enabled';

/** What a snapshot relies on besides its parent: somebody may change the schema meanwhile. */
function requirementsForSchema(metadata: TableMetadata): readonly TableRequirement[] {
  const { currentSchemaId, lastColumnId } = metadata;
  return [
    { kind: 'assert-current-schema-id', currentSchemaId },
    { kind: 'assert-last-assigned-field-id', lastAssignedFieldId: lastColumnId },
  ];
}

/** Old snapshots go in the same commit, so that metadata never grows without end. */
function withExpiry(
  context: LakeContext,
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
): readonly TableUpdate[] {
  const snapshotIds = snapshotsToExpire(applied(context, metadata, updates), {
    policy: defaultExpiryPolicy,
    nowMs: context.clock.nowMs(),
    stateTag: STATE_TAG,
  });
  return snapshotIds.length === 0
    ? updates
    : [...updates, { kind: 'remove-snapshots', snapshotIds }];
}

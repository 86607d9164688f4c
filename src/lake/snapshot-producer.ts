/**
 * Prepares a snapshot: writes its manifests and manifest list, and says with which updates and
 * requirements it becomes part of the table. Nothing is visible until those are committed; files of
 * an attempt that was not are nobody's. Manifests are never changed: one that holds a removed file
 * is replaced (Iceberg spec, "Manifests" and "Sequence Numbers").
 */
import { isDeletionVector } from '../iceberg/deletes/deletion-vector.ts';
import { fileKey } from '../iceberg/manifest.ts';
import type { ManifestContent, ManifestFile } from '../iceberg/manifest-list.ts';
import type { DataFile, ManifestEntry, ResolvedEntry } from '../iceberg/manifest.ts';
import { snapshotSummary } from '../iceberg/snapshot-summary.ts';
import { findRef } from '../iceberg/snapshot.ts';
import type { Snapshot, SnapshotOperation } from '../iceberg/snapshot.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { TableRequirement } from '../iceberg/table-requirement.ts';
import type { TableUpdate } from '../iceberg/table-update.ts';
import { assert } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { newSnapshotId } from '../kernel/identifiers.ts';
import type { LakeContext } from './lake-context.ts';
import {
  isLive,
  liveFilesCount,
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
  writtenFormat,
} from './manifest-files.ts';
import type { NewManifest, SnapshotIdentity } from './manifest-files.ts';
import { manifestsToMerge } from './manifest-merge.ts';

/** What a snapshot is to be. */
export interface SnapshotDraft {
  /** The table as it is, with the schema that the snapshot is to have as current one. */
  readonly metadata: TableMetadata;
  /** Branch that moves to the snapshot. */
  readonly ref: string;
  /**
   * Head of the branch now; `null`: the snapshot starts a history, without files of another one.
   */
  readonly parent: Snapshot | null;
  readonly operation: SnapshotOperation;
  readonly added: readonly DataFile[];
  /** Live data and delete files that go. */
  readonly removed: readonly DataFile[];
  /** Explicit data sequence number of added data files; `null`: the snapshot's own. */
  readonly dataSequenceNumber: bigint | null;
  /** Summary keys besides the counts. */
  readonly summary: Readonly<Record<string, string>>;
}

/** A snapshot whose files are written. */
export interface PreparedSnapshot {
  readonly snapshot: Snapshot;
  readonly updates: readonly TableUpdate[];
  readonly requirements: readonly TableRequirement[];
  /** Manifests and manifest list made for it. */
  readonly newFiles: readonly string[];
}

/**
 * Writes the files of a snapshot.
 *
 * @throws {FirnError} ICEBERG-FILE-NOT-LIVE when a removed file is not in `parent`;
 *   ICEBERG-FORMAT-UNSUPPORTED for a table of format version 1
 */
export async function prepareSnapshot(
  context: LakeContext,
  draft: SnapshotDraft,
): Promise<PreparedSnapshot> {
  checkDraft(draft);
  const { metadata, parent } = draft;
  const identity: SnapshotIdentity = {
    metadata,
    snapshotId: newSnapshotId(context.random),
    parentSnapshotId: parent?.snapshotId ?? null,
    sequenceNumber: metadata.lastSequenceNumber + 1n,
  };
  const present = parent === null ? [] : await readManifestList(context, parent);
  const live = present.filter((manifest) => liveFilesCount(manifest) > 0);
  const kept = await withoutRemoved(context, { draft, identity, live });
  const { carried, drafts: merged } = await mergeManifests(context, metadata, kept.carried);
  const written: ManifestFile[] = [];
  for (const manifest of [...newManifests(draft), ...kept.drafts, ...merged]) {
    written.push(await writeManifest(context, identity, manifest));
  }
  const list = await writeManifestList(context, identity, [...written, ...carried]);
  const snapshot: Snapshot = {
    snapshotId: identity.snapshotId,
    parentSnapshotId: identity.parentSnapshotId,
    sequenceNumber: identity.sequenceNumber,
    // Readers refuse a history whose times go back, and clocks do.
    timestampMs: Math.max(Math.trunc(context.clock.nowMs()), metadata.lastUpdatedMs),
    manifestList: list.path,
    summary: {
      ...snapshotSummary({ ...draft, parentSummary: parent?.summary ?? null }),
      ...draft.summary,
    },
    schemaId: metadata.currentSchemaId,
    firstRowId: list.rowIds?.first ?? null,
    addedRows: list.rowIds?.count ?? null,
    unknownFields: {},
  };
  return {
    snapshot,
    ...changesFor(draft, snapshot),
    newFiles: [list.path, ...written.map((manifest) => manifest.path)],
  };
}

function checkDraft(draft: SnapshotDraft): void {
  const { metadata, added, removed, operation } = draft;
  assert(deletesFit(added, metadata), 'deletes are in the form that the table’s format has');
  const files = new Set([...added, ...removed].map(fileKey));
  assert(files.size === added.length + removed.length, 'a commit names each file once');
  assert(operation !== 'append' || removed.length === 0, 'an append removes nothing');
  const rows = (files: readonly DataFile[]): bigint =>
    files.reduce((sum, file) => sum + (file.content === 'data' ? file.recordCount : 0n), 0n);
  assert(operation !== 'replace' || rows(added) <= rows(removed), 'a replace adds no rows');
}

/**
 * Whether new files mark dead rows as a table's format wants them marked: format v2 knows no
 * deletion vectors, format v3 allows no new position-delete files (Iceberg spec, "Delete Formats").
 *
 * @throws {FirnError} ICEBERG-FORMAT-UNSUPPORTED
 */
export function deletesFit(added: readonly DataFile[], metadata: TableMetadata): boolean {
  const hasVectors = writtenFormat(metadata) === 3;
  return added.every((file) => {
    return file.content !== 'position-deletes' || isDeletionVector(file) === hasVectors;
  });
}

function changesFor(
  draft: SnapshotDraft,
  snapshot: Snapshot,
): Pick<PreparedSnapshot, 'updates' | 'requirements'> {
  const { metadata, ref, parent } = draft;
  const moved = { ...findRef(metadata, ref), snapshotId: snapshot.snapshotId };
  return {
    updates: [
      { kind: 'add-snapshot', snapshot },
      { kind: 'set-snapshot-ref', name: ref, ref: { kind: 'branch', ...moved } },
    ],
    requirements: [
      { kind: 'assert-table-uuid', uuid: metadata.tableUuid },
      { kind: 'assert-ref-snapshot-id', ref, snapshotId: parent?.snapshotId ?? null },
    ],
  };
}

const contentOf = (file: DataFile): ManifestContent =>
  file.content === 'data' ? 'data' : 'deletes';

const groupOf = (file: DataFile): string => `${file.specId} ${contentOf(file)}`;

/** Manifests of the added files: one per spec and content. Numbers are inherited from the list. */
function newManifests(draft: SnapshotDraft): readonly NewManifest[] {
  const groups = Map.groupBy(draft.added, groupOf);
  return [...groups.values()].flatMap((files) => {
    const [first] = files;
    if (first === undefined) return [];
    const entries = files.map((file): ManifestEntry => {
      const { dataSequenceNumber: explicit } = draft;
      return {
        status: 'added',
        snapshotId: null,
        dataSequenceNumber: file.content === 'data' ? explicit : null,
        fileSequenceNumber: null,
        file,
      };
    });
    return [{ specId: first.specId, content: contentOf(first), entries }];
  });
}

/** Manifests that stay as they are, and replacements to be written. */
interface KeptManifests {
  readonly carried: readonly ManifestFile[];
  readonly drafts: readonly NewManifest[];
}

/** Replaces every manifest that holds a removed file: the file's entry says that it is gone. */
async function withoutRemoved(
  context: LakeContext,
  work: {
    readonly draft: SnapshotDraft;
    readonly identity: SnapshotIdentity;
    readonly live: readonly ManifestFile[];
  },
): Promise<KeptManifests> {
  const { draft, identity, live } = work;
  const missing = new Map(draft.removed.map((file) => [fileKey(file), groupOf(file)]));
  const wanted = new Set(missing.values());
  const carried: ManifestFile[] = [];
  const drafts: NewManifest[] = [];
  for (const manifest of live) {
    const { specId, content } = manifest;
    if (missing.size === 0 || !wanted.has(`${specId} ${content}`)) {
      carried.push(manifest);
      continue;
    }
    const entries = (await readManifest(context, draft.metadata, manifest)).filter(isLive);
    const gone = entries.filter((entry) => missing.has(fileKey(entry.file)));
    if (gone.length === 0) {
      carried.push(manifest);
      continue;
    }
    const keys = new Set(gone.map((entry) => fileKey(entry.file)));
    for (const key of keys) missing.delete(key);
    const rewritten = entries.map((entry): ManifestEntry => {
      if (!keys.has(fileKey(entry.file))) return { ...entry, status: 'existing' };
      return { ...entry, status: 'deleted', snapshotId: identity.snapshotId };
    });
    drafts.push({ specId, content, entries: rewritten });
  }
  const [lost] = missing.keys();
  if (lost !== undefined) {
    throw new FirnError('ICEBERG-FILE-NOT-LIVE', {
      what: `a file to be removed is not in the table (${missing.size} of them)`,
      where: lost,
    });
  }
  return { carried, drafts };
}

async function mergeManifests(
  context: LakeContext,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
): Promise<KeptManifests> {
  const drafts: NewManifest[] = [];
  const merged = new Set<ManifestFile>();
  for (const group of manifestsToMerge(manifests)) {
    const entries: ResolvedEntry[] = [];
    for (const manifest of group) {
      merged.add(manifest);
      entries.push(...(await readManifest(context, metadata, manifest)).filter(isLive));
    }
    const [first] = group;
    if (first === undefined) continue;
    const { specId, content } = first;
    const existing = entries.map((entry) => ({ ...entry, status: 'existing' }) as const);
    drafts.push({ specId, content, entries: existing });
  }
  return { carried: manifests.filter((manifest) => !merged.has(manifest)), drafts };
}

/**
 * Manifests and manifest lists as files of a table: read, written, and named. Both are immutable;
 * what is read has inherited its sequence numbers, what is written is durable before anything names
 * it (docs/spec/commit.md C13).
 */
import { findFieldById } from '../iceberg/iceberg-schema.ts';
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import {
  decodeManifestList,
  encodeManifestList,
  summarizePartitions,
} from '../iceberg/manifest-list.ts';
import type { ManifestContent, ManifestFile } from '../iceberg/manifest-list.ts';
import { decodeManifest, encodeManifest, inheritFrom } from '../iceberg/manifest.ts';
import type { EntryStatus, ManifestEntry, ResolvedEntry } from '../iceberg/manifest.ts';
import { partitionType } from '../iceberg/partition-spec.ts';
import type { PartitionSpec } from '../iceberg/partition-spec.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import { currentSchema, specById } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { LakeContext } from './lake-context.ts';
import { newManifestListLocation, newManifestLocation } from './table-locations.ts';

/** The manifests that make up a snapshot. */
export async function readManifestList(
  context: Pick<LakeContext, 'store'>,
  snapshot: Snapshot,
): Promise<readonly ManifestFile[]> {
  const bytes = await context.store.read(snapshot.manifestList);
  return decodeManifestList(bytes, snapshot.manifestList);
}

/** The entries of a manifest, deleted ones too, with the numbers they inherit. */
export async function readManifest(
  context: Pick<LakeContext, 'store'>,
  metadata: TableMetadata,
  manifest: ManifestFile,
): Promise<readonly ResolvedEntry[]> {
  const bytes = await context.store.read(manifest.path);
  const spec = manifestSpec(metadata, manifest);
  const source = { schema: schemaForSpec(metadata, spec), spec, where: manifest.path };
  return inheritFrom(manifest, decodeManifest(bytes, source).entries);
}

/** Whether the file of an entry is in the table. */
export function isLive(entry: ManifestEntry): boolean {
  return entry.status !== 'deleted';
}

/** Number of live files of a manifest. */
export function liveFilesCount(manifest: ManifestFile): number {
  return manifest.addedFilesCount + manifest.existingFilesCount;
}

/** The spec that a manifest's files have. */
function manifestSpec(metadata: TableMetadata, manifest: ManifestFile): PartitionSpec {
  const spec = specById(metadata, manifest.specId);
  if (spec !== null) return spec;
  throw new FirnError('ICEBERG-MANIFEST-INVALID', {
    what: `the table has no partition spec ${manifest.specId}`,
    where: manifest.path,
  });
}

/**
 * A schema that has the columns of `spec`: the current one, or an older one when a column was
 * dropped since.
 */
function schemaForSpec(metadata: TableMetadata, spec: PartitionSpec): IcebergSchema {
  const current = currentSchema(metadata);
  const hasColumns = (schema: IcebergSchema): boolean =>
    spec.fields.every((field) => findFieldById(schema, field.sourceId) !== null);
  return [current, ...metadata.schemas].find(hasColumns) ?? current;
}

/** A manifest to be written. */
export interface NewManifest {
  readonly specId: number;
  readonly content: ManifestContent;
  readonly entries: readonly ManifestEntry[];
}

/** The snapshot that new files belong to. */
export interface SnapshotIdentity {
  readonly metadata: TableMetadata;
  readonly snapshotId: bigint;
  readonly parentSnapshotId: bigint | null;
  readonly sequenceNumber: bigint;
}

/** Writes a manifest and says how its list names it. */
export async function writeManifest(
  context: LakeContext,
  snapshot: SnapshotIdentity,
  draft: NewManifest,
): Promise<ManifestFile> {
  const { metadata } = snapshot;
  const { content, entries } = draft;
  const path = newManifestLocation(context, metadata.location);
  const spec = specById(metadata, draft.specId);
  if (spec === null) {
    throw new FirnError('ICEBERG-MANIFEST-INVALID', {
      what: `the table has no partition spec ${draft.specId} for a file to be committed`,
      where: metadata.location,
    });
  }
  const schema = schemaForSpec(metadata, spec);
  const bytes = encodeManifest({ formatVersion: 2, schema, spec, content, entries });
  await context.store.write(path, bytes);
  const tuples = entries.map((entry) => entry.file.partition);
  return {
    path,
    length: BigInt(bytes.length),
    specId: spec.specId,
    content,
    sequenceNumber: snapshot.sequenceNumber,
    minSequenceNumber: lowestSequence(entries, snapshot.sequenceNumber),
    addedSnapshotId: snapshot.snapshotId,
    ...counts(entries),
    partitions: summarizePartitions(partitionType(spec, schema), tuples),
    keyMetadata: null,
    firstRowId: null,
  };
}

/** Writes a snapshot's manifest list and gives its location. */
export async function writeManifestList(
  context: LakeContext,
  snapshot: SnapshotIdentity,
  manifests: readonly ManifestFile[],
): Promise<string> {
  const { metadata, snapshotId, parentSnapshotId, sequenceNumber } = snapshot;
  const { location } = metadata;
  const path = newManifestListLocation(context, { location, snapshotId });
  const list = {
    formatVersion: 2,
    snapshotId,
    parentSnapshotId,
    sequenceNumber,
    manifests,
  } as const;
  await context.store.write(path, encodeManifestList(list));
  return path;
}

function lowestSequence(entries: readonly ManifestEntry[], inherited: bigint): bigint {
  const numbers = entries.filter(isLive).map((entry) => entry.dataSequenceNumber ?? inherited);
  return numbers.reduce((lowest, number) => (number < lowest ? number : lowest), inherited);
}

type Counts = Pick<
  ManifestFile,
  | 'addedFilesCount'
  | 'existingFilesCount'
  | 'deletedFilesCount'
  | 'addedRowsCount'
  | 'existingRowsCount'
  | 'deletedRowsCount'
>;

function counts(entries: readonly ManifestEntry[]): Counts {
  const of = (status: EntryStatus): readonly ManifestEntry[] =>
    entries.filter((entry) => entry.status === status);
  const rows = (status: EntryStatus): bigint =>
    of(status).reduce((sum, entry) => sum + entry.file.recordCount, 0n);
  return {
    addedFilesCount: of('added').length,
    existingFilesCount: of('existing').length,
    deletedFilesCount: of('deleted').length,
    addedRowsCount: rows('added'),
    existingRowsCount: rows('existing'),
    deletedRowsCount: rows('deleted'),
  };
}

/**
 * Manifests and manifest lists as files of a table: read, written, and named. Both are immutable;
 * what is read has inherited its sequence numbers, what is written is durable before anything names
 * it (docs/spec/commit.md C13).
 */
import { describeManifest, namedManifests } from '../iceberg/avro/first-format.ts';
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
import { numberManifests } from '../iceberg/lineage/row-lineage.ts';
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
  const named = namedManifests(snapshot);
  if (named !== null) {
    const { snapshotId } = snapshot;
    return Promise.all(
      named.map(async (path) => {
        return describeManifest(await context.store.read(path), { path, snapshotId });
      }),
    );
  }
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
  const formatVersion = writtenFormat(metadata);
  const bytes = encodeManifest({ formatVersion, schema, spec, content, entries });
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

/** A manifest list as it was written. */
export interface WrittenList {
  readonly path: string;
  /** Row ids that the snapshot takes; `null` in format v2, which has none. */
  readonly rowIds: { readonly first: bigint; readonly count: bigint } | null;
}

/** Writes a snapshot's manifest list. */
export async function writeManifestList(
  context: LakeContext,
  snapshot: SnapshotIdentity,
  manifests: readonly ManifestFile[],
): Promise<WrittenList> {
  const { metadata, snapshotId, parentSnapshotId, sequenceNumber } = snapshot;
  const { location } = metadata;
  const path = newManifestListLocation(context, { location, snapshotId });
  const formatVersion = writtenFormat(metadata);
  const list = { formatVersion, snapshotId, parentSnapshotId, sequenceNumber };
  if (formatVersion === 2) {
    await context.store.write(path, encodeManifestList({ ...list, manifests }));
    return { path, rowIds: null };
  }
  const numbered = numberManifests(manifests, metadata.nextRowId);
  await context.store.write(path, encodeManifestList({ ...list, ...numbered }));
  return { path, rowIds: { first: numbered.firstRowId, count: numbered.addedRows } };
}

/**
 * The format version that a table's new files are written in.
 *
 * @throws {FirnError} ICEBERG-FORMAT-UNSUPPORTED
 */
export function writtenFormat({ formatVersion, location }: TableMetadata): 2 | 3 {
  if (formatVersion !== 1) return formatVersion;
  throw new FirnError('ICEBERG-FORMAT-UNSUPPORTED', {
    what: 'Firn writes into tables of format version 2 and 3, this one has 1',
    where: location,
  });
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

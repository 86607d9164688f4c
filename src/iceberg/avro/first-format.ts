/**
 * What only format v1 has: snapshots that name their manifests themselves, without a manifest list
 * (Iceberg spec, "Snapshots", `manifests`). What a list would say of a manifest is told from the
 * manifest itself. Bytes in, values out.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import { openAvroFile } from './avro-container.ts';
import { manifestEntryCodec } from './manifest-entry-codec.ts';
import type { ManifestEntryRecord } from './manifest-entry-codec.ts';
import type { ManifestFile } from '../manifest-list.ts';
import type { Snapshot } from '../snapshot.ts';

/** The manifests that a snapshot names itself; `null`: it has a manifest list. */
export function namedManifests(snapshot: Snapshot): readonly string[] | null {
  if (snapshot.manifestList !== '') return null;
  const { manifests } = snapshot.unknownFields;
  const items: readonly unknown[] = Array.isArray(manifests) ? manifests : [];
  return items.filter((item) => typeof item === 'string');
}

/**
 * What a manifest list would say of such a manifest. Format v1 knows data files only, and no
 * sequence numbers: all are 0.
 *
 * @throws {FirnError} ICEBERG-AVRO-INVALID, -TOO-LARGE, -CODEC-UNSUPPORTED,
 *   ICEBERG-MANIFEST-INVALID
 */
export function describeManifest(
  bytes: Uint8Array,
  manifest: { readonly path: string; readonly snapshotId: bigint },
): ManifestFile {
  const { path, snapshotId } = manifest;
  const file = openAvroFile(bytes, path);
  // Without a partition type the tuples are passed over.
  const entries = file.readItems(manifestEntryCodec(3, { kind: 'struct', fields: [] }));
  if (entries.some((entry) => entry.dataFile.content !== 0)) {
    throw new FirnError('ICEBERG-MANIFEST-INVALID', {
      what: 'a manifest without a manifest list has delete files, which format v1 does not know',
      where: path,
    });
  }
  const of = (status: number): readonly ManifestEntryRecord[] =>
    entries.filter((entry) => entry.status === status);
  const rows = (status: number): bigint =>
    of(status).reduce((sum, { dataFile }) => sum + dataFile.recordCount, 0n);
  const specId = file.metadata.get('partition-spec-id') ?? '';
  return {
    path,
    length: BigInt(bytes.length),
    specId: /^\d{1,9}$/.test(specId) ? Number.parseInt(specId, 10) : 0,
    content: 'data',
    sequenceNumber: 0n,
    minSequenceNumber: 0n,
    addedSnapshotId: snapshotId,
    addedFilesCount: of(ADDED).length,
    existingFilesCount: of(EXISTING).length,
    deletedFilesCount: of(DELETED).length,
    addedRowsCount: rows(ADDED),
    existingRowsCount: rows(EXISTING),
    deletedRowsCount: rows(DELETED),
    partitions: [],
    keyMetadata: null,
    firstRowId: null,
  };
}

// Numbers of the statuses in the file.
const EXISTING = 0;
const ADDED = 1;
const DELETED = 2;

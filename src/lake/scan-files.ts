/**
 * The live data files of a snapshot, each with its deletes. Manifests and files that the
 * request rules out by partition, bounds or age are passed over; what is passed over can hold no
 * row that was asked for, so a filter makes a scan cheaper and never wrong.
 */
import { findFieldById } from '../iceberg/iceberg-schema.ts';
import type { IcebergType } from '../iceberg/iceberg-type.ts';
import type { ManifestFile } from '../iceberg/manifest-list.ts';
import type { DataFile, ResolvedEntry } from '../iceberg/manifest.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { decodeBound, valueOrder } from '../iceberg/single-value.ts';
import { findSnapshot, refSnapshot } from '../iceberg/snapshot.ts';
import { currentSchema, defaultSpec } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { DeleteIndex, refuseUnreadable } from './delete-index.ts';
import { fileProjections } from './file-projection.ts';
import type { LakeContext } from './lake-context.ts';
import { isLive, liveFilesCount, readManifest, readManifestList } from './manifest-files.ts';

/** What to scan. Left-out filters rule out nothing. */
export interface ScanRequest {
  readonly metadata: TableMetadata;
  /** Branch or tag; one that is not there has no files. */
  readonly ref: string;
  /** Reads this snapshot, whatever `ref` is. */
  readonly snapshotId?: bigint;
  /**
   * Buckets of the table's present spec, whose first bucket field they belong to. Files of other
   * specs are not ruled out.
   */
  readonly buckets?: ReadonlySet<number>;
  /** Only files that can have a value of this column between the two, both in single-value form. */
  readonly bounds?: ColumnBounds;
  /** Only files with a data sequence number above this one. */
  readonly dataSequenceAbove?: bigint;
}

/** A range of a column's values, ends included. */
export interface ColumnBounds {
  readonly fieldId: number;
  readonly lower: Uint8Array;
  readonly upper: Uint8Array;
}

/**
 * Live data files, in the order of their manifests.
 *
 * @throws {FirnError} ICEBERG-EQUALITY-DELETES, ICEBERG-FILE-UNSUPPORTED, ICEBERG-MANIFEST-INVALID,
 *   and those of manifests
 */
export async function scanFiles(
  context: Pick<LakeContext, 'store'>,
  request: ScanRequest,
): Promise<readonly ScanFile[]> {
  const { metadata } = request;
  const { snapshotId, ref } = request;
  const snapshot =
    snapshotId === undefined ? refSnapshot(metadata, ref) : findSnapshot(metadata, snapshotId);
  if (snapshot === null) return [];
  const filter = new ScanFilter(request);
  const data: ResolvedEntry[] = [];
  const deletes = new DeleteIndex(metadata);
  for (const manifest of await readManifestList(context, snapshot)) {
    if (!filter.wantsManifest(manifest)) continue;
    for (const entry of await readManifest(context, metadata, manifest)) {
      if (!isLive(entry) || !filter.wantsPartition(entry)) continue;
      if (manifest.content === 'deletes') deletes.add(entry);
      else if (filter.wantsRows(entry.file)) data.push(entry);
    }
  }
  const project = fileProjections(metadata);
  return data.map((entry) => {
    const { file, dataSequenceNumber } = entry;
    refuseUnreadable(file);
    const projection = project(file);
    const known = projection === null ? {} : { projection };
    return { file, dataSequenceNumber, ...deletes.deletesOf(entry), ...known };
  });
}

/** Decides from metadata alone; in doubt it keeps. */
class ScanFilter {
  readonly #buckets: BucketFilter | null;
  readonly #bounds: ColumnFilter | null;
  readonly #above: bigint;

  constructor(request: ScanRequest) {
    this.#buckets = bucketFilter(request);
    this.#bounds = columnFilter(request);
    // Sequence numbers start at 1, at 0 in tables that were of format v1.
    this.#above = request.dataSequenceAbove ?? -1n;
  }

  /** A manifest's number is at or above those of its files: of the data they add and delete. */
  wantsManifest(manifest: ManifestFile): boolean {
    if (liveFilesCount(manifest) === 0 || manifest.sequenceNumber <= this.#above) return false;
    const buckets = this.#buckets;
    if (buckets === null || buckets.specId !== manifest.specId) return true;
    const summary = manifest.partitions[buckets.index];
    if (summary === undefined || summary.containsNull) return true;
    if (summary.lowerBound === null || summary.upperBound === null) return true;
    const lowest = decodeBound({ kind: 'int' }, summary.lowerBound);
    const highest = decodeBound({ kind: 'int' }, summary.upperBound);
    if (typeof lowest !== 'number' || typeof highest !== 'number') return true;
    return [...buckets.wanted].some((bucket) => bucket >= lowest && bucket <= highest);
  }

  /** For data and delete files alike. Deletes of rows that are not wanted are not wanted either. */
  wantsPartition(entry: ResolvedEntry): boolean {
    if (entry.dataSequenceNumber <= this.#above) return false;
    const buckets = this.#buckets;
    if (buckets === null || buckets.specId !== entry.file.specId) return true;
    const bucket = entry.file.partition[buckets.index];
    return typeof bucket !== 'number' || buckets.wanted.has(bucket);
  }

  /** Whether a data file's bounds leave room for a wanted row. */
  wantsRows(file: DataFile): boolean {
    const bounds = this.#bounds;
    if (bounds === null) return true;
    const { fieldId, type, lower, upper } = bounds;
    const order = valueOrder(type);
    const lowest = boundOf(file.lowerBounds, fieldId, type);
    const highest = boundOf(file.upperBounds, fieldId, type);
    if (lowest !== null && order(lowest, upper) > 0) return false;
    return highest === null || order(highest, lower) >= 0;
  }
}

type Value = Exclude<ReturnType<typeof decodeBound>, null>;

interface BucketFilter {
  readonly specId: number;
  readonly index: number;
  readonly wanted: ReadonlySet<number>;
}

interface ColumnFilter {
  readonly fieldId: number;
  readonly type: IcebergType;
  readonly lower: Value;
  readonly upper: Value;
}

function bucketFilter(request: ScanRequest): BucketFilter | null {
  if (request.buckets === undefined) return null;
  const { specId, fields } = defaultSpec(request.metadata);
  const index = fields.findIndex((field) => field.transform.kind === 'bucket');
  return index < 0 ? null : { specId, index, wanted: request.buckets };
}

function columnFilter(request: ScanRequest): ColumnFilter | null {
  if (request.bounds === undefined) return null;
  const { fieldId } = request.bounds;
  const type = findFieldById(currentSchema(request.metadata), fieldId)?.type;
  if (type === undefined) return null;
  const lower = decodeBound(type, request.bounds.lower);
  const upper = decodeBound(type, request.bounds.upper);
  return lower === null || upper === null ? null : { fieldId, type, lower, upper };
}

function boundOf(
  bounds: ReadonlyMap<number, Uint8Array> | null,
  fieldId: number,
  type: IcebergType,
): Value | null {
  const bytes = bounds?.get(fieldId);
  return bytes === undefined ? null : decodeBound(type, bytes);
}

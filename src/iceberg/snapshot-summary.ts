/**
 * The summary of a snapshot: what it added and removed, and running totals over its line of history
 * (Iceberg spec, Appendix F, "Optional Snapshot Summary Fields"). All values are text.
 */
import { isDeletionVector } from './deletes/deletion-vector.ts';
import type { DataFile } from './manifest.ts';
import type { SnapshotOperation } from './snapshot.ts';

/** What a snapshot changes. */
export interface SnapshotChanges {
  readonly operation: SnapshotOperation;
  /** Data and delete files. */
  readonly added: readonly DataFile[];
  /** Data and delete files. */
  readonly removed: readonly DataFile[];
  /** Summary of the parent; `null`: the snapshot starts a line of history, all totals are zero. */
  readonly parentSummary: Readonly<Record<string, string>> | null;
}

/** Sums over files of one side of a change. */
interface FileSums {
  readonly dataFiles: bigint;
  readonly records: bigint;
  readonly deleteFiles: bigint;
  readonly positionDeletes: bigint;
  readonly equalityDeletes: bigint;
  readonly sizeBytes: bigint;
}

/** The summary of a snapshot with these changes; keys whose value would be zero are left out. */
export function snapshotSummary(changes: SnapshotChanges): Readonly<Record<string, string>> {
  const added = sumFiles(changes.added);
  const removed = sumFiles(changes.removed);
  const partitions = new Set([...changes.added, ...changes.removed].map(partitionText));
  return {
    operation: changes.operation,
    ...nonZero({
      'added-data-files': added.dataFiles,
      'added-records': added.records,
      'added-delete-files': added.deleteFiles,
      'added-position-delete-files': countPositionDeletes(changes.added),
      'added-dvs': countVectors(changes.added),
      'added-position-deletes': added.positionDeletes,
      'added-files-size': added.sizeBytes,
      'deleted-data-files': removed.dataFiles,
      'deleted-records': removed.records,
      'removed-delete-files': removed.deleteFiles,
      'removed-position-delete-files': countPositionDeletes(changes.removed),
      'removed-dvs': countVectors(changes.removed),
      'removed-position-deletes': removed.positionDeletes,
      'removed-files-size': removed.sizeBytes,
    }),
    'changed-partition-count': String(partitions.size),
    ...totals(changes.parentSummary, added, removed),
  };
}

/** A text that tells partition tuples apart, spec included; `bytes` as hex. */
export function partitionText(file: Pick<DataFile, 'specId' | 'partition'>): string {
  const values = file.partition.map((value) => {
    if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`;
    if (typeof value === 'bigint') return `n${value}`;
    // JSON has no minus zero, and bounds tell the two zeros apart.
    return Object.is(value, -0) ? 'number -0' : `${typeof value} ${JSON.stringify(value)}`;
  });
  return JSON.stringify([file.specId, values]);
}

function sumFiles(files: readonly DataFile[]): FileSums {
  let sums: FileSums = {
    dataFiles: 0n,
    records: 0n,
    deleteFiles: 0n,
    positionDeletes: 0n,
    equalityDeletes: 0n,
    sizeBytes: 0n,
  };
  for (const file of files) {
    const isData = file.content === 'data';
    const rows = file.recordCount;
    sums = {
      dataFiles: sums.dataFiles + (isData ? 1n : 0n),
      records: sums.records + (isData ? rows : 0n),
      deleteFiles: sums.deleteFiles + (isData ? 0n : 1n),
      positionDeletes: sums.positionDeletes + (file.content === 'position-deletes' ? rows : 0n),
      equalityDeletes: sums.equalityDeletes + (file.content === 'equality-deletes' ? rows : 0n),
      sizeBytes: sums.sizeBytes + file.fileSizeBytes,
    };
  }
  return sums;
}

function countPositionDeletes(files: readonly DataFile[]): bigint {
  const deletes = files.filter((file) => file.content === 'position-deletes');
  return BigInt(deletes.length) - countVectors(files);
}

function countVectors(files: readonly DataFile[]): bigint {
  return BigInt(files.filter(isDeletionVector).length);
}

function nonZero(counts: Readonly<Record<string, bigint>>): Readonly<Record<string, string>> {
  const entries = Object.entries(counts).filter(([, count]) => count !== 0n);
  return Object.fromEntries(entries.map(([key, count]) => [key, String(count)]));
}

/** Running totals; one that the parent lacks stays unknown, for it would be wrong ever after. */
function totals(
  parent: Readonly<Record<string, string>> | null,
  added: FileSums,
  removed: FileSums,
): Readonly<Record<string, string>> {
  const changes = {
    'total-records': added.records - removed.records,
    'total-files-size': added.sizeBytes - removed.sizeBytes,
    'total-data-files': added.dataFiles - removed.dataFiles,
    'total-delete-files': added.deleteFiles - removed.deleteFiles,
    'total-position-deletes': added.positionDeletes - removed.positionDeletes,
    'total-equality-deletes': added.equalityDeletes - removed.equalityDeletes,
  };
  const entries = Object.entries(changes).flatMap(([key, change]) => {
    const before = parent === null ? '0' : parent[key];
    if (before === undefined || !/^\d{1,19}$/.test(before)) return [];
    const after = BigInt(before) + change;
    return after < 0n ? [] : [[key, String(after)] as const];
  });
  return Object.fromEntries(entries);
}

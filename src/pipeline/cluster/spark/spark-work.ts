/**
 * What Spark wrote in one snapshot, by its manifests: never by what the snapshot says of itself.
 */
import { fileKey } from '../../../iceberg/manifest.ts';
import type { DataFile, ResolvedEntry } from '../../../iceberg/manifest.ts';
import type { Snapshot } from '../../../iceberg/snapshot.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import { referencedFile } from '../../../lake/delete-index.ts';
import type { LakeContext } from '../../../lake/lake-context.ts';
import { isLive, readManifest, readManifestList } from '../../../lake/manifest-files.ts';
import { scanFiles } from '../../../lake/scan-files.ts';
import { comparableLocation } from '../../../lake/table-locations.ts';
import type { LoadedTable } from '../../../ports/catalog.ts';

/** A snapshot on a branch, and the table that has it. */
export interface WrittenSnapshot {
  readonly base: LoadedTable;
  readonly snapshot: Snapshot;
}

/** Files and rows of a snapshot's change. */
export interface SparkWork {
  /** Rows in new data files. */
  readonly rowsAdded: number;
  /** Live rows afterwards less live rows before; may be negative. */
  readonly rowsMore: number;
  readonly dataFilesRemoved: number;
  /** Live data files that were there before. */
  readonly dataFilesKept: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly bytesWritten: number;
}

/**
 * Counts what a snapshot changed. Deletes that it removed and that applied to nothing before bring
 * no row back, and do not count.
 *
 * @throws FirnError MERGE-BRANCH-WRONG for equality deletes and for files of another partition
 *   spec than the base's present one, and those of reading manifests
 */
export async function countWork(
  context: Pick<LakeContext, 'store'>,
  written: WrittenSnapshot,
): Promise<SparkWork> {
  const { metadata } = written.base;
  const { snapshot } = written;
  const changed: ResolvedEntry[] = [];
  let dataFilesKept = 0;
  for (const manifest of await readManifestList(context, snapshot)) {
    const { content, addedSnapshotId } = manifest;
    if (content === 'data') dataFilesKept += manifest.existingFilesCount;
    if (addedSnapshotId !== snapshot.snapshotId) {
      if (content === 'data') dataFilesKept += manifest.addedFilesCount;
      continue;
    }
    const entries = await readManifest(context, metadata, manifest);
    changed.push(...entries.filter(({ status }) => status !== 'existing'));
  }
  const added = changed.filter(isLive).map(({ file }) => file);
  const removed = changed.filter((entry) => !isLive(entry)).map(({ file }) => file);
  for (const file of added) refuseWrong(written, file);
  const dangling = await deadBefore(context, written, { added, removed });
  return {
    rowsAdded: rowsOf(added.filter(isData)),
    rowsMore: liveRows(added) - liveRows(removed.filter((file) => !dangling.has(file))),
    dataFilesRemoved: removed.filter(isData).length,
    dataFilesKept,
    filesAdded: added.length,
    filesRemoved: removed.length,
    bytesWritten: added.reduce((sum, file) => sum + toSafeNumber(file.fileSizeBytes), 0),
  };
}

function isData({ content }: DataFile): boolean {
  return content === 'data';
}

function rowsOf(files: readonly DataFile[]): number {
  return files.reduce((sum, file) => sum + toSafeNumber(file.recordCount), 0);
}

/** A row in a delete file is one that is not live. */
function liveRows(files: readonly DataFile[]): number {
  return rowsOf(files.filter(isData)) - rowsOf(files.filter((file) => !isData(file)));
}

/**
 * Which removed deletes were for files that the table had no more: engines take such deletes away
 * with whatever they commit next. Deletes that have a successor, or went with their file, did
 * apply; only for others the files of before are read.
 */
async function deadBefore(
  context: Pick<LakeContext, 'store'>,
  { base, snapshot }: WrittenSnapshot,
  {
    added,
    removed,
  }: { readonly added: readonly DataFile[]; readonly removed: readonly DataFile[] },
): Promise<ReadonlySet<DataFile>> {
  const accounted = new Set([
    ...added.map(referencedFile),
    ...removed.filter(isData).map(({ filePath }) => comparableLocation(filePath)),
  ]);
  const unaccounted = removed.filter((file) => {
    const target = isData(file) ? null : referencedFile(file);
    return target !== null && !accounted.has(target);
  });
  const { parentSnapshotId } = snapshot;
  if (unaccounted.length === 0 || parentSnapshotId === null) return new Set();
  const { metadata } = base;
  const before = await scanFiles(context, { metadata, ref: '', snapshotId: parentSnapshotId });
  const applied = new Set(before.flatMap(({ deletes }) => deletes.map(fileKey)));
  return new Set(unaccounted.filter((file) => !applied.has(fileKey(file))));
}

function refuseWrong({ base }: WrittenSnapshot, file: DataFile): void {
  const where = `${base.identifier.namespace}.${base.identifier.name}`;
  if (file.content === 'equality-deletes') {
    const what = 'Spark wrote an equality delete, which no base may have.';
    throw new FirnError('MERGE-BRANCH-WRONG', { what, where });
  }
  if (file.content === 'data' && file.specId !== base.metadata.defaultSpecId) {
    const what = `Spark wrote a file of partition spec ${file.specId}, the base's is ${base.metadata.defaultSpecId}.`;
    throw new FirnError('MERGE-BRANCH-WRONG', { what, where });
  }
}

/**
 * Which position deletes apply to a data file (Iceberg spec, "Scan Planning"): those of the file's
 * own spec and partition that name it, or name no single file, and are not older than it. Equality
 * deletes and deletion vectors are refused by name: skipping them would show deleted rows.
 */
import type { DataFile, ResolvedEntry } from '../iceberg/manifest.ts';
import { decodeBound } from '../iceberg/single-value.ts';
import { partitionText } from '../iceberg/snapshot-summary.ts';
import { FirnError } from '../kernel/firn-error.ts';

/** Field id of the path column in position-delete files (spec, "Reserved Field IDs"). */
const FILE_PATH_FIELD = 2147483546;

/** The position deletes of a snapshot, found by data file. */
export class DeleteIndex {
  readonly #byFile = new Map<string, ResolvedEntry[]>();
  readonly #byPartition = new Map<string, ResolvedEntry[]>();

  /**
   * Takes a live delete file.
   *
   * @throws {FirnError} ICEBERG-EQUALITY-DELETES, ICEBERG-DELETION-VECTORS
   */
  add(entry: ResolvedEntry): void {
    const { file } = entry;
    if (file.content === 'equality-deletes') {
      throw new FirnError('ICEBERG-EQUALITY-DELETES', {
        what: 'the table has an equality-delete file',
        where: file.filePath,
      });
    }
    if (file.fileFormat === 'PUFFIN') {
      throw new FirnError('ICEBERG-DELETION-VECTORS', {
        what: 'the table has a deletion vector',
        where: file.filePath,
      });
    }
    const target = referencedFile(file);
    if (target === null) append(this.#byPartition, partitionText(file), entry);
    else append(this.#byFile, target, entry);
  }

  /** The delete files that apply to a data file, each once. */
  deletesOf(data: ResolvedEntry): readonly DataFile[] {
    const partition = partitionText(data.file);
    const scoped = (this.#byFile.get(data.file.filePath) ?? []).filter(
      (entry) => partitionText(entry.file) === partition,
    );
    return [...scoped, ...(this.#byPartition.get(partition) ?? [])]
      .filter((entry) => data.dataSequenceNumber <= entry.dataSequenceNumber)
      .map((entry) => entry.file);
  }
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/**
 * The one data file that a delete file is for: named, or told by equal bounds of the path column.
 */
function referencedFile(file: DataFile): string | null {
  if (file.referencedDataFile !== null) return file.referencedDataFile;
  const lower = file.lowerBounds?.get(FILE_PATH_FIELD);
  const upper = file.upperBounds?.get(FILE_PATH_FIELD);
  // A bound that was cut differs from its counterpart: the upper one is raised.
  if (lower === undefined || upper === undefined || lower.length !== upper.length) return null;
  if (!lower.every((byte, index) => byte === upper[index])) return null;
  const path = decodeBound({ kind: 'string' }, lower);
  return typeof path === 'string' ? path : null;
}

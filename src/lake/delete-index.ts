/**
 * Which deletes apply to a data file (Iceberg spec, "Scan Planning"): the deletion vector that
 * names it, otherwise the position deletes of its own spec and partition that name it or name no
 * single file, none older than the file; and the equality deletes younger than it, of its partition
 * or of an unpartitioned spec. What cannot be applied is refused by name: passing it over would
 * show deleted rows.
 */
import type { NestedField } from '../iceberg/iceberg-type.ts';
import { isPrimitive } from '../iceberg/iceberg-type.ts';
import type { DataFile, ResolvedEntry } from '../iceberg/manifest.ts';
import type { EqualityDelete, ScanFile } from '../iceberg/scan-file.ts';
import { decodeBound } from '../iceberg/single-value.ts';
import { partitionText } from '../iceberg/snapshot-summary.ts';
import { specById } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { comparableLocation } from './table-locations.ts';

/** Field id of the path column in position-delete files (spec, "Reserved Field IDs"). */
const FILE_PATH_FIELD = 2147483546;

/** The deletes of a snapshot, found by data file. */
export class DeleteIndex {
  readonly #metadata: TableMetadata;
  readonly #vectors = new Map<string, ResolvedEntry[]>();
  readonly #byFile = new Map<string, ResolvedEntry[]>();
  readonly #byPartition = new Map<string, ResolvedEntry[]>();
  /** By partition; those for every partition under the empty text. */
  readonly #equality = new Map<string, EqualityDelete[]>();
  readonly #columns = new Map<number, NestedField>();

  /** @param metadata the table, whose schemas tell what equality deletes compare */
  constructor(metadata: TableMetadata) {
    this.#metadata = metadata;
    const newestLast = metadata.schemas.toSorted((left, right) => {
      return rank(metadata, left.schemaId) - rank(metadata, right.schemaId);
    });
    for (const { fields } of newestLast) {
      for (const field of fields) this.#columns.set(field.id, field);
    }
  }

  /**
   * Takes a live delete file.
   *
   * @throws {FirnError} ICEBERG-EQUALITY-DELETES, ICEBERG-FILE-UNSUPPORTED,
   *   ICEBERG-MANIFEST-INVALID
   */
  add(entry: ResolvedEntry): void {
    const { file } = entry;
    refuseUnreadable(file);
    if (file.content === 'equality-deletes') {
      append(this.#equality, this.#scopeOf(file), {
        file,
        dataSequenceNumber: entry.dataSequenceNumber,
        fields: this.#comparedColumns(file),
      });
      return;
    }
    const target = referencedFile(file);
    if (file.fileFormat === 'PUFFIN') {
      if (target === null) throw invalid('a deletion vector names no data file', file);
      append(this.#vectors, target, entry);
    } else if (target === null) append(this.#byPartition, partitionText(file), entry);
    else append(this.#byFile, target, entry);
  }

  /**
   * The deletes that apply to a data file, each once.
   *
   * @throws {FirnError} ICEBERG-MANIFEST-INVALID when two deletion vectors do, or a delete that
   *   names the file is filed under another partition: engines then differ on what it means
   */
  deletesOf(data: ResolvedEntry): Pick<ScanFile, 'deletes' | 'equalityDeletes'> {
    const partition = partitionText(data.file);
    const equality = [
      ...(this.#equality.get('') ?? []),
      ...(this.#equality.get(partition) ?? []),
    ].filter((deletes) => data.dataSequenceNumber < deletes.dataSequenceNumber);
    return {
      deletes: this.#positionsOf(data, partition),
      ...(equality.length === 0 ? {} : { equalityDeletes: equality }),
    };
  }

  #positionsOf(data: ResolvedEntry, partition: string): readonly DataFile[] {
    const isNotOlder = (entry: ResolvedEntry): boolean =>
      data.dataSequenceNumber <= entry.dataSequenceNumber;
    const location = comparableLocation(data.file.filePath);
    const vectors = (this.#vectors.get(location) ?? []).filter(isNotOlder);
    const scoped = (this.#byFile.get(location) ?? []).filter(isNotOlder);
    for (const { file } of [...vectors, ...scoped]) {
      if (partitionText(file) === partition) continue;
      throw invalid('a delete file is not in the partition of its data file', file);
    }
    const [vector, second] = vectors;
    if (second !== undefined) {
      throw invalid('two deletion vectors are for one data file', second.file);
    }
    if (vector !== undefined) return [vector.file];
    const wide = (this.#byPartition.get(partition) ?? []).filter(isNotOlder);
    return [...scoped, ...wide].map((entry) => entry.file);
  }

  /** Where equality deletes apply. */
  #scopeOf(file: DataFile): string {
    const spec = specById(this.#metadata, file.specId);
    const isEverywhere = spec?.fields.every(({ transform }) => transform.kind === 'void') === true;
    return isEverywhere ? '' : partitionText(file);
  }

  #comparedColumns(file: DataFile): readonly NestedField[] {
    const ids = file.equalityIds ?? [];
    const fields = ids.flatMap((id) => this.#columns.get(id) ?? []);
    const flat = fields.filter(({ type }) => isPrimitive(type));
    if (ids.length > 0 && flat.length === ids.length) return flat;
    throw new FirnError('ICEBERG-EQUALITY-DELETES', {
      what:
        ids.length === 0
          ? 'an equality-delete file does not say which columns it compares'
          : `an equality-delete file compares column ${ids.join(', ')}, which is no plain column`,
      where: file.filePath,
    });
  }
}

/**
 * Refuses a live file that Firn cannot read, by its name.
 *
 * @throws {FirnError} ICEBERG-FILE-UNSUPPORTED
 */
export function refuseUnreadable(file: DataFile): void {
  const { content, fileFormat, keyMetadata } = file;
  const isVector = content === 'position-deletes' && fileFormat === 'PUFFIN';
  const refuse = (what: string): never => {
    throw new FirnError('ICEBERG-FILE-UNSUPPORTED', { what, where: file.filePath });
  };
  if (fileFormat !== 'PARQUET' && !isVector) refuse(`a file of ${content} is ${fileFormat}`);
  if (keyMetadata !== null) refuse(`a file of ${content} is encrypted`);
}

/** The current schema comes last: its names and types count. */
function rank(metadata: TableMetadata, schemaId: number): number {
  return schemaId === metadata.currentSchemaId ? Infinity : schemaId;
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/**
 * The one data file that a delete file is for, comparable: named, or told by equal bounds of the
 * path column; `null`: it may be for several.
 */
export function referencedFile(file: DataFile): string | null {
  if (file.referencedDataFile !== null) return comparableLocation(file.referencedDataFile);
  const lower = file.lowerBounds?.get(FILE_PATH_FIELD);
  const upper = file.upperBounds?.get(FILE_PATH_FIELD);
  // A bound that was cut differs from its counterpart: the upper one is raised.
  if (lower === undefined || upper === undefined || lower.length !== upper.length) return null;
  if (!lower.every((byte, index) => byte === upper[index])) return null;
  const path = decodeBound({ kind: 'string' }, lower);
  return typeof path === 'string' ? comparableLocation(path) : null;
}

function invalid(what: string, file: DataFile): FirnError {
  return new FirnError('ICEBERG-MANIFEST-INVALID', { what, where: file.filePath });
}

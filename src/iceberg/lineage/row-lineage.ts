/**
 * Row ids of format v3 (Iceberg spec, "Row Lineage"). A table counts all rows it was ever given;
 * a snapshot takes a range of numbers, its new manifests parts of that range, their files parts of
 * theirs. A row that is updated or moved keeps its number in a column of its new file.
 */
import type { NestedField } from '../iceberg-type.ts';
import type { ManifestFile } from '../manifest-list.ts';

/** Column of a data file: the row's id; null: the file's first row id plus the row's place. */
export const ROW_ID: NestedField = {
  id: 2_147_483_540,
  name: '_row_id',
  required: false,
  type: { kind: 'long' },
};

/**
 * Column of a data file: sequence number of the commit that last changed the row; null: the
 * data file's.
 */
export const LAST_UPDATED: NestedField = {
  id: 2_147_483_539,
  name: '_last_updated_sequence_number',
  required: false,
  type: { kind: 'long' },
};

/** Manifests as a snapshot's list names them, and the range of row ids that the snapshot takes. */
export interface NumberedManifests {
  readonly manifests: readonly ManifestFile[];
  readonly firstRowId: bigint;
  /** Row ids taken: some for rows that have one already, so that none is given twice. */
  readonly addedRows: bigint;
}

/**
 * Gives a range of row ids to each manifest of data files that has none, in their order (spec, "Row
 * ID Assignment"). Manifests of deletes have none.
 */
export function numberManifests(
  manifests: readonly ManifestFile[],
  firstRowId: bigint,
): NumberedManifests {
  let next = firstRowId;
  const numbered = manifests.map((manifest) => {
    if (manifest.content !== 'data' || manifest.firstRowId !== null) return manifest;
    const own = { ...manifest, firstRowId: next };
    next += manifest.addedRowsCount + manifest.existingRowsCount;
    return own;
  });
  return { manifests: numbered, firstRowId, addedRows: next - firstRowId };
}

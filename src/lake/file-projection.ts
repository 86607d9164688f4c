/**
 * How the columns of foreign data files are found (Iceberg spec, "Column Projection"): identity
 * partition columns by the partition, columns of files without field ids by the table's name
 * mapping. Files of Firn's own tables need neither, unless another engine added them.
 */
import { findFieldById } from '../iceberg/iceberg-schema.ts';
import { jsonFields, jsonTexts } from '../iceberg/json-fields.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import type { FileProjection, PartitionConstant } from '../iceberg/scan-file.ts';
import { currentSchema, specById } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson } from '../kernel/lossless-json.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';

/** Property: names that columns have in files without field ids (spec, "Name Mapping"). */
const NAME_MAPPING_PROPERTY = 'schema.name-mapping.default';

/** Gives the projection of each data file of a table. */
export type ProjectFile = (file: DataFile) => FileProjection | null;

/**
 * Reads what the table says about columns.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID for a name mapping that cannot be read
 */
export function fileProjections(metadata: TableMetadata): ProjectFile {
  const names = nameMapping(metadata);
  return (file) => {
    const constants = partitionConstants(metadata, file);
    return constants.size === 0 && names === null ? null : { constants, names };
  };
}

function partitionConstants(
  metadata: TableMetadata,
  file: DataFile,
): ReadonlyMap<number, PartitionConstant> {
  const constants = new Map<number, PartitionConstant>();
  const schema = currentSchema(metadata);
  const spec = specById(metadata, file.specId);
  for (const [index, { sourceId, transform }] of (spec?.fields ?? []).entries()) {
    const field = findFieldById(schema, sourceId);
    if (transform.kind !== 'identity' || field === null) continue;
    constants.set(sourceId, { field, value: file.partition[index] ?? null });
  }
  return constants;
}

function nameMapping(metadata: TableMetadata): ReadonlyMap<number, readonly string[]> | null {
  const text = metadata.properties[NAME_MAPPING_PROPERTY];
  if (text === undefined) return null;
  const where = `${metadata.location}: property ${NAME_MAPPING_PROPERTY}`;
  let items: JsonValue;
  try {
    items = parseJson(text);
  } catch (cause) {
    throw new FirnError('ICEBERG-JSON-INVALID', { what: 'it is not JSON', where, cause });
  }
  const names = new Map<number, readonly string[]>();
  for (const item of jsonFields({ items }, where).list('items')) {
    const fields = jsonFields(item, where);
    const id = fields.optionalInt('field-id');
    if (id !== null) names.set(id, jsonTexts(fields.list('names'), where));
  }
  return names;
}

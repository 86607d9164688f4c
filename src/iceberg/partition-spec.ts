/**
 * How a table's rows are divided into partitions (Iceberg spec, "Partitioning" and Appendix C). A
 * partition tuple has one value per field of its spec, in the spec's order.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import { fieldsById, findColumn } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { formatType } from './iceberg-type.ts';
import type { IcebergType, StructType } from './iceberg-type.ts';
import { invalidJson, jsonFields, jsonInts } from './json-fields.ts';
import type { JsonFields } from './json-fields.ts';
import { acceptsType, formatTransform, parseTransform, transformResultType } from './transform.ts';
import type { Transform } from './transform.ts';

/** One value of the partition tuple. */
export interface PartitionField {
  /** Id of the column it is made from. */
  readonly sourceId: number;
  /** Id of the partition field itself, 1000 or above. */
  readonly fieldId: number;
  readonly name: string;
  readonly transform: Transform;
}

/** A division of a table into partitions; without fields the table is one partition. */
export interface PartitionSpec {
  readonly specId: number;
  readonly fields: readonly PartitionField[];
}

/** Ids of partition fields start above this; the `last-partition-id` of an unpartitioned table. */
const PARTITION_FIELD_ID_START = 999;

/**
 * Reads a spec from its JSON form.
 *
 * @param where place of the spec, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID; ICEBERG-SPEC-INVALID for a transform of several columns
 */
export function partitionSpecFromJson(json: JsonValue, where: string): PartitionSpec {
  const keys = jsonFields(json, where);
  return {
    specId: keys.int('spec-id'),
    fields: partitionFieldsFromJson(keys.list('fields'), where),
  };
}

/**
 * Reads a spec's list of fields, which is all that a manifest keeps of it. Format v1 wrote no field
 * ids: they count up from 1000.
 *
 * @throws {FirnError} as {@link partitionSpecFromJson}
 */
function partitionFieldsFromJson(
  items: readonly JsonValue[],
  where: string,
): readonly PartitionField[] {
  return items.map((item, index) => {
    const keys = jsonFields(item, `${where}.fields[${index}]`);
    return {
      sourceId: sourceIdFromJson(keys),
      fieldId: keys.optionalInt('field-id') ?? PARTITION_FIELD_ID_START + 1 + index,
      name: keys.text('name'),
      transform: parseTransform(keys.text('transform')),
    };
  });
}

/**
 * The column that a partition or sort field is made from: `source-id`, or a `source-ids` of one.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID; ICEBERG-SPEC-INVALID for several columns
 */
export function sourceIdFromJson(keys: JsonFields): number {
  const list = keys.optionalList('source-ids');
  if (list === null) return keys.int('source-id');
  const [first, ...others] = jsonInts(list, keys.where);
  if (first === undefined) throw invalidJson('key "source-ids" is empty', keys.where);
  if (others.length > 0) {
    throw invalidSpec('Firn does not know transforms of several columns', keys.where);
  }
  return first;
}

/** The JSON form of a spec. */
export function partitionSpecToJson(spec: PartitionSpec): JsonObject {
  return { 'spec-id': spec.specId, fields: partitionFieldsToJson(spec) };
}

/** The JSON form of a spec's list of fields. */
export function partitionFieldsToJson(spec: PartitionSpec): readonly JsonObject[] {
  return spec.fields.map((field) => ({
    'source-id': field.sourceId,
    'field-id': field.fieldId,
    name: field.name,
    transform: formatTransform(field.transform),
  }));
}

/**
 * Type of the spec's partition tuple. A field whose column `schema` no longer has is of type
 * `unknown`.
 */
export function partitionType(spec: PartitionSpec, schema: IcebergSchema): StructType {
  const columns = fieldsById(schema);
  const missing: IcebergType = { kind: 'unknown' };
  return {
    kind: 'struct',
    fields: spec.fields.map((field) => {
      const source = columns.get(field.sourceId)?.type ?? missing;
      const type = transformResultType(field.transform, source);
      return { id: field.fieldId, name: field.name, required: false, type };
    }),
  };
}

/**
 * Whether two specs divide a table alike: the same columns, transforms and names in order (spec,
 * "Partitioning"). Such a spec must not be added a second time.
 */
export function samePartitioning(left: PartitionSpec, right: PartitionSpec): boolean {
  return (
    left.fields.length === right.fields.length &&
    left.fields.every((field, index) => {
      const other = right.fields[index];
      return other !== undefined && field.name === other.name && samePartitionSource(field, other);
    })
  );
}

/** Whether two fields hold the same value of a row. */
function samePartitionSource(left: PartitionField, right: PartitionField): boolean {
  return (
    left.sourceId === right.sourceId &&
    formatTransform(left.transform) === formatTransform(right.transform)
  );
}

/** The highest partition field id of a spec; 999 for one without fields. */
export function highestPartitionFieldId(spec: PartitionSpec): number {
  return spec.fields.reduce(
    (highest, field) => Math.max(highest, field.fieldId),
    PARTITION_FIELD_ID_START,
  );
}

/**
 * Checks a spec that Firn is to write with: columns exist and fit their transform, names and ids
 * are unique, a name is not that of another column.
 *
 * @throws {FirnError} ICEBERG-SPEC-INVALID, ICEBERG-TRANSFORM-UNSUPPORTED
 */
export function validatePartitionSpec(spec: PartitionSpec, schema: IcebergSchema): void {
  const where = `partition spec ${spec.specId}`;
  const columns = fieldsById(schema);
  const names = new Set<string>();
  const ids = new Set<number>();
  for (const field of spec.fields) {
    const source = columns.get(field.sourceId);
    if (source === undefined) {
      throw invalidSpec(`field "${field.name}" is made from a column that is not there`, where);
    }
    if (!acceptsType(field.transform, source.type)) {
      const transform = formatTransform(field.transform);
      throw new FirnError('ICEBERG-TRANSFORM-UNSUPPORTED', {
        what: `${transform} cannot be applied to "${source.name}" (${formatType(source.type)})`,
        where,
      });
    }
    if (names.has(field.name) || ids.has(field.fieldId)) {
      throw invalidSpec(`field "${field.name}" repeats a name or an id`, where);
    }
    if (field.fieldId <= PARTITION_FIELD_ID_START) {
      throw invalidSpec(`field "${field.name}" has an id below 1000`, where);
    }
    const namesake = findColumn(schema, field.name);
    if (namesake !== null && !(field.transform.kind === 'identity' && namesake === source)) {
      throw invalidSpec(`field "${field.name}" has the name of another column`, where);
    }
    names.add(field.name);
    ids.add(field.fieldId);
  }
}

function invalidSpec(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-SPEC-INVALID', { what, where });
}

/**
 * A table's schema: its JSON form, look-up of fields, comparison and the rules of the format
 * (Iceberg spec, "Schemas and Data Types" and Appendix C). Fields are tied to data by id; names are
 * for people. Changes of a schema are in `schema-evolution.ts`.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import {
  formatType,
  isPrimitive,
  nestedFieldToJson,
  sameFields,
  structFieldsFromJson,
} from './iceberg-type.ts';
import type { IcebergType, NestedField } from './iceberg-type.ts';
import { invalidJson, jsonFields, jsonInts } from './json-fields.ts';

/** Columns of a table. */
export interface IcebergSchema {
  readonly schemaId: number;
  readonly fields: readonly NestedField[];
  /** Ids of the fields that identify a row; empty where none are declared. */
  readonly identifierFieldIds: readonly number[];
}

/** Ids above are for metadata columns (spec, "Reserved Field IDs"). */
const FIELD_ID_MAX = 2147483447;

/**
 * Reads a schema from its JSON form. Field ids are unique afterwards; the other rules are
 * {@link validateSchema}'s.
 *
 * @param where place of the schema, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID, ICEBERG-TYPE-UNSUPPORTED, ICEBERG-SCHEMA-INVALID
 */
export function schemaFromJson(json: JsonValue, where: string): IcebergSchema {
  const keys = jsonFields(json, where);
  if (keys.text('type') !== 'struct') throw invalidJson('a schema must be a struct', where);
  const schema = {
    schemaId: keys.optionalInt('schema-id') ?? 0,
    fields: structFieldsFromJson(keys.list('fields'), where),
    identifierFieldIds: jsonInts(keys.optionalList('identifier-field-ids') ?? [], where),
  };
  walkFields(schema, uniqueIdCheck(where));
  return schema;
}

/** The JSON form of a schema. */
export function schemaToJson(schema: IcebergSchema): JsonObject {
  return {
    type: 'struct',
    'schema-id': schema.schemaId,
    ...(schema.identifierFieldIds.length === 0
      ? {}
      : { 'identifier-field-ids': schema.identifierFieldIds }),
    fields: schema.fields.map(nestedFieldToJson),
  };
}

/**
 * Every field by id, those inside structs, lists and maps too; list elements are named `element`,
 * map keys and values `key` and `value`.
 */
export function fieldsById(schema: IcebergSchema): ReadonlyMap<number, NestedField> {
  const byId = new Map<number, NestedField>();
  walkFields(schema, ({ field }) => {
    byId.set(field.id, field);
  });
  return byId;
}

/** The field with this id at any depth, or `null`. */
export function findFieldById(schema: IcebergSchema, id: number): NestedField | null {
  return schema.fields.find((field) => field.id === id) ?? fieldsById(schema).get(id) ?? null;
}

/** The top-level column with this name, letter case kept, or `null`. */
export function findColumn(schema: IcebergSchema, name: string): NestedField | null {
  return schema.fields.find((field) => field.name === name) ?? null;
}

/** The highest field id at any depth; 0 for a schema without fields. */
export function highestFieldId(schema: IcebergSchema): number {
  let highest = 0;
  walkFields(schema, ({ field }) => {
    highest = Math.max(highest, field.id);
  });
  return highest;
}

/** Whether two schemas have the same fields and identifier fields; their ids do not matter. */
export function sameSchema(left: IcebergSchema, right: IcebergSchema): boolean {
  const identifiers = new Set(left.identifierFieldIds);
  return (
    sameFields(left.fields, right.fields) &&
    identifiers.size === new Set(right.identifierFieldIds).size &&
    right.identifierFieldIds.every((id) => identifiers.has(id))
  );
}

/**
 * Checks the rules for a schema that Firn writes into a table: ids unique and not reserved, names
 * unique among siblings, decimals up to 38 digits, types and defaults known to the format version,
 * identifier fields primitive, required at every level, neither float nor double, and not inside a
 * list or map.
 *
 * @throws {FirnError} ICEBERG-SCHEMA-INVALID naming field and rule
 */
export function validateSchema(schema: IcebergSchema, formatVersion: number): void {
  const where = `schema ${schema.schemaId}`;
  const checkId = uniqueIdCheck(where);
  const names = new Set<string>();
  const identifiers = new Set(schema.identifierFieldIds);
  walkFields(schema, (visit) => {
    checkId(visit);
    const { field, path } = visit;
    if (field.id < 0 || field.id > FIELD_ID_MAX) {
      throw invalidSchema(`field "${path}" has the reserved id ${field.id}`, where);
    }
    if (field.name === '') throw invalidSchema(`field "${path}" has no name`, where);
    if (names.has(path)) throw invalidSchema(`there are two fields named "${path}"`, where);
    names.add(path);
    const broken = brokenTypeRule(field, formatVersion);
    if (broken !== null) throw invalidSchema(`field "${path}" ${broken}`, where);
    if (identifiers.delete(field.id)) checkIdentifier(visit, where);
  });
  const [unknown] = identifiers;
  if (unknown !== undefined)
    throw invalidSchema(`identifier field ${unknown} does not exist`, where);
}

interface FieldVisit {
  readonly field: NestedField;
  /** Names from the top, joined by dots. */
  readonly path: string;
  /** Whether a row always has this field's place: every struct around it is required. */
  readonly always: boolean;
}

type FieldVisitor = (visit: FieldVisit) => void;

/** Calls `visitor` for every field, parents before children. */
function walkFields(schema: IcebergSchema, visitor: FieldVisitor): void {
  for (const field of schema.fields) walkField({ field, path: field.name, always: true }, visitor);
}

function walkField(visit: FieldVisit, visitor: FieldVisitor): void {
  visitor(visit);
  const inStruct = visit.field.type.kind === 'struct';
  for (const field of childFields(visit.field.type)) {
    const always = visit.always && inStruct && visit.field.required;
    walkField({ field, path: `${visit.path}.${field.name}`, always }, visitor);
  }
}

function childFields(type: IcebergType): readonly NestedField[] {
  switch (type.kind) {
    case 'struct':
      return type.fields;
    case 'list':
      return [
        { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element },
      ];
    case 'map':
      return [
        { id: type.keyId, name: 'key', required: true, type: type.key },
        { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value },
      ];
    default:
      return [];
  }
}

function uniqueIdCheck(where: string): FieldVisitor {
  const ids = new Set<number>();
  return ({ field, path }) => {
    if (ids.has(field.id)) {
      throw invalidSchema(`field "${path}" repeats the id ${field.id} of another field`, where);
    }
    ids.add(field.id);
  };
}

/** The rule a field's own type breaks, as the end of a sentence, or `null`. */
function brokenTypeRule(field: NestedField, formatVersion: number): string | null {
  const { type } = field;
  if (type.kind === 'decimal') {
    const { precision, scale } = type;
    if (precision < 1 || precision > 38 || scale > precision) {
      return `has the type ${formatType(type)}; precision is 1 to 38 and scale at most precision`;
    }
  }
  if (type.kind === 'fixed' && type.lengthBytes < 1) return 'has a fixed type without bytes';
  if (type.kind === 'unknown' && field.required) return 'is of type unknown and must be optional';
  if (formatVersion >= 3) return null;
  if (type.kind === 'unknown' || type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns') {
    return `has the type ${type.kind}, which needs format version 3`;
  }
  const withDefault = field.initialDefault !== undefined || field.writeDefault !== undefined;
  return withDefault ? 'has a default value, which needs format version 3' : null;
}

function checkIdentifier(visit: FieldVisit, where: string): void {
  const { field, path, always } = visit;
  const allowed =
    isPrimitive(field.type) && field.type.kind !== 'float' && field.type.kind !== 'double';
  if (!allowed) {
    throw invalidSchema(`identifier field "${path}" may not be ${formatType(field.type)}`, where);
  }
  if (!field.required || !always) {
    throw invalidSchema(`identifier field "${path}" must be required at every level`, where);
  }
}

function invalidSchema(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-SCHEMA-INVALID', { what, where });
}

/**
 * Iceberg's types and their JSON form (Iceberg spec, "Schemas and Data Types" and Appendix C).
 * A type that is not listed here is refused by name, so no code further in meets a type it cannot
 * handle. `variant`, `geometry` and `geography` are refused.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import { invalidJson, jsonFields, keptJson } from './json-fields.ts';

/** A type without fields of its own. */
export type PrimitiveType =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int' }
  | { readonly kind: 'long' }
  | { readonly kind: 'float' }
  | { readonly kind: 'double' }
  /** `precision` 1 to 38 digits, `scale` of them after the point. */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'timestamptz' }
  | { readonly kind: 'timestamp_ns' }
  | { readonly kind: 'timestamptz_ns' }
  | { readonly kind: 'string' }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'fixed'; readonly lengthBytes: number }
  | { readonly kind: 'binary' };

/** A tuple of named fields. */
export interface StructType {
  readonly kind: 'struct';
  readonly fields: readonly NestedField[];
}

/** A list; its elements have a field id of their own. */
export interface ListType {
  readonly kind: 'list';
  readonly elementId: number;
  readonly elementRequired: boolean;
  readonly element: IcebergType;
}

/** A map; keys are always required. */
export interface MapType {
  readonly kind: 'map';
  readonly keyId: number;
  readonly key: IcebergType;
  readonly valueId: number;
  readonly valueRequired: boolean;
  readonly value: IcebergType;
}

/** Any type. */
export type IcebergType = PrimitiveType | StructType | ListType | MapType;

/** A field of a struct. The id, never the name, ties it to data files. */
export interface NestedField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: IcebergType;
  readonly doc?: string;
  /** Value of rows older than the field, in JSON single-value form (Appendix D). Format v3. */
  readonly initialDefault?: JsonValue;
  /** Value where a writer gives none, in JSON single-value form (Appendix D). Format v3. */
  readonly writeDefault?: JsonValue;
}

/** A struct or type nested deeper than this is refused: recursion must end. */
const DEPTH_MAX = 100;

/** Whether `type` has no fields of its own. */
export function isPrimitive(type: IcebergType): type is PrimitiveType {
  return type.kind !== 'struct' && type.kind !== 'list' && type.kind !== 'map';
}

/**
 * Reads the fields of a struct from their JSON form.
 *
 * @throws {FirnError} ICEBERG-TYPE-UNSUPPORTED, ICEBERG-JSON-INVALID
 */
export function structFieldsFromJson(
  items: readonly JsonValue[],
  where: string,
): readonly NestedField[] {
  return readFields(items, { where, depth: 0 });
}

/** The JSON form of a type. */
function typeToJson(type: IcebergType): JsonValue {
  switch (type.kind) {
    case 'struct':
      return { type: 'struct', fields: type.fields.map(nestedFieldToJson) };
    case 'list':
      return {
        type: 'list',
        'element-id': type.elementId,
        'element-required': type.elementRequired,
        element: typeToJson(type.element),
      };
    case 'map':
      return {
        type: 'map',
        'key-id': type.keyId,
        key: typeToJson(type.key),
        'value-id': type.valueId,
        'value-required': type.valueRequired,
        value: typeToJson(type.value),
      };
    default:
      return formatPrimitive(type);
  }
}

/** The JSON form of a struct field. */
export function nestedFieldToJson(field: NestedField): JsonObject {
  return {
    id: field.id,
    name: field.name,
    required: field.required,
    type: typeToJson(field.type),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
    ...(field.initialDefault === undefined ? {} : { 'initial-default': field.initialDefault }),
    ...(field.writeDefault === undefined ? {} : { 'write-default': field.writeDefault }),
  };
}

/** Text of a type for messages, for example `list<decimal(9, 2)>`. */
export function formatType(type: IcebergType): string {
  switch (type.kind) {
    case 'struct':
      return `struct<${type.fields.map(formatField).join(', ')}>`;
    case 'list':
      return `list<${formatType(type.element)}>`;
    case 'map':
      return `map<${formatType(type.key)}, ${formatType(type.value)}>`;
    default:
      return formatPrimitive(type);
  }
}

function formatField(field: NestedField): string {
  return `${field.name}: ${formatType(field.type)}`;
}

/** Whether two types are the same, nested ids, names, docs and defaults included. */
export function sameType(left: IcebergType, right: IcebergType): boolean {
  if (left.kind === 'struct') {
    return right.kind === 'struct' && sameFields(left.fields, right.fields);
  }
  if (left.kind === 'list') {
    return (
      right.kind === 'list' &&
      left.elementId === right.elementId &&
      left.elementRequired === right.elementRequired &&
      sameType(left.element, right.element)
    );
  }
  if (left.kind === 'map') {
    return (
      right.kind === 'map' &&
      left.keyId === right.keyId &&
      left.valueId === right.valueId &&
      left.valueRequired === right.valueRequired &&
      sameType(left.key, right.key) &&
      sameType(left.value, right.value)
    );
  }
  return isPrimitive(right) && formatPrimitive(left) === formatPrimitive(right);
}

/** Whether two lists of fields are the same, in the same order. */
export function sameFields(left: readonly NestedField[], right: readonly NestedField[]): boolean {
  return (
    left.length === right.length &&
    left.every((field, index) => {
      const other = right[index];
      return other !== undefined && sameField(field, other);
    })
  );
}

function sameField(left: NestedField, right: NestedField): boolean {
  return (
    left.id === right.id &&
    left.name === right.name &&
    left.required === right.required &&
    left.doc === right.doc &&
    sameJson(left.initialDefault ?? null, right.initialDefault ?? null) &&
    sameJson(left.writeDefault ?? null, right.writeDefault ?? null) &&
    sameType(left.type, right.type)
  );
}

function sameJson(left: JsonValue, right: JsonValue): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false;
  const leftEntries = Object.entries(left);
  const rightValues = new Map<string, JsonValue>(Object.entries(right));
  return (
    leftEntries.length === rightValues.size &&
    leftEntries.every(([key, value]) => {
      const other = rightValues.get(key);
      return other !== undefined && sameJson(value, other);
    })
  );
}

interface Place {
  readonly where: string;
  readonly depth: number;
}

function below(place: Place, step: string): Place {
  if (place.depth >= DEPTH_MAX) {
    throw invalidJson(`types are nested more than ${DEPTH_MAX} deep`, place.where);
  }
  return { where: `${place.where}.${step}`, depth: place.depth + 1 };
}

function readType(json: JsonValue, place: Place): IcebergType {
  if (typeof json === 'string') return parsePrimitive(json, place.where);
  const fields = jsonFields(json, place.where);
  const kind = fields.text('type');
  switch (kind) {
    case 'struct':
      return { kind, fields: readFields(fields.list('fields'), place) };
    case 'list':
      return {
        kind,
        elementId: fields.int('element-id'),
        elementRequired: fields.flag('element-required'),
        element: readType(fields.value('element'), below(place, 'element')),
      };
    case 'map':
      return {
        kind,
        keyId: fields.int('key-id'),
        key: readType(fields.value('key'), below(place, 'key')),
        valueId: fields.int('value-id'),
        valueRequired: fields.flag('value-required'),
        value: readType(fields.value('value'), below(place, 'value')),
      };
    default:
      throw unsupportedType(kind, place.where);
  }
}

function readFields(items: readonly JsonValue[], place: Place): readonly NestedField[] {
  return items.map((item, index) => readField(item, below(place, `fields[${index}]`)));
}

function readField(item: JsonValue, place: Place): NestedField {
  const fields = jsonFields(item, place.where);
  const doc = fields.optionalText('doc');
  const initialDefault = keptJson(fields.value('initial-default'), place.where);
  const writeDefault = keptJson(fields.value('write-default'), place.where);
  return {
    id: fields.int('id'),
    name: fields.text('name'),
    required: fields.flag('required'),
    type: readType(fields.value('type'), place),
    ...(doc === null ? {} : { doc }),
    ...(initialDefault === null ? {} : { initialDefault }),
    ...(writeDefault === null ? {} : { writeDefault }),
  };
}

function formatPrimitive(type: PrimitiveType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`;
    case 'fixed':
      return `fixed[${type.lengthBytes}]`;
    default:
      return type.kind;
  }
}

function parsePrimitive(text: string, where: string): PrimitiveType {
  const decimal = /^decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$/.exec(text);
  if (decimal !== null) {
    return {
      kind: 'decimal',
      precision: Number.parseInt(decimal[1] ?? '', 10),
      scale: Number.parseInt(decimal[2] ?? '', 10),
    };
  }
  const fixed = /^fixed\[\s*(\d{1,9})\s*\]$/.exec(text);
  if (fixed !== null) return { kind: 'fixed', lengthBytes: Number.parseInt(fixed[1] ?? '', 10) };
  switch (text) {
    case 'unknown':
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'string':
    case 'uuid':
    case 'binary':
      return { kind: text };
    default:
      throw unsupportedType(text, where);
  }
}

function unsupportedType(name: string, where: string): FirnError {
  // A type's name is part of a schema, not of a row; it is cut so that a forged one stays readable.
  return new FirnError('ICEBERG-TYPE-UNSUPPORTED', {
    what: `Firn does not know the type ${JSON.stringify(name.slice(0, 60))}`,
    where,
  });
}

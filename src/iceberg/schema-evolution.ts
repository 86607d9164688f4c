/**
 * Changes of a schema that keep every existing data file readable (Iceberg spec, "Schema
 * Evolution"). An id is never given twice: a new field's ids lie above the highest ever used.
 * Everything else is refused.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { findColumn } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { formatType, sameType } from './iceberg-type.ts';
import type { IcebergType, NestedField } from './iceberg-type.ts';

/** What {@link addColumn} needs. */
export interface ColumnAddition {
  readonly name: string;
  /** Ids inside a nested type are placeholders; fresh ones are given. */
  readonly type: IcebergType;
  readonly doc?: string;
  /** The table's `last-column-id`: the highest id ever given. */
  readonly lastColumnId: number;
}

/** A schema with a column more. */
export interface AddedColumn {
  /** Keeps the old schema id; the table update gives the new schema its own. */
  readonly schema: IcebergSchema;
  /** The table's new `last-column-id`. */
  readonly lastColumnId: number;
}

/**
 * Adds an optional column at the end. A required one would need a default value, which readers of
 * format v2 do not know (spec, "Default values").
 *
 * @throws {FirnError} ICEBERG-SCHEMA-CHANGE-REFUSED when the name is taken
 */
export function addColumn(schema: IcebergSchema, addition: ColumnAddition): AddedColumn {
  if (findColumn(schema, addition.name) !== null) {
    throw refused(`column "${addition.name}" is there already`, schema);
  }
  let lastColumnId = addition.lastColumnId;
  const nextId = (): number => ++lastColumnId;
  const field: NestedField = {
    id: nextId(),
    name: addition.name,
    required: false,
    type: withFreshIds(addition.type, nextId),
    ...(addition.doc === undefined ? {} : { doc: addition.doc }),
  };
  return { schema: { ...schema, fields: [...schema.fields, field] }, lastColumnId };
}

/** What {@link widenColumn} needs. */
export interface ColumnWidening {
  readonly name: string;
  readonly type: IcebergType;
}

/**
 * Gives a top-level column a wider type. The schema keeps its id.
 *
 * @throws {FirnError} ICEBERG-SCHEMA-CHANGE-REFUSED unless {@link isWidening} allows it
 */
export function widenColumn(schema: IcebergSchema, widening: ColumnWidening): IcebergSchema {
  const column = findColumn(schema, widening.name);
  if (column === null) throw refused(`there is no column "${widening.name}"`, schema);
  if (!isWidening(column.type, widening.type)) {
    const [from, to] = [formatType(column.type), formatType(widening.type)];
    throw refused(`column "${column.name}" cannot go from ${from} to ${to}`, schema);
  }
  const fields = schema.fields.map((field) =>
    field.id === column.id ? { ...field, type: widening.type } : field,
  );
  return { ...schema, fields };
}

/**
 * Whether files written with type `from` can be read as `to`: equal types, int to long, float to
 * double, decimal with more digits and the same scale. Format v3's date to timestamp is left out:
 * it changes what bucket and date transforms give.
 */
export function isWidening(from: IcebergType, to: IcebergType): boolean {
  switch (from.kind) {
    case 'int':
      return to.kind === 'int' || to.kind === 'long';
    case 'float':
      return to.kind === 'float' || to.kind === 'double';
    case 'decimal':
      return to.kind === 'decimal' && to.scale === from.scale && to.precision >= from.precision;
    default:
      return sameType(from, to);
  }
}

/** Whether a column of 32-bit integers has 64 bits in a later schema of the same table. */
export function widensIntegers(before: IcebergSchema, after: IcebergSchema): boolean {
  const longs = new Set(
    after.fields.filter(({ type }) => type.kind === 'long').map(({ id }) => id),
  );
  return before.fields.some(({ id, type }) => type.kind === 'int' && longs.has(id));
}

/** `type` with every id in it replaced; ids are given level by level, as the Java library does. */
export function withFreshIds(type: IcebergType, nextId: () => number): IcebergType {
  switch (type.kind) {
    case 'struct': {
      const ids = type.fields.map(nextId);
      return {
        kind: 'struct',
        fields: type.fields.map((field, index) => ({
          ...field,
          id: ids[index] ?? nextId(),
          type: withFreshIds(field.type, nextId),
        })),
      };
    }
    case 'list': {
      const elementId = nextId();
      return { ...type, elementId, element: withFreshIds(type.element, nextId) };
    }
    case 'map': {
      const keyId = nextId();
      const valueId = nextId();
      const key = withFreshIds(type.key, nextId);
      return { ...type, keyId, valueId, key, value: withFreshIds(type.value, nextId) };
    }
    default:
      return type;
  }
}

function refused(what: string, schema: IcebergSchema): FirnError {
  return new FirnError('ICEBERG-SCHEMA-CHANGE-REFUSED', {
    what,
    where: `schema ${schema.schemaId}`,
  });
}

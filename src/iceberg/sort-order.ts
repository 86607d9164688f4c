/**
 * The order of rows inside data files (Iceberg spec, "Sorting" and Appendix C). Order id 0 is the
 * unsorted order and has no fields.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import { fieldsById } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { invalidJson, jsonFields } from './json-fields.ts';
import { sourceIdFromJson } from './partition-spec.ts';
import { acceptsType, formatTransform, parseTransform } from './transform.ts';
import type { Transform } from './transform.ts';

/** One key of a sort order. */
export interface SortField {
  readonly sourceId: number;
  readonly transform: Transform;
  readonly direction: 'asc' | 'desc';
  readonly nullOrder: 'nulls-first' | 'nulls-last';
}

/** A sort order of a table. */
export interface SortOrder {
  readonly orderId: number;
  readonly fields: readonly SortField[];
}

/** The order of files that are not sorted. */
export const UNSORTED: SortOrder = { orderId: 0, fields: [] };

/**
 * Reads a sort order from its JSON form.
 *
 * @param where place of the order, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID; ICEBERG-SPEC-INVALID for a transform of several columns
 */
export function sortOrderFromJson(json: JsonValue, where: string): SortOrder {
  const keys = jsonFields(json, where);
  return {
    orderId: keys.int('order-id'),
    fields: keys.list('fields').map((item, index) => {
      return sortFieldFromJson(item, `${where}.fields[${index}]`);
    }),
  };
}

/** The JSON form of a sort order. */
export function sortOrderToJson(order: SortOrder): JsonObject {
  return {
    'order-id': order.orderId,
    fields: order.fields.map((field) => ({
      transform: formatTransform(field.transform),
      'source-id': field.sourceId,
      direction: field.direction,
      'null-order': field.nullOrder,
    })),
  };
}

/** Whether two orders sort alike; their ids do not matter. */
export function sameSortOrder(left: SortOrder, right: SortOrder): boolean {
  return (
    left.fields.length === right.fields.length &&
    left.fields.every((field, index) => {
      const other = right.fields[index];
      return (
        other !== undefined &&
        field.sourceId === other.sourceId &&
        field.direction === other.direction &&
        field.nullOrder === other.nullOrder &&
        formatTransform(field.transform) === formatTransform(other.transform)
      );
    })
  );
}

/**
 * Checks an order that Firn is to write with: id 0 exactly when there are no fields, columns exist
 * and fit their transform.
 *
 * @throws {FirnError} ICEBERG-SPEC-INVALID
 */
export function validateSortOrder(order: SortOrder, schema: IcebergSchema): void {
  const where = `sort order ${order.orderId}`;
  if ((order.orderId === 0) !== (order.fields.length === 0)) {
    throw invalidOrder('id 0 is the unsorted order, and no other order is without fields', where);
  }
  const columns = fieldsById(schema);
  for (const field of order.fields) {
    const source = columns.get(field.sourceId);
    if (source === undefined) {
      throw invalidOrder(`column ${field.sourceId} is not there`, where);
    }
    if (!acceptsType(field.transform, source.type)) {
      const transform = formatTransform(field.transform);
      throw invalidOrder(`${transform} cannot be applied to column "${source.name}"`, where);
    }
  }
}

function sortFieldFromJson(json: JsonValue, where: string): SortField {
  const keys = jsonFields(json, where);
  const direction = keys.text('direction');
  const nullOrder = keys.text('null-order');
  if (direction !== 'asc' && direction !== 'desc') {
    throw invalidJson('key "direction" must be asc or desc', where);
  }
  if (nullOrder !== 'nulls-first' && nullOrder !== 'nulls-last') {
    throw invalidJson('key "null-order" must be nulls-first or nulls-last', where);
  }
  const transform = parseTransform(keys.text('transform'));
  return { sourceId: sourceIdFromJson(keys), transform, direction, nullOrder };
}

function invalidOrder(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-SPEC-INVALID', { what, where });
}

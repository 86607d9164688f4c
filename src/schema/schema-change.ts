/**
 * What a new version of a table's schema asks of its lake tables. Only what old data files survive
 * is done without an operator: new optional columns and wider types.
 */
import { formatType, sameType } from '../iceberg/iceberg-type.ts';
import { findColumn } from '../iceberg/iceberg-schema.ts';
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import { addColumn, isWidening, widenColumn } from '../iceberg/schema-evolution.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { sameColumnType } from '../model/column-type.ts';
import type { Column, TableSchema } from '../model/table-schema.ts';
import { icebergTypeOf } from './iceberg-column.ts';

/** How two versions of a schema differ. */
export type SchemaChange =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'additive';
      readonly added: readonly Column[];
      readonly widened: readonly Column[];
    }
  /** `reason`: one sentence that names the column. */
  | { readonly kind: 'incompatible'; readonly reason: string };

/** Compares two versions of one table's schema by column id. */
export function compareSchemas(before: TableSchema, after: TableSchema): SchemaChange {
  const incompatible = (reason: string): SchemaChange => ({ kind: 'incompatible', reason });
  if (before.keyColumnIds.join() !== after.keyColumnIds.join()) {
    return incompatible('the key has other columns');
  }
  const oldById = new Map(before.columns.map((column) => [column.id, column]));
  const widened: Column[] = [];
  const added: Column[] = [];
  for (const column of after.columns) {
    const old = oldById.get(column.id);
    oldById.delete(column.id);
    if (old === undefined) {
      added.push(column);
    } else if (old.name !== column.name) {
      return incompatible(`column ${old.name} is called ${column.name}`);
    } else if (!sameColumnType(old.type, column.type)) {
      if (!isWidening(old.type, column.type)) {
        const change = `${formatType(old.type)} to ${formatType(column.type)}`;
        return incompatible(`column ${column.name} went from ${change}`);
      }
      widened.push(column);
    }
  }
  const [dropped] = oldById.values();
  if (dropped !== undefined) return incompatible(`column ${dropped.name} is gone`);
  if (added.length === 0 && widened.length === 0) return { kind: 'none' };
  return { kind: 'additive', added, widened };
}

/**
 * A lake table's schema brought up to the source's columns: missing ones are added as optional,
 * narrower ones widened; `null` when it has them all. Columns are matched by name.
 *
 * @throws FirnError ICEBERG-SCHEMA-CHANGE-REFUSED when a column's type cannot be widened;
 *   PIPELINE-TABLE-EDITED when somebody dropped or renamed a column, which Firn never does
 */
export function evolvedSchema(
  lake: {
    readonly schema: IcebergSchema;
    readonly lastColumnId: number;
    /** Every schema that the table ever had. */
    readonly schemas: readonly IcebergSchema[];
  },
  wanted: TableSchema,
): IcebergSchema | null {
  let { schema, lastColumnId } = lake;
  for (const column of wanted.columns) {
    const type = icebergTypeOf(column.type);
    const field = schema.fields.find((candidate) => candidate.name === column.name);
    if (field === undefined) {
      refuseFormerColumn(lake, column.name);
      ({ schema, lastColumnId } = addColumn(schema, { name: column.name, type, lastColumnId }));
    } else if (!sameType(field.type, type) && !isWidening(type, field.type)) {
      schema = widenColumn(schema, { name: column.name, type });
    }
  }
  return schema === lake.schema ? null : schema;
}

/** Added anew under the same name, a column would be NULL in every row that is there. */
function refuseFormerColumn(
  lake: { readonly schema: IcebergSchema; readonly schemas: readonly IcebergSchema[] },
  name: string,
): void {
  const former = lake.schemas.find((schema) => findColumn(schema, name) !== null);
  if (former === undefined) return;
  const id = findColumn(former, name)?.id;
  const now = lake.schema.fields.find((field) => field.id === id);
  const what = now === undefined ? 'was dropped' : `was renamed to ${now.name}`;
  throw new FirnError('PIPELINE-TABLE-EDITED', { what: `column ${name} of a lake table ${what}` });
}

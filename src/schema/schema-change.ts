/**
 * What a new version of a table's schema asks of its lake tables. Only what old data files survive
 * is done without an operator: new optional columns and wider types.
 */
import { formatType } from '../iceberg/iceberg-type.ts';
import { isWidening } from '../iceberg/schema-evolution.ts';
import { sameColumnType } from '../model/column-type.ts';
import type { Column, TableSchema } from '../model/table-schema.ts';

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

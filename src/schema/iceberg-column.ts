/** How column types become Iceberg types: one to one, nothing is converted here. */
import { FirnError } from '../kernel/firn-error.ts';
import type { PrimitiveType } from '../iceberg/iceberg-type.ts';
import type { ColumnType } from '../model/column-type.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';

/** Iceberg's type for a column's type. */
export function icebergTypeOf(type: ColumnType): PrimitiveType {
  return type;
}

/** What every source column's name must not start with: those names are the ledger's own. */
const RESERVED_PREFIX = '_firn_';

/**
 * Refuses schemas that a lake table cannot carry: reserved names and names that are equal.
 *
 * @throws FirnError SOURCE-RESERVED-COLUMN, SOURCE-DUPLICATE-COLUMN
 */
export function assertLakeColumns(schema: TableSchema): void {
  const seen = new Set<string>();
  for (const column of schema.columns) {
    const where = `${formatTableName(schema.table)}.${column.name}`;
    if (column.name.toLowerCase().startsWith(RESERVED_PREFIX)) {
      throw new FirnError('SOURCE-RESERVED-COLUMN', {
        what: `Column names that start with ${RESERVED_PREFIX} are the ledger's own.`,
        where,
        remedy: `Give it another name in the lake: rename: {${column.sourceName}: ...} in the pipeline file.`,
      });
    }
    const folded = column.name.toLowerCase();
    if (seen.has(folded)) {
      throw new FirnError('SOURCE-DUPLICATE-COLUMN', {
        what: 'Two columns have names that differ only in case; most readers see one column.',
        where,
      });
    }
    seen.add(folded);
  }
}

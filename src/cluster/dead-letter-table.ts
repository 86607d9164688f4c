/**
 * The table of changes that were set aside because they cannot be read: where each one stands in
 * its topic, and why. It holds no value of a row; the record stays in Kafka as it came. A job that
 * starts anew may name one place twice: a dead letter is known by topic, partition and offset.
 */
import type { NestedField, PrimitiveType } from '../iceberg/iceberg-type.ts';
import { UNSORTED } from '../iceberg/sort-order.ts';
import type { TableDraft } from '../lake/create-table.ts';
import type { TableIdentifier } from '../ports/catalog.ts';

const COLUMNS: readonly (readonly [
  name: string,
  type: PrimitiveType['kind'],
  required: boolean,
])[] = [
  ['topic', 'string', true],
  ['partition', 'int', true],
  ['offset', 'long', true],
  ['epoch', 'int', true],
  ['seq', 'long', false],
  ['row', 'int', false],
  ['reason', 'string', true],
];

/** Name of the dead letters of a ledger. */
export function deadLetterIdentifier({ namespace, name }: TableIdentifier): TableIdentifier {
  return { namespace, name: `${name}_dead_letters` };
}

/** A new table of dead letters. */
export function deadLetterDraft(pipeline: string, identifier: TableIdentifier): TableDraft {
  // The types named above take no parameters.
  const fields = COLUMNS.map(([name, kind, required], index) => {
    return { id: index + 1, name, required, type: { kind } } as NestedField;
  });
  return {
    identifier,
    schema: { schemaId: 0, fields, identifierFieldIds: [] },
    spec: { specId: 0, fields: [] },
    sortOrder: UNSORTED,
    properties: { 'firn.pipeline': pipeline, 'write.parquet.compression-codec': 'zstd' },
  };
}

/**
 * Ids of partition fields that a client left to the table (Iceberg REST specification, `field-id`
 * of `PartitionField` is optional). A field that some spec of the table has already keeps its id
 * (spec, "Partition Evolution").
 */
import type { PartitionField, PartitionSpec } from '../partition-spec.ts';
import type { TableMetadata } from '../table-metadata.ts';
import { formatTransform } from '../transform.ts';

/** Stands for the id of a field that has none yet. */
export const NO_FIELD_ID = 0;

/** The spec with an id for each of its fields. */
export function withPartitionFieldIds(
  table: Pick<TableMetadata, 'partitionSpecs' | 'lastPartitionId'>,
  spec: PartitionSpec,
): PartitionSpec {
  if (spec.fields.every((field) => field.fieldId !== NO_FIELD_ID)) return spec;
  const given = spec.fields.map((field) => field.fieldId);
  let last = Math.max(table.lastPartitionId, ...given);
  const taken = new Set(given);
  const known = table.partitionSpecs.flatMap((item) => item.fields);
  const fields = spec.fields.map((field) => {
    if (field.fieldId !== NO_FIELD_ID) return field;
    const same = known.find((other) => holdsTheSame(field, other) && !taken.has(other.fieldId));
    const fieldId = same?.fieldId ?? ++last;
    taken.add(fieldId);
    return { ...field, fieldId };
  });
  return { ...spec, fields };
}

function holdsTheSame(left: PartitionField, right: PartitionField): boolean {
  return (
    left.sourceId === right.sourceId &&
    left.name === right.name &&
    formatTransform(left.transform) === formatTransform(right.transform)
  );
}

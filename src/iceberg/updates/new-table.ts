/**
 * Tables that a client makes: by one request with a schema (`CreateTableRequest` of the Iceberg
 * REST specification), or by a commit whose updates build the table from nothing. In the first case
 * the table gives all ids, as the reference implementation does: those of the request only tie the
 * request's own parts together.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import { applyUpdates } from '../apply-updates.ts';
import type { ApplyContext } from '../apply-updates.ts';
import { fieldsById, validateSchema } from '../iceberg-schema.ts';
import type { IcebergSchema } from '../iceberg-schema.ts';
import { validatePartitionSpec } from '../partition-spec.ts';
import type { PartitionSpec } from '../partition-spec.ts';
import { withFreshIds } from '../schema-evolution.ts';
import { UNSORTED, validateSortOrder } from '../sort-order.ts';
import { emptyTableMetadata, newTableMetadata, specById } from '../table-metadata.ts';
import type { NewTable, TableMetadata } from '../table-metadata.ts';
import type { TableUpdate } from '../table-update.ts';

/**
 * A table as a client asks for it: `format-version` among the properties chooses the format, 2 when
 * it is missing.
 */
export type TableRequest = Omit<NewTable, 'formatVersion'>;

const FORMAT_VERSION_PROPERTY = 'format-version';

/** Properties that stand for parts of the metadata and are never stored. */
const reservedProperties = new Set([
  FORMAT_VERSION_PROPERTY,
  'uuid',
  'snapshot-count',
  'current-snapshot-id',
  'current-snapshot-summary',
  'current-snapshot-timestamp-ms',
  'current-schema',
  'default-partition-spec',
  'default-sort-order',
]);

/**
 * The metadata of the table that `request` asks for.
 *
 * @throws {FirnError} ICEBERG-SCHEMA-INVALID, ICEBERG-SPEC-INVALID, ICEBERG-TRANSFORM-UNSUPPORTED,
 *   ICEBERG-FORMAT-UNSUPPORTED
 */
export function tableFromRequest(request: TableRequest): TableMetadata {
  const formatVersion = requestedFormat(request);
  validateSchema(request.schema, formatVersion);
  const { schema, newId } = freshSchema(request.schema);
  const spec: PartitionSpec = {
    specId: 0,
    fields: request.spec.fields.map((field, index) => ({
      ...field,
      sourceId: newId(field.sourceId),
      fieldId: 1000 + index,
    })),
  };
  const fields = request.sortOrder.fields.map((field) => ({
    ...field,
    sourceId: newId(field.sourceId),
  }));
  const sortOrder = fields.length === 0 ? UNSORTED : { orderId: 1, fields };
  validatePartitionSpec(spec, schema);
  validateSortOrder(sortOrder, schema);
  const properties = Object.fromEntries(
    Object.entries(request.properties).filter(([key]) => !reservedProperties.has(key)),
  );
  const { tableUuid, location, nowMs } = request;
  const parts = { tableUuid, location, schema, spec, sortOrder, properties, nowMs };
  return newTableMetadata({ ...parts, formatVersion });
}

function requestedFormat(request: TableRequest): 1 | 2 | 3 {
  const wanted = request.properties[FORMAT_VERSION_PROPERTY] ?? '2';
  if (wanted === '1') return 1;
  if (wanted === '2') return 2;
  if (wanted === '3') return 3;
  throw new FirnError('ICEBERG-FORMAT-UNSUPPORTED', {
    what: `a table of format version ${JSON.stringify(wanted)} was asked for`,
    where: request.location,
  });
}

/** The schema with ids counted from 1, and the new id of every old one. */
function freshSchema(schema: IcebergSchema): {
  readonly schema: IcebergSchema;
  readonly newId: (id: number) => number;
} {
  let last = 0;
  const type = withFreshIds({ kind: 'struct', fields: schema.fields }, () => ++last);
  const fields = type.kind === 'struct' ? type.fields : [];
  const fresh = { schemaId: 0, fields, identifierFieldIds: [] };
  // Both are walked in the same order: only the ids differ.
  const newIds = [...fieldsById(fresh).keys()];
  const byOld = new Map([...fieldsById(schema).keys()].map((id, index) => [id, newIds[index]]));
  // No field has a negative id: what names none is refused by the rules for specs and orders.
  const newId = (id: number): number => byOld.get(id) ?? -1;
  const identifierFieldIds = schema.identifierFieldIds.map(newId);
  return { schema: { ...fresh, identifierFieldIds }, newId };
}

/**
 * The metadata of a table that a commit builds from nothing.
 *
 * @throws {FirnError} as `applyUpdates`; ICEBERG-UPDATE-INVALID when the updates leave a part out
 */
export function tableFromUpdates(
  updates: readonly TableUpdate[],
  context: ApplyContext,
): TableMetadata {
  const format = updates.find((update) => update.kind === 'upgrade-format-version');
  const table = applyUpdates(emptyTableMetadata(format?.formatVersion ?? 2), updates, context);
  const missing =
    (table.tableUuid === '' && 'a uuid') ||
    (table.location === '' && 'a location') ||
    (table.schemas.length === 0 && 'a schema') ||
    (specById(table, table.defaultSpecId) === null && 'a partition spec') ||
    (!table.sortOrders.some((order) => order.orderId === table.defaultSortOrderId) &&
      'a sort order');
  if (missing === false) return table;
  throw new FirnError('ICEBERG-UPDATE-INVALID', {
    what: `the updates that make the table do not give it ${missing}`,
    where: table.location,
  });
}

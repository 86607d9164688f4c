/**
 * Requirements of a commit as a client sends them (Iceberg REST specification,
 * `TableRequirement`). One that is not known is refused: the client relies on it.
 */
import { invalidJson, jsonFields } from '../json-fields.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import type { TableRequirement } from '../table-requirement.ts';

/**
 * Reads one requirement.
 *
 * @param where place of the requirement, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID, also for a requirement that is not known
 */
export function tableRequirementFromJson(json: JsonValue, where: string): TableRequirement {
  const fields = jsonFields(json, where);
  const kind = fields.text('type');
  switch (kind) {
    case 'assert-create':
      return { kind };
    case 'assert-table-uuid':
      return { kind, uuid: fields.text('uuid') };
    case 'assert-ref-snapshot-id':
      return { kind, ref: fields.text('ref'), snapshotId: fields.optionalLong('snapshot-id') };
    case 'assert-last-assigned-field-id':
      return { kind, lastAssignedFieldId: fields.int('last-assigned-field-id') };
    case 'assert-current-schema-id':
      return { kind, currentSchemaId: fields.int('current-schema-id') };
    case 'assert-last-assigned-partition-id':
      return { kind, lastAssignedPartitionId: fields.int('last-assigned-partition-id') };
    case 'assert-default-spec-id':
      return { kind, defaultSpecId: fields.int('default-spec-id') };
    case 'assert-default-sort-order-id':
      return { kind, defaultSortOrderId: fields.int('default-sort-order-id') };
    default:
      throw invalidJson(`requirement ${JSON.stringify(kind)} is not known`, where);
  }
}

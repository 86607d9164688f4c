/**
 * What a commit relies on, in the terms of the Iceberg REST specification (`TableRequirement`).
 * A commit is applied only while every one of its requirements holds. Which one does not is said in
 * the words that the reference implementation begins with: tools match them.
 */
import { unreachable } from '../kernel/assert.ts';
import { findRef } from './snapshot.ts';
import type { TableMetadata } from './table-metadata.ts';

/** One thing that must hold at the moment of the commit. */
export type TableRequirement =
  /** The table is not there yet. */
  | { readonly kind: 'assert-create' }
  | { readonly kind: 'assert-table-uuid'; readonly uuid: string }
  /** The ref points at this snapshot; `null`: the ref is not there. */
  | {
      readonly kind: 'assert-ref-snapshot-id';
      readonly ref: string;
      readonly snapshotId: bigint | null;
    }
  | { readonly kind: 'assert-last-assigned-field-id'; readonly lastAssignedFieldId: number }
  | { readonly kind: 'assert-current-schema-id'; readonly currentSchemaId: number }
  | { readonly kind: 'assert-last-assigned-partition-id'; readonly lastAssignedPartitionId: number }
  | { readonly kind: 'assert-default-spec-id'; readonly defaultSpecId: number }
  | { readonly kind: 'assert-default-sort-order-id'; readonly defaultSortOrderId: number };

/**
 * Checks requirements against a table as it is now; `metadata` is `null` when there is no table.
 * Gives `null` when all hold, else one sentence that says which does not.
 */
export function checkRequirements(
  metadata: TableMetadata | null,
  requirements: readonly TableRequirement[],
): string | null {
  for (const requirement of requirements) {
    const reason = checkRequirement(metadata, requirement);
    if (reason !== null) return reason;
  }
  return null;
}

function checkRequirement(
  metadata: TableMetadata | null,
  requirement: TableRequirement,
): string | null {
  if (requirement.kind === 'assert-create') {
    return metadata === null ? null : 'table already exists';
  }
  if (metadata === null) return 'the table does not exist';
  switch (requirement.kind) {
    case 'assert-table-uuid':
      return requirement.uuid === metadata.tableUuid
        ? null
        : `UUID does not match: expected ${requirement.uuid}, found ${metadata.tableUuid}`;
    case 'assert-ref-snapshot-id': {
      const found = findRef(metadata, requirement.ref)?.snapshotId ?? null;
      return mismatch(`head of ${requirement.ref}`, requirement.snapshotId, found);
    }
    case 'assert-last-assigned-field-id':
      return mismatch(
        'last assigned field id',
        requirement.lastAssignedFieldId,
        metadata.lastColumnId,
      );
    case 'assert-current-schema-id':
      return mismatch('current schema', requirement.currentSchemaId, metadata.currentSchemaId);
    case 'assert-last-assigned-partition-id':
      return mismatch(
        'last assigned partition id',
        requirement.lastAssignedPartitionId,
        metadata.lastPartitionId,
      );
    case 'assert-default-spec-id':
      return mismatch('default partition spec', requirement.defaultSpecId, metadata.defaultSpecId);
    case 'assert-default-sort-order-id':
      return mismatch(
        'default sort order',
        requirement.defaultSortOrderId,
        metadata.defaultSortOrderId,
      );
    default:
      return unreachable(requirement);
  }
}

function mismatch(
  name: string,
  expected: number | bigint | null,
  found: number | bigint | null,
): string | null {
  if (expected === found) return null;
  return `${name} changed: expected ${expected ?? 'none'}, found ${found ?? 'none'}`;
}

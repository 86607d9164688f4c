/**
 * What the statements of a merge are about: two tables of the lake and their columns by name. Made
 * from the tables as they are when Firn sends statements, and from a plan when it shows them.
 */
import { assert } from '../../kernel/assert.ts';
import type { TableDraft } from '../../lake/create-table.ts';
import type { TableIdentifier } from '../../ports/catalog.ts';
import type { Bucketing } from '../../ports/row-engine.ts';
import type { ClusterPlan, ClusterTable } from '../cluster-plan.ts';
import { sparkName, sparkPath } from './spark-text.ts';

/** A ledger, its base, and what ties them together. */
export interface MergeSubject {
  /** Name of the lake's catalog at Spark. */
  readonly catalogName: string;
  readonly ledger: TableIdentifier;
  readonly base: TableIdentifier;
  /** The source's columns by their names in the lake. */
  readonly columns: readonly string[];
  /** Those of them that are the key, in the order in which the base is sorted. */
  readonly keys: readonly string[];
  /** Columns that the base has and the source has no more: NULL in every row that is written. */
  readonly formerColumns: readonly string[];
  /** How the base's rows are spread. */
  readonly bucketing: Bucketing;
}

/** The subject of a planned table, which must have a base. */
export function subjectOf({ catalogName }: ClusterPlan, table: ClusterTable): MergeSubject {
  const { base, ledger, columns } = table;
  assert(base !== null, 'only a table with a base is merged');
  const [field] = base.spec.fields;
  assert(field?.transform.kind === 'bucket', 'a base is partitioned by a bucket');
  return {
    catalogName,
    ledger: ledger.identifier,
    base: base.identifier,
    columns: columns.map((carried) => carried.column.name),
    keys: base.sortOrder.fields.map(({ sourceId }) => nameOf(base, sourceId)),
    formerColumns: [],
    bucketing: { columnName: nameOf(base, field.sourceId), count: field.transform.count },
  };
}

function nameOf({ schema }: TableDraft, fieldId: number): string {
  const field = schema.fields.find(({ id }) => id === fieldId);
  assert(field !== undefined, 'a base is spread and sorted by columns that it has');
  return field.name;
}

/** The ledger as it was at a snapshot. */
export function ledgerAt(subject: MergeSubject, snapshot: bigint | string): string {
  const { namespace, name } = subject.ledger;
  return `${sparkPath(subject.catalogName, namespace, name)} VERSION AS OF ${snapshot}`;
}

/** A branch of the base. */
export function branchOf(subject: MergeSubject, branch: string): string {
  const { namespace, name } = subject.base;
  return sparkPath(subject.catalogName, namespace, name, `branch_${branch}`);
}

/** The bucket of a row of `relation`, by the same function that partitions the base. */
export function bucketOf(
  { catalogName, bucketing }: MergeSubject,
  relation: string | null,
): string {
  const { columnName, count } = bucketing;
  const column = `${relation === null ? '' : `${relation}.`}${sparkName(columnName)}`;
  return `${sparkName(catalogName)}.system.bucket(${count}, ${column})`;
}

/** Columns in backticks, after `relation` if there is one. */
export function columnList(names: readonly string[], relation: string | null = null): string {
  const before = relation === null ? '' : `${relation}.`;
  return names.map((name) => `${before}${sparkName(name)}`).join(', ');
}

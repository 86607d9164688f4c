/** A captured table as the rest of Firn sees it: columns in the table's order with their lake types. */
import type { SourceTable } from '../../model/source-event.ts';
import type { CapturePlan } from './capture-plan.ts';
import { carriageOf, carriedType } from './column-affinity.ts';
import type { Carriage } from './column-affinity.ts';
import type { TableChoice } from './table-choice.ts';

/** What a plan captures, in the words of the source contract. */
export function sourceTableOf(
  plan: CapturePlan,
  choice: TableChoice,
  context: { readonly namespace: string; readonly rowsEstimate: bigint | null },
): SourceTable {
  const columns = plan.tableColumns.flatMap((name) =>
    plan.image
      .filter((column) => column.name === name)
      .map(({ declared }) => ({
        sourceName: name,
        type: carriedType(carriageOf(declared, choice.onMisfit(name))),
        sourceType: declared === '' ? 'untyped' : declared,
      })),
  );
  return {
    table: { namespace: context.namespace, table: plan.table },
    columns,
    keyColumns: plan.key,
    ledgerOnlyReason: plan.ledgerOnlyReason,
    rowsEstimate: context.rowsEstimate,
  };
}

/** How each column of an image travels. */
export function imageCarriages(plan: CapturePlan, choice: TableChoice): readonly Carriage[] {
  return plan.image.map(({ name, declared }) => carriageOf(declared, choice.onMisfit(name)));
}

/** First captured column whose name in the lake is one that Firn keeps for itself, or `null`. */
export function reservedColumn(plan: CapturePlan, choice: TableChoice): string | null {
  const reserved = plan.image.find(({ name }) => /^_firn_/i.test(choice.lakeName(name)));
  return reserved?.name ?? null;
}

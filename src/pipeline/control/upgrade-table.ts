/** Raising the format version of a table's base, between two merges. */
import { readersWithoutVectors } from '../../base/base-format.ts';
import { upgradeBase } from '../../base/upgrade-base.ts';
import type { UpgradeReport } from '../../base/upgrade-base.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { CapturedTable } from '../captured-table.ts';
import { mergeParts } from '../base-work.ts';
import { loadTable } from '../merge-runner.ts';
import { findView } from '../view/lake-view.ts';
import type { TableView } from '../view/lake-view.ts';
import type { PipelineParts } from '../pipeline-parts.ts';

/** An upgrade whose base was moved meanwhile is planned again this often. */
const PLANS_MAX = 5;

/** What an upgrade did to a table. */
export type TableUpgrade = UpgradeReport;

/** What an upgrade would do. */
export interface UpgradePlan {
  readonly tables: readonly { readonly table: string; readonly formatVersion: 1 | 2 | 3 }[];
  /** Declared readers that may be versions which read no deletion vectors. */
  readonly readersLeft: readonly string[];
}

/**
 * What would become of tables by name.
 *
 * @throws FirnError PIPELINE-UNKNOWN-TABLE, PIPELINE-REQUEST-FAILED for one without a base
 */
export function upgradePlan(
  views: readonly TableView[],
  names: readonly string[],
  readers: readonly string[],
): UpgradePlan {
  const tables = names.map((name) => {
    const { name: table, base } = findView(views, name);
    if (base === null) throw ledgerOnly(table);
    return { table, formatVersion: base.metadata.formatVersion };
  });
  return { tables, readersLeft: readersWithoutVectors(readers) };
}

/**
 * Upgrades a table's base to format version 3; one that has it already is left as it is.
 *
 * @throws FirnError PIPELINE-REQUEST-FAILED without a base, and what an upgrade throws
 */
export async function upgradeTable(
  parts: PipelineParts,
  table: CapturedTable,
): Promise<TableUpgrade> {
  const { base } = table;
  if (base === null) throw ledgerOnly(table.name);
  return parts.lake.queues.job(base.tableUuid, async () => {
    for (let plan = 1; ; plan++) {
      try {
        const now = await loadTable(parts, base.identifier, base.tableUuid);
        return await upgradeBase(mergeParts(parts), now);
      } catch (error) {
        if (!isFirnError(error, 'MERGE-BASE-MOVED') || plan >= PLANS_MAX) throw error;
      }
    }
  });
}

function ledgerOnly(table: string): FirnError {
  return new FirnError('PIPELINE-REQUEST-FAILED', {
    what: 'The table is ledger only: it has no base to upgrade.',
    where: table,
  });
}

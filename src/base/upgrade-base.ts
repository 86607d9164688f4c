/**
 * A base of format version 2 becomes one of version 3 (docs/spec/merge.md M23). Its position
 * deletes become deletion vectors in the very commit that raises the version: at no moment does a
 * reader need both, a crash leaves the table as it was or upgraded, and no row is written again.
 * The first snapshot of version 3 gives every row that is there its id.
 */
import { MAIN_BRANCH } from '../iceberg/snapshot.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { scanFiles } from '../lake/scan-files.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { baseStateOf, mainCommit, writeTarget } from './base-table.ts';
import type { MergeParts } from './merge-base.ts';

/** What an upgrade did. */
export interface UpgradeReport {
  readonly from: 2 | 3;
  /** Deletion vectors that were written. */
  readonly vectors: number;
  /** Position-delete files that went. */
  readonly deleteFiles: number;
}

/**
 * Raises the format version; a base that has version 3 is left as it is. Runs as a job on the base.
 *
 * @throws FirnError MERGE-BASE-MOVED, ICEBERG-FORMAT-UNSUPPORTED for version 1, and what a commit
 *   throws
 */
export async function upgradeBase(parts: MergeParts, base: LoadedTable): Promise<UpgradeReport> {
  const { metadata } = base;
  const target = writeTarget(metadata);
  if (target.formatVersion === 3) return { from: 3, vectors: 0, deleteFiles: 0 };
  const state = baseStateOf(base);
  if (state === null) return upgradeEmpty(parts, base);
  const { added, removed } = await parts.engine.convertDeletes({
    files: await scanFiles(parts.context, { metadata, ref: MAIN_BRANCH }),
    target,
  });
  const change = { operation: 'replace', added, removed, state, formatVersion: 3 } as const;
  const result = await parts.commit(mainCommit(base, change));
  if (result.kind === 'halted') throw result.error;
  if (result.kind === 'replan') throw moved(base);
  return { from: 2, vectors: added.length, deleteFiles: removed.length };
}

/**
 * A base that was never published has no snapshot to carry state: its format changes alone, between
 * two commits of a copy that may be on its way (docs/spec/commit.md C1).
 */
async function upgradeEmpty(
  { context }: Pick<MergeParts, 'context'>,
  base: LoadedTable,
): Promise<UpgradeReport> {
  const { identifier, metadata } = base;
  const uuid = metadata.tableUuid;
  const outcome = await context.queues.turn([uuid], () =>
    context.catalog.commit([
      {
        identifier,
        requirements: [{ kind: 'assert-table-uuid', uuid }],
        updates: [{ kind: 'upgrade-format-version', formatVersion: 3 }],
      },
    ]),
  );
  // A conflict and an unknown outcome are settled by looking again, which the next try does.
  if (outcome.kind !== 'committed') throw moved(base);
  return { from: 2, vectors: 0, deleteFiles: 0 };
}

function moved({ identifier }: LoadedTable): FirnError {
  return new FirnError('MERGE-BASE-MOVED', {
    what: 'The base changed while its format was raised.',
    where: `${identifier.namespace}.${identifier.name}`,
  });
}

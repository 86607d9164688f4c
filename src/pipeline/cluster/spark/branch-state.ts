/** Firn's own word on a branch that Spark wrote: the state that goes with what is there now. */
import { headOf } from '../../../base/base-table.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { CommitRequest, CommitResult } from '../../../lake/commit-request.ts';
import type { BaseState } from '../../../lake/table-state.ts';
import type { LoadedTable } from '../../../ports/catalog.ts';

/**
 * Commits a state on the head of a branch, without files but for those that go; gives the snapshot.
 *
 * @throws FirnError MERGE-BASE-MOVED, and what a commit throws
 */
export async function commitState(
  parts: { readonly commit: (request: CommitRequest) => Promise<CommitResult> },
  work: {
    readonly written: LoadedTable;
    readonly name: string;
    readonly state: BaseState;
    readonly removed?: readonly DataFile[];
  },
): Promise<bigint> {
  const { written, name, state, removed = [] } = work;
  const result = await parts.commit({
    identifier: written.identifier,
    tableUuid: written.metadata.tableUuid,
    ref: name,
    parentId: present(headOf(written.metadata, name), 'the head of a branch'),
    operation: removed.length > 0 ? 'replace' : 'append',
    added: [],
    removed,
    dataSequenceNumber: null,
    state,
    parentless: false,
    schema: null,
    rebase: 'never',
  });
  if (result.kind === 'committed') return result.snapshotId;
  if (result.kind === 'halted') throw result.error;
  throw new FirnError('MERGE-BASE-MOVED', {
    what: `The branch ${name} moved while Firn committed to it.`,
    where: `${written.identifier.namespace}.${written.identifier.name}`,
  });
}

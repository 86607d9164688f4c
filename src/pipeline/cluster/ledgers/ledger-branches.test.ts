/** A branch for all tables of a job: a table that cannot have one is named, the others go on. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  headId,
  ledgerState,
  reload,
  testFile,
  testLake,
  testTable,
} from '../../../../test/support/lake-fixture.ts';
import { present } from '../../../kernel/assert.ts';
import { commitTables } from '../../../lake/commit-table.ts';
import { prepareSnapshot } from '../../../lake/snapshot-producer.ts';
import type { LakeContext } from '../../../lake/lake-context.ts';
import { ledgerTable } from '../../../ledger/ledger-table.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { refSnapshot } from '../../../iceberg/snapshot.ts';
import { openStateFolder } from '../../state/state-folder.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import { openBranch } from './ledger-branches.ts';

async function ledgerOf(context: LakeContext, name: string): Promise<LedgerTable> {
  const empty = await testTable(context, name);
  const state = ledgerState(1n);
  const added = [await testFile(context, empty)];
  equal((await commitTables(context, [appendTo(empty, added, { state })]))[0]?.kind, 'committed');
  const schema = { table: { namespace: 'app', table: name }, version: 1, columns: [] };
  const table = await reload(context, empty);
  return ledgerTable({ ...schema, keyColumnIds: [] }, table, state);
}

/** Rows of an engine that knows nothing of Firn, on main. */
async function appendForeign(context: LakeContext, { identifier }: LedgerTable): Promise<void> {
  const table = present(await context.catalog.loadTable(identifier), 'a table');
  const { metadata } = table;
  const { updates, requirements } = await prepareSnapshot(context, {
    metadata,
    ref: 'main',
    parent: refSnapshot(metadata, 'main'),
    operation: 'append',
    added: [await testFile(context, table)],
    removed: [],
    dataSequenceNumber: null,
    summary: { 'engine-name': 'somebody' },
  });
  const outcome = await context.catalog.commit([{ identifier, updates, requirements }]);
  equal(outcome.kind, 'committed');
}

test('spec: E18 — a table that somebody else has written to is refused by name', async () => {
  const { context } = testLake();
  const { store, clock, random, pipeline } = context;
  const state = openStateFolder(store, pipeline);
  const parts = { lake: context, state, clock, random } as unknown as PipelineParts;
  const ledgers = [await ledgerOf(context, 'orders'), await ledgerOf(context, 'items')];
  const offsets = new Map([['id', [0n]]]);
  const opening = ledgers.map((table) => ({ table, offsets }));
  const first = await openBranch(parts, opening);
  equal(first.kind, 'opened');
  const { branch, tables } = first.kind === 'opened' ? first : { branch: '', tables: [] };
  deepEqual(
    tables.map(({ metadata }) => branch in metadata.refs),
    [true, true],
  );
  await appendForeign(context, present(ledgers[1], 'a ledger'));
  const again = await openBranch(
    parts,
    tables.map((table) => ({ table, offsets })),
  );
  const refusals = again.kind === 'refused' ? [...again.refusals] : [];
  deepEqual(
    refusals.map(([at, { code }]) => `${at} ${code}`),
    ['1 LEDGER-FOREIGN-CHANGE'],
  );
  // What the other one was given is on main, and on no job's list.
  const other = present(
    await context.catalog.loadTable({ namespace: 'app', name: 'orders' }),
    'it',
  );
  equal(headId(other) === tables[0]?.headId, false);
});

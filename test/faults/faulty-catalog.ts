/** A catalog whose operations a fault plan counts and disturbs. */
import { present } from '../../src/kernel/assert.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import type { Catalog, CommitOutcome } from '../../src/ports/catalog.ts';
import type { FaultPlan } from './fault-plan.ts';

function unanswered(): never {
  throw new FirnError('CATALOG-IO', { what: 'simulated: no answer' });
}

function createUnanswered(): never {
  throw new FirnError('CATALOG-CREATE-UNKNOWN', { what: 'simulated: no answer' });
}

/**
 * `catalog` under `plan`. An unanswered commit is `unknown`, an unanswered creation throws
 * CATALOG-CREATE-UNKNOWN, any other operation CATALOG-IO. `close` is no operation.
 *
 * @param late does what comes too late, when `catalog` stands on a store that may be dead by then
 */
export function faultyCatalog(catalog: Catalog, plan: FaultPlan, late: Catalog = catalog): Catalog {
  const run = <T>(name: string, effect: boolean, act: () => Promise<T>): Promise<T> =>
    plan.run({ name: `catalog.${name}`, effect, act, unanswered });
  return {
    name: catalog.name,
    commitsAtomically: catalog.commitsAtomically,
    catalogId: () => run('catalogId', false, () => catalog.catalogId()),
    ensureNamespace: (namespace) =>
      run('ensureNamespace', true, () => catalog.ensureNamespace(namespace)),
    listNamespaces: () => run('listNamespaces', false, () => catalog.listNamespaces()),
    listTables: (namespace) => run('listTables', false, () => catalog.listTables(namespace)),
    loadTable: (identifier) => run('loadTable', false, () => catalog.loadTable(identifier)),
    createTable: (identifier, metadata) =>
      plan.run({
        name: 'catalog.createTable',
        effect: true,
        act: () => catalog.createTable(identifier, metadata),
        actLate: () => late.createTable(identifier, metadata),
        unanswered: createUnanswered,
      }),
    commit: (commits) =>
      plan.run<CommitOutcome>({
        name: 'catalog.commit',
        effect: true,
        act: () => catalog.commit(commits),
        actLate: () => late.commit(commits),
        unanswered: () => ({ kind: 'unknown', cause: new Error('simulated: no answer') }),
        conflict: () => {
          const { identifier } = present(commits[0], 'the first table of a commit');
          return { kind: 'conflict', identifier, reason: 'simulated' };
        },
      }),
    dropTable: (identifier) => run('dropTable', true, () => catalog.dropTable(identifier)),
    close: () => catalog.close(),
  };
}

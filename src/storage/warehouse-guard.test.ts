/** One warehouse, one catalog. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { listedNames, rejectsWith } from '../../test/conformance/object-store.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { systemRandom as random } from '../kernel/random.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { createMemoryCatalog } from './memory-catalog.ts';
import { createMemoryObjectStore } from './memory-object-store.ts';
import { guardWarehouse } from './warehouse-guard.ts';

function catalogOver(store: ObjectStore): Catalog {
  return createMemoryCatalog({ name: 'firn', store, clock, random });
}

test('a warehouse belongs to the catalog that marked it, for good (spec: P4)', async () => {
  const store = createMemoryObjectStore('memory://lake');
  const [first, second] = [catalogOver(store), catalogOver(store)];
  await guardWarehouse(store, first);
  await guardWarehouse(store, first);
  await rejectsWith('CATALOG-OTHER-WAREHOUSE', () => guardWarehouse(store, second));
  await guardWarehouse(store, first);
  equal((await listedNames(store, store.root)).join(), 'memory://lake/_firn/catalog-id');
});

test('of several catalogs that mark a warehouse at once one succeeds', async () => {
  const store = createMemoryObjectStore('memory://lake');
  const blind: ObjectStore = { ...store, readIfPresent: () => Promise.resolve(null) };
  const answers = await Promise.allSettled(
    [1, 2, 3].map(() => guardWarehouse(blind, catalogOver(store))),
  );
  equal(answers.filter(({ status }) => status === 'fulfilled').length, 1);
});

/** The in-memory catalog obeys the contract of catalogs. */
import { catalogConformance } from '../../test/conformance/catalog.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { systemRandom as random } from '../kernel/random.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { createMemoryCatalog, createMemoryPointers } from './memory-catalog.ts';
import { createMemoryObjectStore } from './memory-object-store.ts';

catalogConformance('memory', () => {
  const store = createMemoryObjectStore('memory://lake');
  const pointers = createMemoryPointers('0193f0a0-0000-7000-8000-000000000000');
  const connect = (view: ObjectStore): Catalog =>
    createMemoryCatalog({ name: 'firn', store: view, clock, random, pointers });
  return Promise.resolve({
    catalog: connect(store),
    store,
    connect: (view: ObjectStore) => Promise.resolve(connect(view)),
    close: () => Promise.resolve(),
  });
});

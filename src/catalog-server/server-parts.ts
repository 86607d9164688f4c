/** What the handlers of the REST catalog work with. */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TableQueues } from '../lake/table-queues.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';

/** Catalog, store and the world of one server. */
export interface ServerParts {
  readonly catalog: ServedCatalog;
  readonly store: ObjectStore;
  /** Requests that change a table follow one another, by the table's name: none loses a race. */
  readonly queues: TableQueues;
  /** What clients are told about reaching the files of tables; no secrets. */
  readonly clientConfig: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: Random;
}

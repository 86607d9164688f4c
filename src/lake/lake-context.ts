/** What every operation on the lake's tables needs from outside, handed in once. */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { TableQueues } from './table-queues.ts';

/** Storage, catalog, time and randomness of one process, and who it is. */
export interface LakeContext {
  readonly store: ObjectStore;
  /** What every new table gets beside its own properties. */
  readonly tableProperties?: Readonly<Record<string, string>>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of the pipeline: `firn.pipeline`. */
  readonly pipeline: string;
  /**
   * Changes of bases by other engines that are not provably harmless; left out: `halt`
   * (`base.foreignChanges` of the pipeline file).
   */
  readonly foreignChanges?: 'halt' | 'accept';
  /** Random id of this process: `firn.writer`. */
  readonly writer: string;
  /** The one set of queues of this process: two sets would let it race itself. */
  readonly queues: TableQueues;
}

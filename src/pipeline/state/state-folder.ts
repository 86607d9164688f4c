/**
 * The pipeline's state outside its tables, under `_firn/<pipeline>/` in the warehouse. Each object
 * is small and replaced whole. The tables are the truth: everything here but the schema registry
 * and the halts can be lost at the cost of time.
 */
import type { ObjectStore } from '../../ports/object-store.ts';

/** Objects of a state folder. */
export type StateName =
  | 'schemas.json'
  | 'floor.json'
  | 'halts.json'
  | 'status.json'
  | 'branches.json'
  | 'cluster.json'
  | 'carried.json'
  | 'proofs.json';

/** Reads and writes the state of one pipeline. */
export interface StateFolder {
  locationOf(name: StateName): string;
  read(name: StateName): Promise<string | null>;
  write(name: StateName, text: string): Promise<void>;
  remove(name: StateName): Promise<void>;
}

/** Largest state object: a registry of thousands of tables stays far below. */
const STATE_BYTES_MAX = 64 * 1024 * 1024;

/** The state folder of `pipeline` in a warehouse. */
export function openStateFolder(store: ObjectStore, pipeline: string): StateFolder {
  const locationOf = (name: StateName): string => `${store.root}/_firn/${pipeline}/${name}`;
  return {
    locationOf,
    async read(name) {
      const content = await store.readIfPresent(locationOf(name), STATE_BYTES_MAX);
      return content === null ? null : new TextDecoder().decode(content);
    },
    async write(name, text) {
      await store.write(locationOf(name), new TextEncoder().encode(text));
    },
    async remove(name) {
      await store.remove(locationOf(name));
    },
  };
}

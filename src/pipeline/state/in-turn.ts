/** Changes of one thing, one after the other: who reads it to change it must not be overtaken. */

/** Runs work on a thing when what was begun on it before has ended. */
export type InTurn<K extends WeakKey> = <T>(about: K, work: () => Promise<T>) => Promise<T>;

/** Turns of this process; things are told apart by identity. */
export function createTurns<K extends WeakKey>(): InTurn<K> {
  const last = new WeakMap<K, Promise<unknown>>();
  return (about, work) => {
    // Work that failed is told to whoever asked for it.
    const turn = (last.get(about) ?? Promise.resolve()).then(work, work);
    last.set(about, turn);
    return turn;
  };
}

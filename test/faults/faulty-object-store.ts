/** An object store whose operations a fault plan counts and disturbs. */
import { FirnError } from '../../src/kernel/firn-error.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { FaultPlan } from './fault-plan.ts';

function unanswered(): never {
  throw new FirnError('STORAGE-IO', { what: 'simulated: no answer' });
}

/** `store` under `plan`; an unanswered operation throws STORAGE-IO. */
export function faultyObjectStore(store: ObjectStore, plan: FaultPlan): ObjectStore {
  const run = <T>(name: string, effect: boolean, act: () => Promise<T>): Promise<T> =>
    plan.run({ name: `store.${name}`, effect, act, unanswered });
  return {
    root: store.root,
    read: (...parameters) => run('read', false, () => store.read(...parameters)),
    readIfPresent: (...parameters) =>
      run('readIfPresent', false, () => store.readIfPresent(...parameters)),
    write: (...parameters) => run('write', true, () => store.write(...parameters)),
    upload: (...parameters) => run('upload', true, () => store.upload(...parameters)),
    materialise: (location) => run('materialise', false, () => store.materialise(location)),
    async *list(folder) {
      await run('list', false, () => Promise.resolve());
      for await (const object of store.list(folder)) {
        plan.checkAlive();
        yield object;
      }
    },
    remove: (location) => run('remove', true, () => store.remove(location)),
  };
}

/**
 * A source that a dead process reads no more, and whose changes by the pipeline can be disturbed.
 */
import { FirnError } from '../../src/kernel/firn-error.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import type { FaultPlan } from './fault-plan.ts';

function unanswered(): never {
  throw new FirnError('SOURCE-BUSY', { what: 'simulated: no answer' });
}

/**
 * `source` under `plan`: what changes the source is an operation, what reads only must be alive.
 */
export function faultySource(source: ChangeSource, plan: FaultPlan): ChangeSource {
  const change = (name: string, act: () => Promise<void>): Promise<void> =>
    plan.run({ name: `source.${name}`, effect: true, act, unanswered });
  const alive = async <T>(read: () => Promise<T>): Promise<T> => {
    plan.checkAlive();
    return read();
  };
  async function* living<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    plan.checkAlive();
    for await (const item of items) {
      plan.checkAlive();
      yield item;
      plan.checkAlive();
    }
  }
  return {
    kind: source.kind,
    delivery: source.delivery,
    keepsLog: source.keepsLog,
    discover: () => alive(() => source.discover()),
    check: () => alive(() => source.check()),
    identify: () => alive(() => source.identify()),
    prepare: (tables) => change('prepare', () => source.prepare(tables)),
    lowMark: (epoch) => alive(() => source.lowMark(epoch)),
    highMark: (epoch) => alive(() => source.highMark(epoch)),
    bootstrap: (request) => living(source.bootstrap(request)),
    border: (request) => alive(() => source.border(request)),
    readAll: (request) => alive(() => source.readAll(request)),
    readKeys: (request) => alive(() => source.readKeys(request)),
    stream: (request) => living(source.stream(request)),
    acknowledge: (position) => change('acknowledge', () => source.acknowledge(position)),
    oldest: (left, right) => source.oldest(left, right),
    newest: (left, right) => source.newest(left, right),
    verifyPosition: (position) => alive(() => source.verifyPosition(position)),
    lag: (position) => alive(() => source.lag(position)),
    uninstallPlan: () => alive(() => source.uninstallPlan()),
    uninstall: () => change('uninstall', () => source.uninstall()),
    close: () => source.close(),
  };
}

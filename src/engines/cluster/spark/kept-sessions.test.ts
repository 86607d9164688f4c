/** Which sessions of Spark are used again, and what the next piece of work finds set in them. */
import { deepEqual, equal, notEqual, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { hurriedClock } from '../../../../test/support/hurried-clock.ts';
import { startGrpc } from '../../../../test/support/stub-grpc.ts';
import type { StubCall, StubReply } from '../../../../test/support/stub-grpc.ts';
import { present } from '../../../kernel/assert.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import { seededRandom } from '../../../kernel/random.ts';
import { KeptSessions } from './kept-sessions.ts';
import type { LeasedSession } from './kept-sessions.ts';
import { decodeMessage, encodeMessage, messageField, textField } from './protobuf.ts';
import { SparkSession } from './spark-session.ts';

const DONE: StubReply = { messages: [encodeMessage([[14, []]])], end: { status: 0 } };
const FAILED: StubReply = { end: { status: 13, detail: '[PARSE_SYNTAX_ERROR]' } };
const OTHER: StubReply = { end: { status: 13, detail: '[INVALID_HANDLE.SESSION_CHANGED]' } };

function isStatement(method: string): boolean {
  return method === 'ExecutePlan' || method === 'ReattachExecute';
}

/** A server that can be told how it answers from now on, and the sessions kept for it. */
class KeptWorld {
  /** By method; left out: done. */
  replies: Readonly<Record<string, StubReply>> = {};
  /** The method whose next call is cut. */
  cutOnce: string | null = null;
  readonly kept = new KeptSessions();
  readonly #random = seededRandom(7);
  #calls: readonly StubCall[] = [];
  #address = '';

  static async open(t: TestContext): Promise<KeptWorld> {
    const world = new KeptWorld();
    const server = await startGrpc(({ method }) => {
      const empty = { messages: [encodeMessage([[15, 'server-1']])], end: { status: 0 } };
      if (method === world.cutOnce) {
        world.cutOnce = null;
        return { end: 'cut' };
      }
      return world.replies[method] ?? (isStatement(method) ? DONE : empty);
    });
    world.#calls = server.calls;
    world.#address = server.address;
    t.after(async () => {
      await world.kept.close();
      await server.close();
    });
    return world;
  }

  async lease(keys: readonly string[] = ['a'], name = 'one'): Promise<LeasedSession> {
    const leased = this.kept.lease(name, () => {
      const clock = hurriedClock(50);
      const server = { address: this.#address, isSecure: false, authority: null, token: null };
      return new SparkSession({ ...server, clock, random: this.#random });
    });
    await leased.configure(keys.map((key) => [key, 'value'] as const));
    return leased;
  }

  /** Ids of the sessions in the calls of a method. */
  sessions(method: string): readonly string[] {
    const calls = this.#calls.filter((call) => call.method === method);
    return calls.map(({ message }) => textField(present(decodeMessage(message), 'fields'), 1));
  }

  /** What the calls that set or took away keys did, in order. */
  get changes(): readonly string[] {
    return this.#calls.flatMap(({ method, message }) => {
      if (method !== 'Config') return [];
      const change = messageField(present(decodeMessage(message), 'fields'), 3);
      const unset = change === null ? null : messageField(change, 6);
      return unset === null ? 'set' : `unset ${textField(unset, 1)}`;
    });
  }
}

test('a session in order is used again, with the keys of the new work and no others', async (t) => {
  const world = await KeptWorld.open(t);
  const first = await world.lease(['stable', 'of the first']);
  await first.execute('MERGE');
  await first.close();
  const second = await world.lease(['stable', 'of the second']);
  await second.execute('MERGE');
  const [one, two] = world.sessions('ExecutePlan');
  equal(two, one);
  deepEqual(world.changes, ['set', 'unset of the first', 'set']);
  // One that is in use is nobody else's.
  const beside = await world.lease();
  await beside.execute('MERGE');
  notEqual(world.sessions('ExecutePlan')[2], one);
  await beside.close();
  await second.close();
  deepEqual(world.sessions('ReleaseSession'), []);
});

test('a session with a statement that failed, or still runs, is ended', async (t) => {
  const world = await KeptWorld.open(t);
  const failing = await world.lease();
  world.replies = { ExecutePlan: FAILED };
  await rejects(failing.execute('x'), (error) => isFirnError(error, 'CLUSTER-STATEMENT'));
  await failing.close();
  world.replies = {};
  const running = await world.lease();
  const statement = running.execute('MERGE');
  await running.close();
  await Promise.allSettled([statement]);
  const next = await world.lease();
  await next.execute('MERGE');
  await next.close();
  const [failed, unanswered] = world.sessions('ReleaseSession');
  equal(new Set([failed, unanswered, world.sessions('ExecutePlan').at(-1)]).size, 3);
});

test('a session in which a call was cut is ended: it may arrive late, and change settings', async (t) => {
  const world = await KeptWorld.open(t);
  for (const method of ['Config', 'ExecutePlan', 'ReleaseExecute']) {
    world.cutOnce = method;
    const cut = await world.lease();
    await cut.execute('MERGE');
    await cut.close();
    equal(world.cutOnce, null);
    equal(world.sessions('ReleaseSession').at(-1), world.sessions('ReleaseExecute').at(-1), method);
  }
  equal(new Set(world.sessions('ReleaseSession')).size, 3);
});

test('a server that has other sessions now is asked for a new one', async (t) => {
  const world = await KeptWorld.open(t);
  const first = await world.lease();
  await first.close();
  let asked = 0;
  world.replies = {
    get Config() {
      asked += 1;
      return asked === 1 ? OTHER : { messages: [encodeMessage([[15, 's']])], end: { status: 0 } };
    },
  };
  const second = await world.lease();
  await second.execute('MERGE');
  await second.close();
  const [begun, ...others] = world.sessions('Config');
  equal(others[0], begun);
  deepEqual(world.sessions('ExecutePlan'), [others[1]]);
  notEqual(others[1], begun);
});

test('sessions of other names are kept apart, and few are kept', async (t) => {
  const world = await KeptWorld.open(t);
  const leased: LeasedSession[] = [];
  for (let index = 0; index < 10; index++) leased.push(await world.lease(['a'], `of ${index}`));
  for (const one of leased) await one.close();
  const made = world.sessions('Config');
  equal(new Set(made).size, 10);
  deepEqual(world.sessions('ReleaseSession'), made.slice(0, 2), 'the oldest went');
  await world.kept.close();
  deepEqual(new Set(world.sessions('ReleaseSession')), new Set(made));
  // What is given back later ends at once.
  const late = await world.lease();
  await late.close();
  equal(world.sessions('ReleaseSession').length, 11);
});

/** A request under a key takes effect once: again, at once, and after it failed. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../kernel/clock.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { seededRandom } from '../kernel/random.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import type { RestAnswer } from './rest-answer.ts';

const random = seededRandom(5);
const time = { ms: 1_000_000 };
const clock: Clock = {
  nowMs: () => time.ms,
  monotonicMs: () => time.ms,
  sleep: () => Promise.resolve(),
};
const lifetimeMs = 60_000;

function answers(): { readonly run: () => Promise<RestAnswer>; readonly count: () => number } {
  let count = 0;
  return {
    run: () => Promise.resolve({ status: 200, body: `${++count}` }),
    count: () => count,
  };
}

test('the same request gets the same answer, also while the first is under way', async () => {
  const keys = new IdempotencyKeys(clock, { lifetimeMs });
  const { run, count } = answers();
  const request = { key: uuidV7(clock, random), parts: ['POST', '/a', '{}'] };
  const both = await Promise.all([keys.once(request, run), keys.once(request, run)]);
  deepEqual(
    both.map(({ body }) => body),
    ['1', '1'],
  );
  const upper = { ...request, key: request.key.toUpperCase() };
  equal((await keys.once(upper, run)).body, '1');
  equal(count(), 1);
});

test('a key of another request is refused, and so is one that is no UUIDv7', async () => {
  const keys = new IdempotencyKeys(clock, { lifetimeMs });
  const { run, count } = answers();
  const key = uuidV7(clock, random);
  await keys.once({ key, parts: ['POST', '/a', '{}'] }, run);
  await rejects(keys.once({ key, parts: ['POST', '/b', '{}'] }, run), { status: 422 });
  await rejects(keys.once({ key, parts: ['POST', '/a{}', ''] }, run), { status: 422 });
  for (const bad of ['', 'x', '9c12d441-03fe-4693-9a96-a0705ddf69c1']) {
    await rejects(keys.once({ key: bad, parts: [] }, run), { status: 400 });
  }
  equal(count(), 1);
});

test('an answer with 5xx, and a failure, are not kept', async () => {
  const keys = new IdempotencyKeys(clock, { lifetimeMs });
  const { run, count } = answers();
  const failing = { key: uuidV7(clock, random), parts: ['POST'] };
  await rejects(keys.once(failing, () => Promise.reject(new Error('broken'))));
  await keys.once(failing, () => Promise.resolve({ status: 503, body: null }));
  equal((await keys.once(failing, run)).status, 200);
  equal(count(), 1);
});

test('a key lives for its time and no longer', async () => {
  const keys = new IdempotencyKeys(clock, { lifetimeMs });
  const { run, count } = answers();
  const request = { key: uuidV7(clock, random), parts: ['POST'] };
  await keys.once(request, run);
  time.ms += lifetimeMs;
  await keys.once(request, run);
  equal(count(), 1);
  time.ms += 1;
  await keys.once(request, run);
  equal(count(), 2);
});

test('what is kept is bounded in number', async () => {
  const keys = new IdempotencyKeys(clock, { lifetimeMs, keysMax: 20 });
  const { run, count } = answers();
  const first = { key: uuidV7(clock, random), parts: [] };
  await keys.once(first, run);
  for (let index = 0; index < 20; index++) {
    await keys.once({ key: uuidV7(clock, random), parts: [] }, run);
  }
  await keys.once(first, run);
  equal(count(), 22);
});

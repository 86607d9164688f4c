/** What may be published, against an oracle that counts records one by one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nextOffsets, planPublish, reaches } from './publish-plan.ts';
import type { OffsetRun, TopicNow } from './publish-plan.ts';

const topic: TopicNow = {
  name: 't',
  topicId: 'id',
  earliest: [0n, 0n],
  latest: [12n, 9n],
};
const next = [3n, 0n];

const anyRun: fc.Arbitrary<OffsetRun> = fc
  .record({ partition: fc.nat(1), first: fc.bigInt(0n, 11n), length: fc.bigInt(1n, 5n) })
  .map(({ partition, first, length }) => {
    return { topic: 't', partition, first, last: first + length - 1n, rows: length };
  });

/** Counts every record by itself. */
function oracle(runs: readonly OffsetRun[]): 'refused' | 'missing' | readonly bigint[] {
  const after: bigint[] = [];
  let isMissing = false;
  for (const [partition, begin] of next.entries()) {
    const counts = new Map<bigint, number>();
    for (const run of runs.filter((one) => one.partition === partition)) {
      for (let at = run.first; at <= run.last; at++) counts.set(at, (counts.get(at) ?? 0) + 1);
    }
    const seen = [...counts.keys()].toSorted((left, right) => (left < right ? -1 : 1));
    const isForeign = seen.some((at) => at < begin || at >= (topic.latest[partition] ?? 0n));
    if (isForeign || [...counts.values()].some((count) => count > 1)) return 'refused';
    const last = seen.at(-1);
    const end = last === undefined ? begin : last + 1n;
    for (let at = begin; at < end; at++) isMissing ||= !counts.has(at);
    after.push(end);
  }
  return isMissing ? 'missing' : after;
}

test('spec: E16 what is published goes on where main ends, each record once, none left out', () => {
  fc.assert(
    fc.property(fc.array(anyRun, { maxLength: 6 }), (runs) => {
      const plan = planPublish(topic, next, runs);
      const told = plan.kind === 'publish' ? plan.next : plan.kind;
      assert.deepEqual(told, oracle(runs));
    }),
    { numRuns: 3000 },
  );
});

test('the records that are missing are exactly those between main and the rows', () => {
  const run = (first: bigint, last: bigint): OffsetRun => {
    return { topic: 't', partition: 0, first, last, rows: last - first + 1n };
  };
  assert.deepEqual(planPublish(topic, next, [run(8n, 8n), run(4n, 5n)]), {
    kind: 'missing',
    records: [
      { partition: 0, first: 3n, last: 3n },
      { partition: 0, first: 6n, last: 7n },
    ],
  });
});

test('rows of one offset, of another topic or of a partition that is not there are refused', () => {
  const run = { topic: 't', partition: 0, first: 3n, last: 4n, rows: 2n };
  const code = (changed: Partial<OffsetRun>): string => {
    const plan = planPublish(topic, next, [{ ...run, ...changed }]);
    return plan.kind === 'refused' ? plan.code : plan.kind;
  };
  assert.equal(code({}), 'publish');
  assert.equal(code({ rows: 3n }), 'LEDGER-RECORDS-REPEATED');
  assert.equal(code({ first: 2n }), 'LEDGER-RECORDS-REPEATED');
  assert.equal(code({ topic: 'u' }), 'LEDGER-BRANCH-CHANGED');
  assert.equal(code({ partition: 2 }), 'LEDGER-BRANCH-CHANGED');
  assert.equal(code({ last: 12n, rows: 10n }), 'LEDGER-BRANCH-CHANGED');
});

test('a topic that was made anew or cut is told; new partitions begin at their beginning', () => {
  const of = (topicId: string, offsets: readonly bigint[]): unknown => {
    const found = nextOffsets(new Map([[topicId, offsets]]), topic);
    return 'kind' in found ? found.code : found;
  };
  assert.deepEqual(of('id', [3n]), [3n, 0n]);
  assert.deepEqual(of('id', [12n, 9n]), [12n, 9n]);
  assert.equal(of('id', [13n]), 'LEDGER-TOPIC-CHANGED');
  assert.equal(of('id', [0n, 0n, 0n]), 'LEDGER-TOPIC-CHANGED');
  assert.equal(of('other', [0n]), 'LEDGER-TOPIC-CHANGED');
  assert.equal(reaches([3n], [3n]), true);
  assert.equal(reaches([3n], [3n, 0n]), true);
  assert.equal(reaches([3n], [3n, 1n]), false);
});

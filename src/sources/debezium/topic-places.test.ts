/** Positions in topics: their text, and which of two is older, topic by topic. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { formatPlaces, newerPlaces, olderPlaces, parsePlaces } from './topic-places.ts';
import type { TopicPlace, TopicPlaces } from './topic-places.ts';

const ID = '0bd76d95-86ac-48b8-8d7e-c5ef61289479';
const at = (offset: bigint): TopicPlace => ({ topicId: ID, offset });

function places(seq: bigint, topics: Readonly<Record<string, TopicPlace | null>>): TopicPlaces {
  const carried = { startedMs: 1_700_000_000_000 + Number(seq), xaPrepared: seq, compressed: null };
  return { seq, history: `at ${seq}`, carried, topics: new Map(Object.entries(topics)) };
}

test('the text of a position gives it back, and equal ones have one (spec: D2)', () => {
  const one = places(5n, { b: at(7n), a: null, 'quo"te': at(0n) });
  const other = places(5n, { 'quo"te': at(0n), a: null, b: at(7n) });
  equal(formatPlaces(one), formatPlaces(other));
  deepEqual(parsePlaces(formatPlaces(one)), other);
  for (const carried of [null, { startedMs: 1, xaPrepared: 2n, compressed: 3n }]) {
    deepEqual(parsePlaces(formatPlaces({ ...one, carried }))?.carried, carried);
  }
  for (const bad of [
    '',
    '[]',
    '["1","x",{"a":"1@2"},""]',
    '["x","y",{},""]',
    '{}',
    '["1","x",[],""]',
    '["1","x",{}]',
    '["1","x",{},"1/2"]',
    '["1","x",{},"1/-2/-"]',
  ]) {
    equal(parsePlaces(bad), null, bad);
  }
});

test('older and newer go topic by topic; nothing is before no topic (spec: D2)', () => {
  const left = places(5n, { a: at(9n), b: at(1n), onlyLeft: at(3n), made: null });
  const right = places(8n, { a: at(4n), b: at(2n), onlyRight: null, made: at(6n) });
  const older = places(5n, {
    a: at(4n),
    b: at(1n),
    onlyLeft: at(3n),
    made: null,
    onlyRight: null,
  });
  const newer = places(8n, {
    a: at(9n),
    b: at(2n),
    onlyRight: null,
    made: at(6n),
    onlyLeft: at(3n),
  });
  for (const [first, second] of [
    [left, right],
    [right, left],
  ] as const) {
    equal(formatPlaces(olderPlaces(first, second)), formatPlaces(older));
    equal(formatPlaces(newerPlaces(first, second)), formatPlaces(newer));
  }
});

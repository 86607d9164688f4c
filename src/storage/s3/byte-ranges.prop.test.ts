/** Byte ranges against sets of single bytes. */
import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert, integer, property, tuple } from 'fast-check';
import type { ByteRange } from '../../ports/object-store.ts';
import { countBytes, missing, requestsFor, unite } from './byte-ranges.ts';

const ranges = array(
  tuple(integer({ min: 0, max: 60 }), integer({ min: 0, max: 60 })).map(([left, right]) => ({
    start: Math.min(left, right),
    end: Math.max(left, right),
  })),
  { maxLength: 8 },
);

function bytesOf(list: readonly ByteRange[]): Set<number> {
  const bytes = new Set<number>();
  for (const { start, end } of list) for (let at = start; at < end; at++) bytes.add(at);
  return bytes;
}

test('unions and differences are those of the bytes, and are minimal', () => {
  assert(
    property(ranges, ranges, (left, right) => {
      const union = unite(left, right);
      deepEqual(bytesOf(union), bytesOf([...left, ...right]));
      ok(union.every(({ start }, index) => index === 0 || start > (union[index - 1]?.end ?? 0)));
      const rest = missing(left, unite(right, []));
      deepEqual(
        bytesOf(rest),
        new Set([...bytesOf(left)].filter((byte) => !bytesOf(right).has(byte))),
      );
      deepEqual(countBytes(rest), bytesOf(rest).size);
    }),
  );
});

test('requests bring all bytes, none twice, none longer than allowed', () => {
  assert(
    property(ranges, integer({ min: 1, max: 20 }), (wanted, bytesMax) => {
      const requests = requestsFor(wanted, bytesMax);
      const brought = bytesOf(requests);
      ok([...bytesOf(wanted)].every((byte) => brought.has(byte)));
      deepEqual(countBytes(requests), brought.size);
      ok(requests.every(({ start, end }) => end - start <= bytesMax));
    }),
  );
});

test('what lies far apart is fetched apart', () => {
  const far = [
    { start: 0, end: 10 },
    { start: 1_000_000, end: 1_000_010 },
  ];
  deepEqual(requestsFor(far, 1_000_000), far);
});

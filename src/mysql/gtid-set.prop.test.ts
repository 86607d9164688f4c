/** Sets of transaction ids against plain sets of texts. */
import { equal, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  array,
  assert as check,
  constantFrom,
  integer,
  property,
  tuple,
  uniqueArray,
} from 'fast-check';
import { present } from '../kernel/assert.ts';
import { emptyGtidSet, parseGtidSet } from './gtid-set.ts';
import type { GtidSet } from './gtid-set.ts';

const UUIDS = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '00000000-0000-0000-0000-000000000001'];
const mysqlId = tuple(
  constantFrom(...UUIDS),
  constantFrom('', ':blue', ':_r2'),
  integer({ min: 1, max: 12 }),
).map(([uuid, tag, number]) => `${uuid}${tag}:${number}`);
const mysqlIds = uniqueArray(mysqlId, { maxLength: 40 });
const mariadbId = tuple(
  integer({ min: 0, max: 2 }),
  integer({ min: 1, max: 3 }),
  integer({ min: 1, max: 9 }),
).map((parts) => parts.join('-'));
const mariadbIds = array(mariadbId, { maxLength: 12 });

function setOf(ids: readonly string[], flavour: 'mysql' | 'mariadb'): GtidSet {
  const set = emptyGtidSet(flavour);
  for (const id of ids) set.add(id);
  return set;
}

/** All ids of the small world that a set holds. */
function members(set: GtidSet): Set<string> {
  const numbers = Array.from({ length: 14 }, (_, index) => index);
  const all = UUIDS.flatMap((uuid) =>
    ['', ':blue', ':_r2'].flatMap((tag) => numbers.map((number) => `${uuid}${tag}:${number}`)),
  );
  return new Set(all.filter((id) => set.contains(id)));
}

function same(set: GtidSet, expected: ReadonlySet<string>): void {
  equal([...members(set)].toSorted().join(), [...expected].toSorted().join());
}

describe('sets of MySQL', () => {
  test('hold what was added, whatever the order, and read back as they were (spec: Y3)', () => {
    check(
      property(mysqlIds, (ids) => {
        const set = setOf(ids, 'mysql');
        same(set, new Set(ids));
        equal(setOf(ids.toReversed(), 'mysql').format(), set.format());
        equal(present(parseGtidSet(set.format(), 'mysql'), 'a set').format(), set.format());
        equal(set.isEmpty, ids.length === 0);
      }),
    );
  });

  test('union, intersection, difference and subset are those of sets', () => {
    check(
      property(mysqlIds, mysqlIds, (left, right) => {
        const [a, b] = [setOf(left, 'mysql'), setOf(right, 'mysql')];
        const [one, two] = [new Set(left), new Set(right)];
        const onlyLeft = left.filter((id) => !two.has(id));
        same(a.union(b), new Set([...left, ...right]));
        same(a.intersect(b), new Set(left.filter((id) => two.has(id))));
        same(a.subtract(b), new Set(onlyLeft));
        equal(a.isSubsetOf(b), onlyLeft.length === 0);
        same(a, one);
      }),
    );
  });

  test('are read as the server writes them', () => {
    const text = `${UUIDS[0]?.toUpperCase()}:1-3:5:blue:7,\n${UUIDS[1]}:4-4`;
    const set = present(parseGtidSet(text, 'mysql'), 'a set');
    equal(set.format(), `${UUIDS[1]}:4,${UUIDS[0]}:1-3:5,${UUIDS[0]}:blue:7`);
    for (const bad of ['x', `${UUIDS[0]}`, `${UUIDS[0]}:`, `${UUIDS[0]}:0`, `${UUIDS[0]}:5-4`]) {
      equal(parseGtidSet(bad, 'mysql'), null, bad);
    }
    equal(parseGtidSet(`${UUIDS[0]}:blue`, 'mysql'), null);
    equal(parseGtidSet(`${UUIDS[0]}:blue:green:1`, 'mysql'), null);
  });
});

describe('sets of MariaDB', () => {
  test('hold everything up to the last of each domain (spec: Y3)', () => {
    check(
      property(mariadbIds, mariadbIds, mariadbId, (left, right, id) => {
        const [a, b] = [setOf(left, 'mariadb'), setOf(right, 'mariadb')];
        const has = (ids: readonly string[]): boolean =>
          ids.some((one) => {
            const [domain, , number] = one.split('-');
            const [wanted, , upTo] = id.split('-');
            return domain === wanted && BigInt(number ?? 0) >= BigInt(upTo ?? 0);
          });
        equal(a.contains(id), has(left));
        equal(a.union(b).contains(id), has(left) || has(right));
        equal(a.intersect(b).contains(id), has(left) && has(right));
        ok(a.isSubsetOf(a.union(b)) && a.intersect(b).isSubsetOf(a));
        equal(present(parseGtidSet(a.format(), 'mariadb'), 'a set').format(), a.format());
        equal(setOf(left.toReversed(), 'mariadb').format(), a.format());
      }),
    );
  });

  test('refuse other texts', () => {
    for (const bad of ['1', '1-2', '1-2-x', '1-2-3-4']) equal(parseGtidSet(bad, 'mariadb'), null);
    equal(parseGtidSet(' 1-7-9 , 0-1-4', 'mariadb')?.format(), '0-1-4,1-7-9');
  });
});

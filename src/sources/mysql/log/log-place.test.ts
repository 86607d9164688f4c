/** Places survive their text, also those behind a failover, and other texts are no places. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { present } from '../../../kernel/assert.ts';
import { parseGtidSet } from '../../../mysql/gtid-set.ts';
import { markAt, parsePlace } from './log-place.ts';
import type { LogPlace } from './log-place.ts';

const PLACE: LogPlace = {
  fileName: 'bin %log.000012',
  offset: 5_000_000_000,
  gtids: present(parseGtidSet('0-1-100,7-3-5', 'mariadb'), 'a set'),
  serverUuid: 'id-42',
  proof: { offset: 4_999_999_000, hash: '0123456789abcdef' },
  repeatsUntil: null,
};

function tokenOf(place: LogPlace): string {
  return markAt(place, { sourceId: 'mysql:shop', epoch: 3 }).position.token;
}

test('a place survives its text (spec: Y2)', () => {
  for (const repeatsUntil of [null, { fileName: 'bin %log.000013', offset: 99 }]) {
    const place = { ...PLACE, repeatsUntil };
    const read = present(parsePlace(tokenOf(place), 'mariadb'), 'a place');
    deepEqual({ ...read, gtids: read.gtids?.format() }, { ...place, gtids: '0-1-100,7-3-5' });
    equal(tokenOf(read), tokenOf(place));
  }
});

test('what is no place of that server is none', () => {
  const token = tokenOf(PLACE);
  equal(parsePlace(token, 'mysql'), null);
  for (const text of ['', token.slice(1), `${token}/x`, `${token}/a.1:2/b.1:2`]) {
    equal(parsePlace(text, 'mariadb')?.fileName === PLACE.fileName, false, text);
  }
});

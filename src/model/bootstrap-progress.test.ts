/** The text of a bootstrap's progress: what versions before and after this one make of it. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { formatProgress, newProgress, parseProgress } from './bootstrap-progress.ts';

const low = { sourceId: 's', partition: 'main', token: 't' };
const alone = newProgress({ schemaVersion: 3, low });

test('spec: B18 a copy that was begun before copies were shared is gone on with', () => {
  const text = '{"cursor":"7","chunksDone":false,"rows":5,"schemaVersion":1,"firstReplay":true}';
  deepEqual(parseProgress(text), {
    cursor: '7',
    chunksDone: false,
    rows: 5,
    schemaVersion: 1,
    firstReplay: true,
    low: null,
    isAsked: false,
    shared: null,
  });
});

test('a version that knows one reader only finds no cursor where several read', () => {
  const claim = { id: 1, holder: 'w', isOwner: false, after: null, upTo: '9' };
  const shared = { next: '9', isOpen: true, lastId: 1, claims: [claim] };
  const text = formatProgress({ ...alone, shared });
  equal('cursor' in (JSON.parse(text) as object), false);
  deepEqual(parseProgress(text), { ...alone, shared });
  equal('cursor' in (JSON.parse(formatProgress(alone)) as object), true);
});

test('a damaged text is no progress', () => {
  const texts = [
    '',
    '{}',
    formatProgress(alone).replace('"rows":0', '"rows":"0"'),
    formatProgress(alone).replace('"low":', '"low":1,"old":'),
    formatProgress({ ...alone, isAsked: true }).replace('true}', '1}'),
    '{"chunksDone":false,"rows":5,"schemaVersion":1,"firstReplay":true,"shared":{"next":null}}',
    '{"chunksDone":false,"rows":5,"schemaVersion":1,"firstReplay":true,"shared":{"next":null,"isOpen":true,"lastId":1,"claims":[{}]}}',
  ];
  for (const text of texts) {
    equal(parseProgress(text), null, text);
  }
});

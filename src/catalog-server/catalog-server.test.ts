/** The REST catalog over real sockets: every endpoint, and what each refuses. */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import {
  SCHEMA,
  SHOP,
  appendBody,
  errorOf,
  listAt,
  makeShop,
  makeTable,
  metadataOf,
  objectAt,
  tablePath,
  textAt,
} from '../../test/support/rest-tables.ts';
import { ServedLakePlace } from '../../test/support/served-lake.ts';
import type { RestResponse } from '../../test/support/served-lake.ts';

const folder = mkdtempSync(join(tmpdir(), 'firn-rest-'));
const WIDE = 9_223_372_036_854_775_783n;
let place: ServedLakePlace;

before(async () => {
  place = await ServedLakePlace.open({ folder });
  await makeShop(place);
});

after(async () => {
  await place.close();
  rmSync(folder, { recursive: true, force: true });
});

function refused(response: RestResponse, status: number, type: string, text = /./): void {
  const error = errorOf(response);
  equal(response.status, status, error.text);
  equal(error.type, type);
  match(error.text, text);
  equal(objectAt(response.body, 'error')['code'], status);
}

test('spec: R9 config lists every endpoint that there is, and no other', async () => {
  const { status, body } = await place.call('/v1/config?warehouse=any');
  equal(status, 200);
  const endpoints = listAt(body, 'endpoints').map(String);
  equal(endpoints.length, 16);
  equal(body['idempotency-key-lifetime'], 'PT30M');
  for (const endpoint of endpoints) {
    const [method = '', path = ''] = endpoint.split(' ');
    const real = path.replace('{prefix}/', '').replaceAll(/\{\w+\}/g, 'none');
    const answered = await place.call(real, { method, ...(method === 'POST' ? { body: {} } : {}) });
    notEqual(answered.status, 405, endpoint);
    ok(answered.status < 500, endpoint);
  }
});

test('namespaces: made once, looked at, listed by level and page, changed, dropped', async () => {
  const make = (namespace: readonly string[], properties: JsonObject = {}) =>
    place.call('/v1/namespaces', { body: { namespace, properties } });
  const made = await make(['a', 'b'], { owner: 'me' });
  deepEqual(made.body, { namespace: ['a', 'b'], properties: { owner: 'me' } });
  refused(
    await make(['a', 'b']),
    409,
    'AlreadyExistsException',
    /^Namespace already exists: a\.b$/,
  );
  refused(await make(['a']), 409, 'AlreadyExistsException');
  const { body } = await place.call('/v1/namespaces/a%1Fb');
  deepEqual(body, { namespace: ['a', 'b'], properties: { owner: 'me' } });
  equal((await place.call('/v1/namespaces/a%1Fb', { method: 'HEAD' })).status, 204);
  equal((await place.call('/v1/namespaces/a%1Fc', { method: 'HEAD' })).status, 404);

  deepEqual((await place.call('/v1/namespaces')).body['namespaces'], [['a'], ['shop']]);
  deepEqual((await place.call('/v1/namespaces?parent=a')).body['namespaces'], [['a', 'b']]);
  refused(await place.call('/v1/namespaces?parent=z'), 404, 'NoSuchNamespaceException');

  const changed = await place.call('/v1/namespaces/a%1Fb/properties', {
    body: { updates: { x: '1' }, removals: ['owner', 'gone'] },
  });
  deepEqual(changed.body, { updated: ['x'], removed: ['owner'], missing: ['gone'] });
  const both = { updates: { x: '1' }, removals: ['x'] };
  const path = '/v1/namespaces/a%1Fb/properties';
  refused(await place.call(path, { body: both }), 422, 'UnprocessableEntityException');
  const gone = await place.call('/v1/namespaces/z/properties', { body: {} });
  refused(gone, 404, 'NoSuchNamespaceException', /^Namespace does not exist: z$/);

  const drop = (name: string) => place.call(`/v1/namespaces/${name}`, { method: 'DELETE' });
  refused(await drop('a'), 409, 'NamespaceNotEmptyException');
  equal((await drop('a%1Fb')).status, 204);
  refused(await drop('a%1Fb'), 404, 'NoSuchNamespaceException');
});

test('lists come in pages when they are asked for, and each name once', async () => {
  await place.call('/v1/namespaces', { body: { namespace: ['pages'] } });
  const names = Array.from({ length: 5 }, (_, index) => `t${index}`);
  for (const name of names) {
    const body = { name, schema: SCHEMA };
    equal((await place.call('/v1/namespaces/pages/tables', { body })).status, 200);
  }
  const found: JsonValue[] = [];
  let token: string | null = '';
  while (token !== null) {
    const query = new URLSearchParams({ pageToken: token, pageSize: '2' }).toString();
    const { body } = await place.call(`/v1/namespaces/pages/tables?${query}`);
    const page = listAt(body, 'identifiers');
    ok(page.length <= 2);
    found.push(...page);
    token = body['next-page-token'] === null ? null : textAt(body, 'next-page-token');
  }
  deepEqual(
    found,
    names.map((name) => ({ namespace: ['pages'], name })),
  );
  const whole = await place.call('/v1/namespaces/pages/tables?pageSize=2');
  equal(listAt(whole.body, 'identifiers').length, 5);
  equal(whole.body['next-page-token'], null);
  const odd = await place.call('/v1/namespaces/pages/tables?pageToken=&pageSize=-1');
  refused(odd, 400, 'BadRequestException');
});

test('a table is made, loaded, renamed and dropped; names are only names', async () => {
  const name = '../%2e/ö 😀*';
  const made = await makeTable(place, name);
  equal(made.status, 200);
  deepEqual(made.body['config'], { 'client.region': 'somewhere' });
  const location = textAt(metadataOf(made), 'location');
  match(location.slice(place.root.length), /^\/shop\/2e-[0-9a-f-]{36}$/);
  const loaded = await place.call(tablePath(name));
  deepEqual(loaded.body, made.body);
  equal((await place.call(tablePath(name), { method: 'HEAD' })).status, 204);
  refused(await makeTable(place, name), 409, 'AlreadyExistsException', /^Table already exists/);

  const rename = (source: JsonObject, destination: JsonObject) =>
    place.call('/v1/tables/rename', { body: { source, destination } });
  const from = { namespace: ['shop'], name };
  const nowhere = { namespace: ['nowhere'], name: 'n' };
  refused(await rename(from, nowhere), 404, 'NoSuchNamespaceException');
  refused(await rename(from, from), 409, 'AlreadyExistsException');
  refused(await rename(nowhere, from), 404, 'NoSuchTableException');
  equal((await rename(from, { namespace: ['shop'], name: 'plain' })).status, 204);
  refused(await place.call(tablePath(name)), 404, 'NoSuchTableException', /^Table does not exist/);

  const drop = (query: string) => place.call(`${tablePath('plain')}${query}`, { method: 'DELETE' });
  const file = fileURLToPath(textAt(made.body, 'metadata-location'));
  ok(existsSync(file));
  equal((await drop('?purgeRequested=true')).status, 204);
  ok(!existsSync(file));
  refused(await drop(''), 404, 'NoSuchTableException');
});

test('a space in a name is one in a path as forms have it, and a plus is a plus', async () => {
  for (const [name, path] of [
    ['two words', 'two+words'],
    ['one+two', 'one%2Btwo'],
  ]) {
    await place.call('/v1/namespaces', { body: { namespace: [name ?? ''], properties: {} } });
    const { body } = await place.call(`/v1/namespaces/${path}`);
    deepEqual(body['namespace'], [name]);
  }
});

test('a table that stays unchanged is not sent again, and only its refs when they are all', async () => {
  const made = await makeTable(place, 'tagged');
  const first = appendBody(metadataOf(made), WIDE);
  const second = appendBody(metadataOf(await place.call(tablePath('tagged'), { body: first })), 2n);
  const committed = await place.call(tablePath('tagged'), { body: second });
  equal(committed.status, 200);
  const etag = committed.headers.get('etag') ?? '';
  const ifNoneMatch = { headers: { 'if-none-match': `"x", W/${etag}` } };
  equal((await place.call(tablePath('tagged'), ifNoneMatch)).status, 304);
  const refs = await place.call(`${tablePath('tagged')}?snapshots=refs`, ifNoneMatch);
  equal(refs.status, 200);
  equal(listAt(metadataOf(refs), 'snapshots').length, 1);
  notEqual(refs.headers.get('etag'), etag);
  equal(listAt(metadataOf(await place.call(tablePath('tagged'))), 'snapshots').length, 2);
  notEqual(made.headers.get('etag'), etag);
  const odd = await place.call(`${tablePath('tagged')}?snapshots=some`);
  refused(odd, 400, 'BadRequestException');
});

test('spec: R4, C17 64-bit values come back as they were sent, from the file too', async () => {
  const made = await makeTable(place, 'wide');
  const body = appendBody(metadataOf(made), WIDE);
  const committed = await place.call(tablePath('wide'), { body });
  equal(metadataOf(committed)['current-snapshot-id'], WIDE);
  deepEqual((await place.call(tablePath('wide'))).body['metadata'], committed.body['metadata']);
  const other = appendBody(metadataOf(made), 77n);
  const overtaken = await place.call(tablePath('wide'), { body: other });
  refused(overtaken, 409, 'CommitFailedException', /^Requirement failed: head of main changed/);
});

test('spec: R2, R5 a commit that cannot be understood, or applied, changes nothing', async () => {
  const made = await makeTable(place, 'still');
  const send = (updates: readonly JsonValue[], requirements: readonly JsonValue[] = []) =>
    place.call(tablePath('still'), { body: { requirements, updates } });
  const location = textAt(metadataOf(made), 'location');
  const outside = ['file:///etc', `${location}/../../x`, 's3://bucket/x', 'relative', place.root];
  for (const place of [...outside, `${textAt(made.body, 'metadata-location')}/../../../../_firn`]) {
    const set = { action: 'set-location', location: place };
    refused(await send([set]), 400, 'BadRequestException', /STORAGE-OUTSIDE-WAREHOUSE/);
  }
  const paths = { 'write.data.path': 'file:///etc' };
  refused(await send([{ action: 'set-properties', updates: paths }]), 400, 'BadRequestException');
  refused(await send([{ action: 'explode' }]), 400, 'BadRequestException', /explode/);
  refused(await send([], [{ type: 'assert-luck' }]), 400, 'BadRequestException', /assert-luck/);
  refused(await send([{ action: 'assign-uuid', uuid: 'x' }]), 400, 'BadRequestException');
  const down = { action: 'upgrade-format-version', 'format-version': 1 };
  refused(await send([down]), 400, 'BadRequestException');
  const other = { namespace: ['shop'], name: 'other' };
  const body = { identifier: other, requirements: [], updates: [] };
  refused(await place.call(tablePath('still'), { body }), 400, 'BadRequestException');
  refused(
    await place.call(tablePath('none'), { body: { requirements: [], updates: [] } }),
    404,
    'NoSuchTableException',
  );
  deepEqual((await place.call(tablePath('still'))).body, made.body);
});

test('spec: R2 numbers that are taken are a conflict, whatever the client asserts', async () => {
  const version = { properties: { 'format-version': '3' } };
  const first = metadataOf(await makeTable(place, 'numbers', version));
  const send = (snapshot: JsonObject) => {
    const updates = [{ action: 'add-snapshot', snapshot }];
    return place.call(tablePath('numbers'), { body: { requirements: [], updates } });
  };
  const snapshot = {
    'snapshot-id': 1,
    'sequence-number': 5,
    'timestamp-ms': 1,
    'manifest-list': `${textAt(first, 'location')}/metadata/snap.avro`,
    summary: { operation: 'append' },
    'first-row-id': 0,
    'added-rows': 10,
  };
  const added = metadataOf(await send(snapshot));
  equal(added['last-sequence-number'], 5);
  equal(added['next-row-id'], 10);
  const child = { ...snapshot, 'snapshot-id': 2, 'parent-snapshot-id': 1 };
  refused(await send({ ...child, 'first-row-id': 10 }), 409, 'CommitFailedException', /sequence/);
  refused(await send({ ...child, 'sequence-number': 6 }), 409, 'CommitFailedException', /row id/);
  const next = { ...child, 'sequence-number': 6, 'first-row-id': 10 };
  equal(metadataOf(await send(next))['next-row-id'], 20);
});

test('a staged table is there only after its commit, which makes it once', async () => {
  const staged = await makeTable(place, 'staged', { 'stage-create': true });
  equal(staged.body['metadata-location'], null);
  refused(await place.call(tablePath('staged')), 404, 'NoSuchTableException');
  const metadata = metadataOf(staged);
  const body = {
    requirements: [{ type: 'assert-create' }],
    updates: [
      { action: 'assign-uuid', uuid: metadata['table-uuid'] ?? '' },
      { action: 'upgrade-format-version', 'format-version': 2 },
      { action: 'add-schema', schema: listAt(metadata, 'schemas')[0] ?? null },
      { action: 'set-current-schema', 'schema-id': -1 },
      { action: 'add-spec', spec: { 'spec-id': 0, fields: [] } },
      { action: 'set-default-spec', 'spec-id': -1 },
      { action: 'add-sort-order', 'sort-order': { 'order-id': 0, fields: [] } },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
      { action: 'set-location', location: metadata['location'] ?? '' },
    ],
  };
  const both = await Promise.all([
    place.call(tablePath('staged'), { body }),
    place.call(tablePath('staged'), { body }),
  ]);
  deepEqual(new Set(both.map(({ status }) => status)), new Set([200, 409]));
  const loaded = metadataOf(await place.call(tablePath('staged')));
  equal(loaded['table-uuid'], metadata['table-uuid']);
  const lost = await place.call('/v1/namespaces/nowhere/tables/t', { body });
  refused(lost, 404, 'NoSuchNamespaceException');
});

test('spec: R10 several tables are changed together or not at all', async () => {
  const tables = ['one', 'two', 'three'];
  const made = await Promise.all(tables.map((name) => makeTable(place, name)));
  const change = (index: number, id: bigint): JsonObject => {
    const response = made[index];
    if (response === undefined) throw new Error('no such table');
    const identifier = { namespace: ['shop'], name: tables[index] ?? '' };
    return { identifier, ...appendBody(metadataOf(response), id) };
  };
  const send = (changes: readonly JsonObject[]) =>
    place.call('/v1/transactions/commit', { body: { 'table-changes': changes } });
  equal((await send([change(0, 1n), change(1, 1n)])).status, 204);
  refused(await send([change(2, 2n), change(1, 2n)]), 409, 'CommitFailedException', /shop\.two/);
  const third = metadataOf(await place.call(tablePath('three')));
  equal(third['current-snapshot-id'], -1);
  refused(await send([change(2, 2n), change(2, 3n)]), 400, 'BadRequestException', /twice/);
  equal((await send([])).status, 204);
});

test('a metadata file is registered under a name, inside the warehouse only', async () => {
  const made = await makeTable(place, 'known');
  const file = textAt(made.body, 'metadata-location');
  const register = (body: JsonObject) => place.call(`${SHOP}/register`, { body });
  const same = await register({ name: 'again', 'metadata-location': file });
  deepEqual(same.body, made.body);
  const taken = await register({ name: 'again', 'metadata-location': file });
  refused(taken, 409, 'AlreadyExistsException');
  const over = { name: 'again', 'metadata-location': file, overwrite: true };
  equal((await register(over)).status, 200);
  const passwd = { name: 'x', 'metadata-location': 'file:///etc/passwd' };
  refused(await register(passwd), 400, 'BadRequestException', /OUTSIDE-WAREHOUSE/);
  const missing = { name: 'x', 'metadata-location': `${file}.gone` };
  refused(await register(missing), 404, 'NotFoundException');
});

test('metrics are taken and forgotten; views and tokens are refused in plain words', async () => {
  await makeTable(place, 'measured');
  const report = { body: { 'report-type': 'scan-report' } };
  equal((await place.call(`${tablePath('measured')}/metrics`, report)).status, 204);
  const views = await place.call(`${SHOP}/views`);
  refused(views, 406, 'UnsupportedOperationException', /no views/);
  const tokens = await place.call('/v1/oauth/tokens', { body: {} });
  refused(tokens, 406, 'UnsupportedOperationException', /no tokens/);
  const list = `${SHOP}/tables`;
  refused(await place.call(list, { method: 'PUT' }), 405, 'UnsupportedOperationException');
  refused(await place.call('/nothing'), 404, 'NotFoundException');
});

test('spec: R8 a request sent again under its key has one effect', async () => {
  const key = '01a1ff3a-a6e1-79da-b8ce-5a63067b034d';
  const headers = { 'idempotency-key': key };
  const made = await makeTable(place, 'keyed');
  const body = appendBody(metadataOf(made), 7n);
  const first = await place.call(tablePath('keyed'), { body, headers });
  const second = await place.call(tablePath('keyed'), { body, headers });
  equal(first.status, 200);
  deepEqual(second.body, first.body);
  equal(second.headers.get('etag'), first.headers.get('etag'));
  const other = appendBody(metadataOf(made), 8n);
  const misused = await place.call(tablePath('keyed'), { body: other, headers });
  refused(misused, 422, 'UnprocessableEntityException');
  const odd = { body, headers: { 'idempotency-key': 'x' } };
  refused(await place.call(tablePath('keyed'), odd), 400, 'BadRequestException');
});

test('spec: R8 a commit that is sent again to a server started since has one effect', async (t) => {
  const own = mkdtempSync(join(tmpdir(), 'firn-rest-again-'));
  t.after(() => rmSync(own, { recursive: true, force: true }));
  const headers = { 'idempotency-key': '01a1ff3a-a6e1-79da-b8ce-5a63067b034e' };
  const before = await ServedLakePlace.open({ folder: own });
  await makeShop(before);
  const made = metadataOf(await makeTable(before, 't'));
  const body = appendBody(made, 7n);
  equal((await before.call(tablePath('t'), { body, headers })).status, 200);
  await before.close();
  const since = await ServedLakePlace.open({ folder: own });
  t.after(() => since.close());
  const ids = async () => {
    const now = metadataOf(await since.call(tablePath('t')));
    return listAt(now, 'snapshots').map((snapshot) => (snapshot as JsonObject)['snapshot-id']);
  };
  const again = await since.call(tablePath('t'), { body, headers });
  equal(again.status, 200);
  const next = appendBody(metadataOf(again), 8n);
  equal((await since.call(tablePath('t'), { body: next })).status, 200);
  equal((await since.call(tablePath('t'), { body })).status, 200);
  const change = { ...body, identifier: { namespace: ['shop'], name: 't' } };
  const together = { body: { 'table-changes': [change] } };
  equal((await since.call('/v1/transactions/commit', together)).status, 204);
  deepEqual(await ids(), [7, 8]);
  // The same id for other files is another snapshot.
  const other = appendBody({ ...made, location: `${textAt(made, 'location')}/x` }, 7n);
  refused(await since.call(tablePath('t'), { body: other }), 409, 'CommitFailedException');
  deepEqual(await ids(), [7, 8]);
});

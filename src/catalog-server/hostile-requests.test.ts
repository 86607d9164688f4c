/** Requests that mean harm, or are broken: refused in bounded time and memory, nothing changed. */
import { equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringifyJson } from '../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import {
  SCHEMA,
  SHOP,
  appendBody,
  errorOf,
  makeShop,
  makeTable,
  metadataOf,
  tablePath,
  textAt,
} from '../../test/support/rest-tables.ts';
import { ServedLakePlace } from '../../test/support/served-lake.ts';

const folder = mkdtempSync(join(tmpdir(), 'firn-rest-hostile-'));
const TOKEN = 'a-token-of-some-length';
const authorization = `Bearer ${TOKEN}`;
let place: ServedLakePlace;
/** What the catalog does in place of committing. */
let onCommit: (() => ReturnType<ServedCatalog['commit']>) | null = null;

before(async () => {
  place = await ServedLakePlace.open({
    folder,
    wrap: (catalog) => ({
      ...catalog,
      commit: (commits) => onCommit?.() ?? catalog.commit(commits),
    }),
  });
  await makeShop(place);
});

after(async () => {
  await place.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends bytes as they are and gives all that comes back. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.write(text);
  socket.setTimeout(5000, () => socket.destroy());
  await once(socket, 'close');
  return answer;
}

test('spec: R6 without the token nothing is answered, not even what there is', async () => {
  const inner = mkdtempSync(join(folder, 'token-'));
  const guarded = await ServedLakePlace.open({ folder: inner, token: TOKEN });
  try {
    for (const path of ['/v1/config', '/v1/namespaces', '/nothing']) {
      const response = await guarded.call(path);
      equal(response.status, 401);
      equal(response.headers.get('www-authenticate'), 'Bearer');
      equal(errorOf(response).type, 'NotAuthorizedException');
    }
    equal((await guarded.call('/v1/config', { headers: { authorization } })).status, 200);
  } finally {
    await guarded.close();
  }
});

test('spec: R6 a web page, and a name that was rebound, get nothing', async () => {
  const origin = await place.call('/v1/config', { headers: { origin: 'http://evil.example' } });
  equal(origin.status, 403);
  equal(origin.headers.get('access-control-allow-origin'), null);
  const { port } = new URL(place.url);
  const request = 'GET /v1/config HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n';
  match(await raw(Number.parseInt(port, 10), request), /^HTTP\/1\.1 403/);
});

test('spec: R7 bodies that are large, deep, or no JSON are refused', async () => {
  const path = '/v1/namespaces';
  const send = async (text: string, type = 'application/json'): Promise<number> => {
    const headers = { 'content-type': type };
    return (await place.call(path, { method: 'POST', text, headers })).status;
  };
  equal(await send('{"namespace":["typed"]}', 'application/json; charset=utf-8'), 200);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    equal(await send('{"namespace":["x"]}', type), 415);
  }
  equal(await send(`{"namespace":["x"],"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 400);
  equal(await send(`{"namespace":["y"],"a":"${'['.repeat(1000)}"}`), 200);
  for (const text of ['', '{', '[]', 'null', '{"namespace":"x"}', '{"namespace":[]}', '\u0000']) {
    equal(await send(text), 400, text);
  }
  equal(await send(`{"namespace":["x"],"a":"${'x'.repeat(10 * 1024 * 1024)}"}`), 413);
});

test('a body without an announced length is cut off at the limit', async () => {
  const { port } = new URL(place.url);
  const head =
    'POST /v1/namespaces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
    'Transfer-Encoding: chunked\r\n\r\n';
  const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`;
  match(await raw(Number.parseInt(port, 10), head + chunk.repeat(9)), /^HTTP\/1\.1 413/);
});

test('names are bounded, and never mean another namespace', async () => {
  const bad: readonly JsonValue[] = [
    ['a.b'],
    [''],
    ['a', ''],
    ['x'.repeat(256)],
    Array.from({ length: 17 }, () => 'a'),
    ['a\u0000b'],
    ['a\u001fb'],
    ['\ud800'],
    [1],
  ];
  for (const namespace of bad) {
    const response = await place.call('/v1/namespaces', { body: { namespace } });
    equal(response.status, 400, JSON.stringify(namespace));
  }
  for (const name of ['', 'x'.repeat(256), 'a\nb']) {
    equal((await makeTable(place, name)).status, 400, JSON.stringify(name));
  }
  for (const path of ['a%', '%ff', 'a%1F', '%00', 'a%2Eb', 'x'.repeat(300)]) {
    equal((await place.call(`/v1/namespaces/${path}`)).status, 400, path);
  }
});

test('spec: R5 a table lies in the warehouse, outside Firn’s own folder', async () => {
  const { root } = place;
  const places = ['file:///etc/x', '/etc/x', `${root}/../x`, root, `${root}/_firn/app`, 'x', ''];
  for (const location of [...places, 's3://bucket/x', `${root}x/t`, 'file://host/etc/x']) {
    const response = await makeTable(place, 'outside', { location });
    equal(response.status, 400, location);
  }
  const properties = { 'write.metadata.path': 'file:///etc' };
  equal((await makeTable(place, 'outside', { properties })).status, 400);
  equal((await makeTable(place, 'inside', { location: `${root}/mine/` })).status, 200);
  equal(metadataOf(await place.call(tablePath('inside')))['location'], `${root}/mine`);
});

test('spec: R5 a file to register is taken only if all that it names lies in the warehouse', async () => {
  const made = await makeTable(place, 'forged');
  const file = fileURLToPath(textAt(made.body, 'metadata-location'));
  const snapshot = {
    'snapshot-id': 1,
    'sequence-number': 1,
    'timestamp-ms': 1,
    'manifest-list': 'file:///etc/passwd',
    summary: { operation: 'append' },
  };
  const inside = textAt(metadataOf(made), 'location');
  const forgeries: readonly JsonObject[] = [
    { location: 'file:///etc' },
    { location: `${inside}/../../../x` },
    { location: `${place.root}/_firn` },
    { snapshots: [snapshot], 'last-sequence-number': 1 },
    { 'metadata-log': [{ 'timestamp-ms': 1, 'metadata-file': 'file:///etc/passwd' }] },
    { statistics: [{ 'snapshot-id': 1, 'statistics-path': 'file:///etc/passwd' }] },
    { properties: { 'write.data.path': 'file:///etc' } },
  ];
  for (const [index, forgery] of forgeries.entries()) {
    const path = file.replace(/[^/]*$/, `0000${index}-forged.metadata.json`);
    writeFileSync(path, stringifyJson({ ...metadataOf(made), ...forgery }));
    const body = { name: 'taken', 'metadata-location': path };
    const response = await place.call(`${SHOP}/register`, { body });
    equal(response.status, 400, JSON.stringify(forgery));
    match(errorOf(response).text, /STORAGE-OUTSIDE-WAREHOUSE/);
  }
  const state = join(fileURLToPath(place.root), '_firn');
  mkdirSync(state);
  writeFileSync(join(state, '00000-x.metadata.json'), stringifyJson(metadataOf(made)));
  const hidden = { name: 'taken', 'metadata-location': join(state, '00000-x.metadata.json') };
  equal((await place.call(`${SHOP}/register`, { body: hidden })).status, 400);
  const broken = file.replace(/[^/]*$/, '00009-broken.metadata.json');
  writeFileSync(broken, '{"format-version":2');
  const body = { name: 'taken', 'metadata-location': broken };
  equal((await place.call(`${SHOP}/register`, { body })).status, 400);
  equal((await place.call(tablePath('taken'))).status, 404);
});

test('a schema of thousands of fields, or of a hundred levels, is taken or refused, in time', async () => {
  const fields = Array.from({ length: 5000 }, (_, index) => {
    return { id: index + 1, name: `c${index}`, required: false, type: 'long' };
  });
  equal((await makeTable(place, 'broad', { schema: { type: 'struct', fields } })).status, 200);
  let type: JsonValue = 'int';
  for (let level = 0; level < 100; level++) {
    type = { type: 'list', 'element-id': level + 2, element: type, 'element-required': false };
  }
  const deep = { type: 'struct', fields: [{ id: 1, name: 'd', required: false, type }] };
  ok([200, 400].includes((await makeTable(place, 'deep', { schema: deep })).status));
  const twice = { ...SCHEMA, fields: [...fields.slice(0, 1), ...fields.slice(0, 1)] };
  equal((await makeTable(place, 'twice', { schema: twice })).status, 400);
});

test('spec: R1 an outcome that is not known is said to be unknown, and a failure is not a success', async () => {
  const made = await makeTable(place, 'unknown');
  const body = appendBody(metadataOf(made), 5n);
  onCommit = () => Promise.resolve({ kind: 'unknown', cause: new Error('cut') });
  const unknown = await place.call(tablePath('unknown'), { body });
  equal(unknown.status, 500);
  equal(errorOf(unknown).type, 'CommitStateUnknownException');
  onCommit = () => Promise.reject(new Error('secret place'));
  const failed = await place.call(tablePath('unknown'), { body });
  equal(failed.status, 500);
  ok(!errorOf(failed).text.includes('secret'));
  onCommit = null;
  ok(place.served.at(-1)?.error instanceof Error, 'the server’s own log knows why');
  equal((await place.call(tablePath('unknown'), { body })).status, 200);
});

test('spec: R8 a key does not keep an unknown outcome', async () => {
  const made = await makeTable(place, 'again');
  const body = appendBody(metadataOf(made), 5n);
  const headers = { 'idempotency-key': '01a1ff3a-a6e1-79da-b8ce-5a63067b0000' };
  onCommit = () => Promise.resolve({ kind: 'unknown', cause: null });
  equal((await place.call(tablePath('again'), { body, headers })).status, 500);
  onCommit = null;
  equal((await place.call(tablePath('again'), { body, headers })).status, 200);
  equal((await place.call(`${SHOP}/tables/again`, { body, headers })).status, 200);
});

test('the server ends after what is under way, whoever keeps a connection', async () => {
  const inner = mkdtempSync(join(folder, 'end-'));
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  const ending = await ServedLakePlace.open({
    folder: inner,
    wrap: (catalog) => ({
      ...catalog,
      async listNamespaces() {
        ask();
        await allowed;
        return catalog.listNamespaces();
      },
    }),
  });
  equal((await ending.call('/v1/config')).status, 200);
  const slow = ending.call('/v1/namespaces');
  await asked;
  const startMs = performance.now();
  const closed = ending.close();
  allow();
  equal((await slow).status, 200);
  await closed;
  ok(performance.now() - startMs < 5000, 'it did not wait for idle connections');
  await ending.close();
});

/** What the client makes of answers that a good server does not give, or not often. */
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { appendCommit, sampleMetadata } from '../../../test/conformance/sample-table.ts';
import { restError, startRestStub } from '../../../test/support/rest-stub.ts';
import type { RestStub, StubAnswer, StubRequest } from '../../../test/support/rest-stub.ts';
import { applyUpdates } from '../../iceberg/apply-updates.ts';
import { encodeTableMetadata } from '../../iceberg/table-metadata-json.ts';
import type { TableMetadata } from '../../iceberg/table-metadata.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { systemClock } from '../../kernel/clock.ts';
import { systemRandom as random } from '../../kernel/random.ts';
import type { Catalog, CommitOutcome, LoadedTable } from '../../ports/catalog.ts';
import { noAuthorization } from './authorization.ts';
import { openRestCatalog } from './rest-catalog.ts';
import { connectionError, wasNeverSent } from './rest-failure.ts';

const TABLE = { namespace: 'shop', name: 't' };
const slept: number[] = [];
const clock = {
  ...systemClock,
  // Time-outs are as they are, pauses are not waited for.
  sleep: (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal !== undefined) return systemClock.sleep(ms, signal);
    slept.push(ms);
    return Promise.resolve();
  },
};
const source = { clock, random };

/** A stub whose settings are `config`; all other requests are the test's. */
async function opened(
  config: unknown,
  answer: (request: StubRequest) => StubAnswer | Promise<StubAnswer>,
): Promise<{ readonly stub: RestStub; readonly catalog: Catalog }> {
  const stub = await startRestStub();
  stub.answer = (request) =>
    request.target.startsWith('/v1/config') ? { status: 200, body: config } : answer(request);
  try {
    const catalog = await openRestCatalog({
      uri: stub.uri,
      warehouse: null,
      authorization: noAuthorization,
      clock,
      random,
      timeoutMs: 500,
    });
    return { stub, catalog };
  } catch (error) {
    await stub[Symbol.asyncDispose]();
    throw error;
  }
}

function tableBody(metadata: TableMetadata, version: number): string {
  const text = Buffer.from(encodeTableMetadata(metadata)).toString('utf8');
  return `{"metadata-location":"file:///lake/${version}.json","metadata":${text}}`;
}

function loadedTable(): LoadedTable {
  const metadata = sampleMetadata('file:///lake', source);
  return { identifier: TABLE, metadataLocation: 'file:///lake/0.json', metadata };
}

const coded =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isFirnError(error, code);

test('spec: K1 only 409 is a conflict, and whatever a proxy may say leaves the outcome open', async () => {
  const table = loadedTable();
  let answer: StubAnswer = { status: 500 };
  const { stub, catalog } = await opened({}, () => answer);
  await using _ = stub;
  const commit = (): Promise<CommitOutcome> =>
    catalog.commit([appendCommit(table, { step: '1' }, source)]);
  for (const status of [408, 429, 500, 502, 503, 504, 507, 522]) {
    answer = { status, headers: { 'retry-after': '1' } };
    equal((await commit()).kind, 'unknown', `${status}`);
  }
  const whole = tableBody(table.metadata, 1);
  for (const body of ['', '{', whole.slice(0, -20), '{"metadata-location":"x"}', '[]']) {
    answer = { status: 200, body };
    equal((await commit()).kind, 'unknown', body.slice(0, 30));
  }
  answer = 'cut';
  equal((await commit()).kind, 'unknown');
  const before = stub.requests.length;
  answer = restError(409, 'CommitFailedException', 'head of main changed');
  deepEqual(await commit(), {
    kind: 'conflict',
    identifier: TABLE,
    reason: 'head of main changed',
  });
  answer = restError(404, 'NoSuchTableException');
  equal((await commit()).kind, 'conflict');
  // A 404 of a proxy, or of a path that is not there, says nothing about the table.
  answer = { status: 404, body: '<html>not here</html>' };
  await rejects(commit(), coded('CATALOG-REMOTE-REFUSED'));
  await rejects(catalog.loadTable(TABLE), coded('CATALOG-REMOTE-REFUSED'));
  answer = restError(400, 'BadRequestException', 'no such update');
  await rejects(commit(), /400 \(BadRequestException: no such update\)/);
  answer = restError(403, 'ForbiddenException');
  await rejects(commit(), coded('CATALOG-REMOTE-DENIED'));
  answer = { status: 307, headers: { location: `${stub.uri}/elsewhere` } };
  await rejects(commit(), coded('CATALOG-REMOTE-REFUSED'));
  // Five commits, one look, and one more to see whether the refused one was overtaken.
  equal(stub.requests.length, before + 8, 'a commit is sent once, and no redirect is followed');
});

test('a silent server leaves the outcome open in time', async () => {
  const { stub, catalog } = await opened({}, () => new Promise<StubAnswer>(() => undefined));
  await using _ = stub;
  const started = performance.now();
  const outcome = await catalog.commit([appendCommit(loadedTable(), { step: '1' }, source)]);
  equal(outcome.kind, 'unknown');
  ok(performance.now() - started < 5000);
});

test('a server that is not there was sent nothing: that is no open outcome', async () => {
  const { stub, catalog } = await opened({}, () => ({ status: 500 }));
  await stub[Symbol.asyncDispose]();
  const commit = appendCommit(loadedTable(), { step: '1' }, source);
  // The connection that was kept is cut: what had been sent on it nobody knows.
  equal((await catalog.commit([commit])).kind, 'unknown');
  await rejects(catalog.commit([commit]), coded('CATALOG-REMOTE-FAILED'));
});

test('spec: K1 a way to the host that is lost in the middle leaves the outcome open', () => {
  const failure = (syscall: string): Error =>
    Object.assign(new Error('by plan'), { code: 'EHOSTUNREACH', syscall });
  const isUnsent = (cause: unknown): boolean => wasNeverSent(connectionError(cause, 'catalog'));
  equal(isUnsent(failure('read')), false);
  equal(isUnsent(failure('write')), false);
  equal(isUnsent(failure('connect')), true);
  equal(isUnsent(failure('getaddrinfo')), true);
  equal(isUnsent(new AggregateError([failure('connect'), failure('connect')])), true);
  equal(isUnsent(new AggregateError([failure('connect'), failure('read')])), false);
});

test('spec: K3 a commit keeps its key while its answer is missing, and no longer', async () => {
  const table = loadedTable();
  const keys: unknown[] = [];
  let answer: StubAnswer = 'cut';
  const config = { 'idempotency-key-lifetime': 'PT30M' };
  const { stub, catalog } = await opened(config, ({ headers }) => {
    keys.push(headers['idempotency-key']);
    return answer;
  });
  await using _ = stub;
  const commit = appendCommit(table, { step: '1' }, source);
  for (const next of ['cut', { status: 503 }, restError(409, 'CommitFailedException')] as const) {
    answer = next;
    await catalog.commit([commit]);
  }
  await catalog.commit([commit]);
  await catalog.commit([appendCommit(table, { step: '2' }, source)]);
  const [first, second, third, fourth, fifth] = keys;
  match(String(first), /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  deepEqual([second, third], [first, first]);
  notEqual(fourth, first);
  notEqual(fifth, fourth);
});

test('spec: K4 an older state of a table is never taken for the present one', async () => {
  const first = loadedTable();
  const commit = appendCommit(first, { step: '1' }, source);
  const previousMetadataLocation = first.metadataLocation;
  const nowMs = clock.nowMs();
  const later = applyUpdates(first.metadata, commit.updates, { nowMs, previousMetadataLocation });
  const bodies = [tableBody(first.metadata, 0), tableBody(later, 1)];
  let answers: (string | undefined)[] = [];
  const { stub, catalog } = await opened({}, () => ({ status: 200, body: answers.shift() }));
  await using _ = stub;
  answers = [bodies[0], bodies[1], bodies[0], bodies[0], bodies[1]];
  equal((await catalog.loadTable(TABLE))?.metadata.lastSequenceNumber, 0n);
  equal((await catalog.loadTable(TABLE))?.metadata.lastSequenceNumber, 1n);
  equal((await catalog.loadTable(TABLE))?.metadata.lastSequenceNumber, 1n);
  equal(answers.length, 0);
  answers = Array.from({ length: 9 }, () => bodies[0]);
  await rejects(catalog.loadTable(TABLE), coded('CATALOG-REMOTE-STALE'));
  equal(stub.requests.at(-1)?.headers['cache-control'], 'no-cache');
});

test('spec: K10 reading waits as long as the server asks, within bounds, and is tried again', async () => {
  let count = 0;
  const { stub, catalog } = await opened({}, () => {
    if (++count === 1) return { status: 503, headers: { 'retry-after': '7' } };
    if (count === 2) return { status: 429, headers: { 'retry-after': '99999' } };
    if (count === 3) return 'cut';
    return count === 4 ? { status: 200, body: '{"half' } : restError(404, 'NoSuchTableException');
  });
  await using _ = stub;
  slept.length = 0;
  equal(await catalog.loadTable(TABLE), null);
  equal(count, 5);
  deepEqual(
    slept.filter((ms) => ms >= 7000),
    [7000, 20_000],
  );
});

test('a drop is sent again only while the same table is there', async () => {
  const own = loadedTable();
  const other = loadedTable();
  let there = own;
  let drops = 0;
  const { stub, catalog } = await opened({}, ({ method }) => {
    if (method !== 'DELETE') return { status: 200, body: tableBody(there.metadata, 0) };
    // Carried out, and somebody makes another table of the name before anybody hears of it.
    drops++;
    there = other;
    return 'cut';
  });
  await using _ = stub;
  await catalog.dropTable(TABLE);
  equal(drops, 1);
  match(
    stub.requests.find(({ method }) => method === 'DELETE')?.target ?? '',
    /purgeRequested=false/,
  );
});

test('lists come in pages, which end', async () => {
  const { stub, catalog } = await opened({}, ({ target }) => {
    const token = new URL(target, 'http://x').searchParams.get('pageToken') ?? 'none';
    if (target.includes('/loop/')) return { status: 200, body: { 'next-page-token': 'same' } };
    const page = token === '' ? 0 : Number(token);
    const identifiers = [{ namespace: ['shop'], name: `t${page}` }];
    const next = page < 3 ? `${page + 1}` : null;
    return { status: 200, body: { identifiers, 'next-page-token': next } };
  });
  await using _ = stub;
  const tables = await catalog.listTables('shop');
  deepEqual(
    tables.map(({ name }) => name),
    ['t0', 't1', 't2', 't3'],
  );
  await rejects(catalog.listTables('loop'), /pages have no end/);
});

test('the server says where its paths begin and how it joins levels', async () => {
  const overrides = { prefix: 'ws/one%2Ftwo', 'namespace-separator': '%2E' };
  const config = { defaults: { prefix: 'not this' }, overrides };
  const { stub, catalog } = await opened(config, () => restError(404, 'NoSuchTableException'));
  await using _ = stub;
  equal(await catalog.loadTable({ namespace: 'a.b', name: 't' }), null);
  equal(stub.requests.at(-1)?.target, '/v1/ws/one%2Ftwo/namespaces/a.b/tables/t');
  for (const name of ['', '.', '..', '\ud800']) {
    await rejects(catalog.loadTable({ namespace: 'a', name }), coded('CATALOG-REMOTE-NAME'));
    await rejects(
      catalog.loadTable({ namespace: `${name}.x`, name: 't' }),
      coded('CATALOG-REMOTE-NAME'),
    );
  }
});

test('what is no catalog is refused, also one that sends its clients elsewhere', async () => {
  for (const config of [
    'hello',
    { defaults: [] },
    { overrides: { prefix: '../../x' } },
    { overrides: { prefix: 'a?b' } },
    { overrides: { uri: 'http://elsewhere.example' } },
    { endpoints: [1] },
  ]) {
    await rejects(
      opened(config, () => ({ status: 500 })),
      coded('CATALOG-REMOTE-REFUSED'),
      JSON.stringify(config),
    );
  }
});

/**
 * Clients of Connect, the SQL Gateway and the JobManager against services on this machine: what
 * goes over the wire, what is asked again, and what is said of each failure.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { hurriedClock } from '../../../test/support/hurried-clock.ts';
import { startStub } from '../../../test/support/stub-service.ts';
import type { StubAnswer, StubRequest, StubService } from '../../../test/support/stub-service.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { seededRandom } from '../../kernel/random.ts';
import { ConnectClient } from './connect-client.ts';
import { createFlinkGateway } from './flink-gateway.ts';
import { createFlinkJobs } from './flink-jobs.ts';
import { createJsonService } from './json-service.ts';
import type { ServiceParts } from './json-service.ts';

const OPTIONS = { clock: hurriedClock(50), random: seededRandom(1) };

/** A stub that ends with the test; answers of a list are given in order, the last one for ever. */
async function stub(
  context: TestContext,
  answers: readonly StubAnswer[] | ((request: StubRequest) => StubAnswer),
): Promise<StubService> {
  let next = 0;
  const service = await startStub((request) => {
    if (typeof answers === 'function') return answers(request);
    const given = answers[Math.min(next++, answers.length - 1)];
    return given ?? { status: 500 };
  });
  context.after(() => service.close());
  return service;
}

function partsOf({ url }: StubService): Omit<ServiceParts, 'name'> {
  return { ...OPTIONS, url };
}

function coded(code: ErrorCode, words?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isFirnError(error, code), String(error));
    if (words !== undefined) assert.match(error.message, words);
    return true;
  };
}

const asked = ({ requests }: StubService): readonly string[] => {
  return requests.map(({ method, path }) => `${method} ${path}`);
};

test('spec: E8 — what may be asked twice is asked again, a bounded number of times', async (context) => {
  const busy = await stub(context, [{ status: 503 }, 'cut', { status: 200, json: { a: 1 } }]);
  const service = createJsonService({ ...partsOf(busy), name: 'It' });
  const get = { method: 'GET', path: '/x', isRepeatable: true } as const;
  assert.deepEqual(await service.call(get), { status: 200, body: { a: 1 } });
  assert.equal(busy.requests.length, 3);
  const down = await stub(context, [{ status: 502 }]);
  const other = createJsonService({ ...partsOf(down), name: 'It' });
  await assert.rejects(other.call(get), coded('CLUSTER-UNREACHABLE', /It is not ready \(502\)/));
  assert.equal(down.requests.length, 4);
});

test('spec: E6 — what may not be asked twice is sent once; whether it was done is said to be unknown', async (context) => {
  const post = { method: 'POST', path: '/x', body: {}, isRepeatable: false } as const;
  for (const answer of ['cut', 'silent', { status: 504 }, { status: 502 }] as const) {
    const service = await stub(context, [answer]);
    const client = createJsonService({ ...partsOf(service), name: 'It' });
    await assert.rejects(client.call({ ...post, deadlineMs: 5000 }), coded('CLUSTER-SILENT'));
    assert.equal(service.requests.length, 1);
  }
  // 503 says that it was not taken.
  const busy = await stub(context, [{ status: 503 }, { status: 200 }]);
  const client = createJsonService({ ...partsOf(busy), name: 'It' });
  assert.deepEqual(await client.call(post), { status: 200, body: null });
  // Nothing was sent to a port where nobody listens.
  const gone = await stub(context, []);
  await gone.close();
  const lost = createJsonService({ ...partsOf(gone), name: 'It' });
  await assert.rejects(lost.call(post), coded('CLUSTER-UNREACHABLE'));
});

test('of a refusal its first line is told, of a page for people nothing', async (context) => {
  const call = { method: 'GET', path: '/x', isRepeatable: true } as const;
  const cases = [
    [
      { status: 400, json: { message: `no such option\u0007\n at Some.trace ${'x'.repeat(999)}` } },
      /no such option $|no such option \(/,
    ],
    [{ status: 500, text: '<html>canary</html>' }, /\(500\)/],
    [{ status: 301, json: {} }, /\(301\)/],
  ] as const;
  for (const [answer, words] of cases) {
    const service = createJsonService({ ...partsOf(await stub(context, [answer])), name: 'It' });
    await assert.rejects(service.call(call), (error) => {
      assert.ok(isFirnError(error, 'CLUSTER-REFUSED'));
      assert.match(error.what, answer.status === 400 ? /no such option/ : words);
      assert.doesNotMatch(error.what, /canary|trace/);
      return true;
    });
  }
  const odd = await stub(context, [{ status: 200, text: 'hello' }]);
  const service = createJsonService({ ...partsOf(odd), name: 'It' });
  await assert.rejects(service.call(call), coded('CLUSTER-ANSWER'));
});

test('integers above 2^53 pass unchanged in both directions', async (context) => {
  let body = '';
  const service = await stub(context, () => ({ status: 200, text: '{"offset":9007199254740993}' }));
  const client = createJsonService({ ...partsOf(service), name: 'It' });
  const put = { method: 'PUT', path: '/', isRepeatable: true } as const;
  const answer = await client.call({ ...put, body: { offset: 9007199254740993n } });
  assert.deepEqual(answer.body, { offset: 9007199254740993n });
  body = JSON.stringify(service.requests[0]?.body);
  // JSON.parse of the stub rounds: what counts is that digits arrived, not text.
  assert.equal(body, '{"offset":9007199254740992}');
});

/** What Connect 4.3 says of a connector that is not there. */
const NOT_FOUND = { error_code: 404, message: 'Connector gone not found' };

test('Connect: a connector is put, looked at, stopped, given offsets, removed', async (context) => {
  const name = 'firn.shop.1';
  const config = { 'connector.class': 'X', 'database.password': '${env:P}' };
  const offsets = [{ partition: { server: name }, offset: { file: 'b.1', pos: 4 } }];
  const service = await stub(context, ({ method, path }) => {
    if (path === '/') return { status: 200, json: { version: '4.3.1' } };
    if (path === '/connector-plugins')
      return { status: 200, json: [{ class: 'A' }, { class: 'B' }] };
    if (path === '/connectors/gone/config') return { status: 404, json: NOT_FOUND };
    if (method === 'GET' && path.endsWith('/config')) return { status: 200, json: config };
    if (method === 'GET' && path.endsWith('/offsets')) return { status: 200, json: { offsets } };
    if (path.endsWith('/status')) {
      const trace = 'org.x.ConnectException: canary\n\tat a.b';
      const tasks = [{ id: 0, state: 'FAILED', worker_id: 'w', trace }];
      return { status: 200, json: { name, connector: { state: 'RUNNING' }, tasks } };
    }
    return { status: method === 'PUT' ? 200 : 204 };
  });
  const client = new ConnectClient(partsOf(service));
  assert.equal(await client.version(), '4.3.1');
  assert.deepEqual(await client.plugins(), ['A', 'B']);
  await client.put(name, config);
  assert.deepEqual(service.requests.at(-1), {
    method: 'PUT',
    path: '/connectors/firn.shop.1/config',
    body: config,
  });
  assert.deepEqual(await client.config(name), config);
  assert.equal(await client.config('gone'), null);
  assert.deepEqual(await client.status(name), {
    state: 'RUNNING',
    tasks: [{ id: 0, state: 'FAILED', failure: 'org.x.ConnectException' }],
  });
  await client.stop(name);
  await client.setOffsets(name, offsets);
  assert.deepEqual(service.requests.at(-1), {
    method: 'PATCH',
    path: '/connectors/firn.shop.1/offsets',
    body: { offsets },
  });
  assert.deepEqual(await client.offsets(name), offsets);
  await client.resume(name);
  await client.restartFailed(name);
  await client.remove('a/b c');
  assert.deepEqual(asked(service).slice(-3), [
    'PUT /connectors/firn.shop.1/resume',
    'POST /connectors/firn.shop.1/restart?includeTasks=true&onlyFailed=true',
    'DELETE /connectors/a%2Fb%20c',
  ]);
});

test('Connect: sharing out tasks passes; making a connector twice makes one', async (context) => {
  const busy = await stub(context, [{ status: 409 }, { status: 409 }, { status: 200, json: {} }]);
  await new ConnectClient(partsOf(busy)).put('c', {});
  assert.equal(busy.requests.length, 3);
  const there = await stub(context, ({ method }) => {
    return method === 'POST' ? { status: 409 } : { status: 200, json: { a: 'b' } };
  });
  assert.equal(await new ConnectClient(partsOf(there)).createStopped('c', {}), 'exists');
  assert.deepEqual(there.requests[0]?.body, { name: 'c', config: {}, initial_state: 'STOPPED' });
  const sharing = await stub(context, ({ method }) => {
    return method === 'POST' ? { status: 409 } : { status: 404, json: NOT_FOUND };
  });
  const client = new ConnectClient(partsOf(sharing));
  await assert.rejects(client.createStopped('c', {}), coded('CLUSTER-UNREACHABLE'));
});

test('Connect: a worker that starts says nothing of any connector', async (context) => {
  const starting = { message: 'Not Found', url: 'http://c/connectors/c/config', status: '404' };
  const isStarting = (): { status: number; json: unknown } => ({ status: 404, json: starting });
  const client = new ConnectClient(partsOf(await stub(context, isStarting)));
  const asks = [
    () => client.config('c'),
    () => client.status('c'),
    () => client.remove('c'),
    () => client.createStopped('c', {}),
  ];
  for (const ask of asks) await assert.rejects(ask(), coded('CLUSTER-UNREACHABLE'));
  const started = await stub(context, [
    { status: 404, json: starting },
    { status: 200, json: {} },
  ]);
  assert.deepEqual(await new ConnectClient(partsOf(started)).config('c'), {});
});

/** A gateway that gives these results for any statement, and what it was asked. */
function gateway(context: TestContext, results: readonly StubAnswer[]): Promise<StubService> {
  let next = 0;
  return stub(context, ({ method, path }) => {
    if (path === '/v2/sessions') return { status: 200, json: { sessionHandle: 's-1' } };
    if (path.endsWith('/statements')) return { status: 200, json: { operationHandle: 'o-1' } };
    if (method === 'DELETE') return { status: 200, json: { status: 'CLOSED' } };
    return results[Math.min(next++, results.length - 1)] ?? { status: 500 };
  });
}

test('Flink: a statement is sent once, asked for until it is there, and closed', async (context) => {
  const next = 'http://elsewhere:1/v2/sessions/s-1/operations/o-1/result/1?rowFormat=JSON';
  const payload = (rows: readonly (readonly unknown[])[], end: boolean): StubAnswer => ({
    status: 200,
    json: {
      resultType: end ? 'EOS' : 'PAYLOAD',
      jobID: 'j-1',
      results: {
        columns: [{ name: 'p' }, { name: 'n' }],
        data: rows.map((fields) => ({ kind: 'INSERT', fields })),
      },
      ...(end ? {} : { nextResultUri: next }),
    },
  });
  const notReady = { status: 200, json: { resultType: 'NOT_READY', nextResultUri: next } };
  const service = await gateway(context, [
    notReady,
    notReady,
    payload([[0, 5]], false),
    payload([[1, 6]], true),
  ]);
  const session = await createFlinkGateway(partsOf(service)).openSession();
  assert.deepEqual(await session.run('SELECT 1'), {
    columns: ['p', 'n'],
    rows: [
      [0, 5],
      [1, 6],
    ],
    jobId: 'j-1',
  });
  await session.close();
  const result = '/v2/sessions/s-1/operations/o-1/result';
  assert.deepEqual(asked(service), [
    'POST /v2/sessions',
    'POST /v2/sessions/s-1/statements',
    `GET ${result}/0?rowFormat=JSON`,
    `GET ${result}/0?rowFormat=JSON`,
    `GET ${result}/0?rowFormat=JSON`,
    `GET ${result}/1?rowFormat=JSON`,
    'DELETE /v2/sessions/s-1/operations/o-1/close',
    'DELETE /v2/sessions/s-1',
  ]);
  assert.deepEqual(service.requests[1]?.body, { statement: 'SELECT 1', executionConfig: {} });
});

test('spec: E7 — Flink: why a statement failed is told without a value of a row', async (context) => {
  const trace = (cause: string): StubAnswer => ({
    status: 500,
    json: {
      errors: [
        'Internal server error.',
        `<Exception on server side:\na.SqlException: x\n\tat b.c\nCaused by: ${cause}\n\tat d.e`,
      ],
    },
  });
  const failed = async (answer: StubAnswer, words: RegExp): Promise<void> => {
    const session = await createFlinkGateway(
      partsOf(await gateway(context, [answer])),
    ).openSession();
    await assert.rejects(session.run('SELECT'), (error) => {
      assert.ok(isFirnError(error, 'CLUSTER-STATEMENT'), String(error));
      assert.match(error.what, words);
      assert.doesNotMatch(error.what, /canary/);
      return true;
    });
  };
  await failed(trace('o.a.ValidationException: no column X'), /ValidationException: no column X$/);
  await failed(trace('org.apache.calcite.runtime.CalciteException: near X'), /Exception: near X$/);
  await failed(
    trace('java.lang.NumberFormatException: canary'),
    /: java\.lang\.NumberFormatException$/,
  );
  await failed({ status: 500, text: 'canary' }, /no reason was given/);
});

test('Flink: a statement that never ends is given up, and so is an endless answer', async (context) => {
  const hanging = await gateway(context, [{ status: 200, json: { resultType: 'NOT_READY' } }]);
  const options = { ...partsOf(hanging), statementMs: 2000 };
  const session = await createFlinkGateway(options).openSession();
  await assert.rejects(session.run('SELECT 1'), coded('CLUSTER-SILENT'));
  assert.ok(asked(hanging).includes('DELETE /v2/sessions/s-1/operations/o-1/close'));
  const lost = await stub(context, ({ path }) =>
    path === '/v2/sessions' ? { status: 200, json: { sessionHandle: 's' } } : 'cut',
  );
  const cut = await createFlinkGateway(partsOf(lost)).openSession();
  await assert.rejects(cut.run('INSERT'), coded('CLUSTER-SILENT'));
  assert.equal(asked(lost).filter((line) => line.endsWith('/statements')).length, 1);
});

test('Flink: jobs, their checkpoints and failures; cancelling waits for the end', async (context) => {
  let polls = 0;
  const service = await stub(context, ({ method, path }) => {
    if (path === '/config')
      return { status: 200, json: { 'flink-version': '2.1.1', 'refresh-interval': 3000 } };
    if (method === 'PATCH') return { status: 202, json: {} };
    if (path === '/jobs/overview') {
      return { status: 200, json: { jobs: [{ jid: 'j', name: 'firn.shop.1', state: 'RUNNING' }] } };
    }
    if (path === '/jobs/j/checkpoints') {
      const completed = { id: 7, latest_ack_timestamp: 1234 };
      return { status: 200, json: { counts: { completed: 6, failed: 1 }, latest: { completed } } };
    }
    if (path === '/jobs/j/exceptions') {
      const entries = [{ exceptionName: 'java.lang.RuntimeException', stacktrace: 'canary' }];
      return { status: 200, json: { exceptionHistory: { entries } } };
    }
    if (path === '/jobs/j') {
      polls += 1;
      return { status: 200, json: { name: 'n', state: polls < 3 ? 'CANCELLING' : 'CANCELED' } };
    }
    return { status: 404, json: { errors: ['not found'] } };
  });
  const jobs = createFlinkJobs(partsOf(service));
  assert.deepEqual(await jobs.settings(), { version: '2.1.1', refreshMs: 3000 });
  assert.deepEqual(await jobs.jobs(), [{ id: 'j', name: 'firn.shop.1', state: 'RUNNING' }]);
  assert.deepEqual(await jobs.checkpoints('j'), {
    completed: 6,
    failed: 1,
    latest: { id: 7, endedMs: 1234 },
  });
  assert.equal(await jobs.failure('j'), 'java.lang.RuntimeException');
  await jobs.cancel('j', 60_000);
  assert.equal(polls, 3);
  assert.ok(asked(service).includes('PATCH /jobs/j?mode=cancel'));
  assert.equal(await jobs.job('gone'), null);
  await jobs.cancel('gone', 1000);
  const stuck = await stub(context, [{ status: 200, json: { state: 'RUNNING' } }]);
  await assert.rejects(createFlinkJobs(partsOf(stuck)).cancel('j', 2000), coded('CLUSTER-SILENT'));
});

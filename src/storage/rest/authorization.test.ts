/** Tokens and signatures, as they go over the wire to a server that looks at them. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { restError, startRestStub } from '../../../test/support/rest-stub.ts';
import type { RestStub, StubRequest } from '../../../test/support/rest-stub.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { systemRandom as random } from '../../kernel/random.ts';
import type { Catalog } from '../../ports/catalog.ts';
import { bearerAuthorization, keptToken, signatureAuthorization } from './authorization.ts';
import type { Authorization } from './authorization.ts';
import { oauthTokens } from './oauth-tokens.ts';
import { restAddress } from './rest-address.ts';
import { openRestCatalog } from './rest-catalog.ts';

/** A clock that the test moves; nothing sleeps longer than a moment. */
function movedClock(): Clock & { by: number } {
  const clock = {
    by: 0,
    nowMs: () => systemClock.nowMs() + clock.by,
    monotonicMs: () => systemClock.monotonicMs() + clock.by,
    sleep: (ms: number, signal?: AbortSignal) =>
      systemClock.sleep(ms >= 10_000 ? ms : ms / 100, signal),
  };
  return clock;
}

function open(stub: RestStub, authorization: Authorization, clock: Clock): Promise<Catalog> {
  return openRestCatalog({
    uri: `${stub.uri}/api`,
    warehouse: 'wh/1',
    authorization,
    clock,
    random,
    timeoutMs: 30_000,
  });
}

/** A catalog that has no table, and asks who asks. */
function empty(request: StubRequest, allowed: boolean): ReturnType<RestStub['answer']> {
  if (!allowed) return restError(401, 'NotAuthorizedException');
  if (request.target.startsWith('/api/v1/config')) return { status: 200, body: {} };
  return restError(404, 'NoSuchTableException');
}

const TABLE = { namespace: 'shop', name: 'a b' };
const SECRET = 'only-for-tests/+=&%';

function oauthFor(stub: RestStub, clock: Clock, secret = () => SECRET): Authorization {
  return bearerAuthorization(
    oauthTokens({
      address: restAddress(`${stub.uri}/tokens`),
      clientId: 'client 1',
      clientSecret: () => Promise.resolve(secret()),
      scope: 'PRINCIPAL_ROLE:ALL',
      clock,
      random,
      timeoutMs: 30_000,
    }),
  );
}

/** Gives tokens `t1`, `t2`, ..., of which only the newest is good. */
function tokenServer(stub: RestStub, lifeSeconds: number): { made: number; valid: () => string } {
  const state = { made: 0, valid: () => `Bearer t${state.made}` };
  stub.answer = (request) => {
    if (request.target !== '/tokens') {
      return empty(request, request.headers.authorization === state.valid());
    }
    state.made++;
    const body = { access_token: `t${state.made}`, token_type: 'bearer', expires_in: lifeSeconds };
    return { status: 200, body };
  };
  return state;
}

test('a token is asked for by client credentials, once, and sent with every request', async () => {
  await using stub = await startRestStub();
  const clock = movedClock();
  const tokens = tokenServer(stub, 3600);
  const catalog = await open(stub, oauthFor(stub, clock), clock);
  await Promise.all([1, 2, 3, 4].map(() => catalog.loadTable(TABLE)));
  equal(tokens.made, 1);
  const [asked, config, load] = stub.requests;
  ok(asked !== undefined && config !== undefined && load !== undefined);
  equal(asked.method, 'POST');
  equal(asked.headers['content-type'], 'application/x-www-form-urlencoded');
  equal(asked.headers.authorization, undefined);
  deepEqual(Object.fromEntries(new URLSearchParams(asked.body)), {
    grant_type: 'client_credentials',
    client_id: 'client 1',
    client_secret: SECRET,
    scope: 'PRINCIPAL_ROLE:ALL',
  });
  equal(config.target, '/api/v1/config?warehouse=wh%2F1');
  equal(load.target, '/api/v1/namespaces/shop/tables/a%20b');
  equal(load.headers.authorization, 'Bearer t1');
});

test('a token is replaced a minute before its end, by whoever comes first', async () => {
  await using stub = await startRestStub();
  const clock = movedClock();
  const tokens = tokenServer(stub, 3600);
  const catalog = await open(stub, oauthFor(stub, clock), clock);
  clock.by = 3530_000;
  await catalog.loadTable(TABLE);
  equal(tokens.made, 1);
  clock.by = 3545_000;
  await Promise.all([1, 2, 3, 4].map(() => catalog.loadTable(TABLE)));
  equal(tokens.made, 2);
  equal(stub.requests.filter(({ target }) => target === '/tokens').length, 2);
});

test('a token that is refused before its end is replaced once, with the secret as it is now', async () => {
  await using stub = await startRestStub();
  const clock = movedClock();
  const tokens = tokenServer(stub, 3600);
  let secret = 'first';
  const catalog = await open(
    stub,
    oauthFor(stub, clock, () => secret),
    clock,
  );
  // The server forgets its tokens.
  tokens.made++;
  secret = 'second';
  equal(await catalog.loadTable(TABLE), null);
  equal(tokens.made, 3);
  match(stub.requests.findLast(({ target }) => target === '/tokens')?.body ?? '', /second/);
  // A server that takes no token at all is not asked for ever.
  const answer = stub.answer;
  stub.answer = (request) =>
    request.target === '/tokens' ? answer(request) : restError(401, 'NotAuthorizedException');
  await rejects(catalog.loadTable(TABLE), (error) => isFirnError(error, 'CATALOG-REMOTE-DENIED'));
  equal(tokens.made, 4);
});

test('a token server that is busy is asked again; one that refuses is not, and tells nothing', async () => {
  await using stub = await startRestStub();
  const clock = movedClock();
  let asked = 0;
  stub.answer = (request) => {
    if (request.target !== '/tokens') return empty(request, true);
    if (++asked < 3) return { status: 503 };
    return { status: 400, body: { error: 'invalid_client', error_description: SECRET } };
  };
  await rejects(open(stub, oauthFor(stub, clock), clock), (error) => {
    ok(isFirnError(error, 'CATALOG-REMOTE-DENIED'));
    match(error.message, /400 invalid_client/);
    return !error.message.includes(SECRET);
  });
  equal(asked, 3);
});

test('spec: K8 a kept token is read again when it is refused, and never shown', async () => {
  await using stub = await startRestStub();
  const clock = movedClock();
  let kept = 'old-token-0123456789';
  let valid = kept;
  stub.answer = (request) => {
    const { authorization } = request.headers;
    if (authorization === `Bearer ${valid}`) return empty(request, true);
    return restError(401, 'NotAuthorizedException', `not ${authorization ?? 'there'}`);
  };
  const authorization = bearerAuthorization(keptToken(() => Promise.resolve(kept)));
  const catalog = await open(stub, authorization, clock);
  valid = 'new-token-0123456789';
  kept = valid;
  equal(await catalog.loadTable(TABLE), null);
  valid = 'unknown';
  await rejects(catalog.loadTable(TABLE), (error) => {
    ok(isFirnError(error, 'CATALOG-REMOTE-DENIED'));
    match(error.message, /not Bearer \*\*\*/);
    return true;
  });
});

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Checks a signature as the receiver would (AWS IAM User Guide, "Create a signed request"). */
function isSigned(request: StubRequest, keys: { readonly id: string; readonly secret: string }) {
  const given = /^AWS4-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=(\w+)$/.exec(
    request.headers.authorization ?? '',
  );
  const [id, ...scope] = (given?.[1] ?? '').split('/');
  const names = (given?.[2] ?? '').split(';');
  const [path = '', query = ''] = request.target.split('?');
  // Of every service but S3, each part of the path is encoded once more.
  const twice = path.split('/').map(encodeURIComponent).join('/');
  const headers = names.map((name) => `${name}:${String(request.headers[name])}\n`).join('');
  const bodyHash = sha256(request.body);
  const canonical = [request.method, twice, query, headers, names.join(';'), bodyHash].join('\n');
  const time = String(request.headers['x-amz-date']);
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${keys.secret}`);
  return (
    id === keys.id &&
    scope.join('/') === `${time.slice(0, 8)}/eu-west-1/glue/aws4_request` &&
    request.headers['x-amz-content-sha256'] === bodyHash &&
    given?.[3] === hmac(key, text).toString('hex')
  );
}

test('each request is signed for its service, path, query and body', async () => {
  await using stub = await startRestStub();
  const clock = movedClock();
  let keys = { id: 'AKIATEST', secret: 'secret-1' };
  let valid = keys;
  stub.answer = (request) =>
    isSigned(request, valid) ? empty(request, true) : restError(403, 'ForbiddenException');
  const authorization = signatureAuthorization({
    region: 'eu-west-1',
    service: 'glue',
    credentials: () =>
      Promise.resolve({ accessKeyId: keys.id, secretAccessKey: keys.secret, sessionToken: 'st' }),
  });
  const catalog = await open(stub, authorization, clock);
  equal(await catalog.loadTable({ namespace: 'a.b', name: 'ö/ %' }), null);
  equal(stub.requests.at(-1)?.target, '/api/v1/namespaces/a%1Fb/tables/%C3%B6%2F%20%25');
  equal(stub.requests.at(-1)?.headers['x-amz-security-token'], 'st');
  const outcome = await catalog.commit([{ identifier: TABLE, requirements: [], updates: [] }]);
  equal(outcome.kind, 'conflict');
  // Keys that were replaced are read again; the same ones are not tried twice.
  valid = { id: 'AKIATEST', secret: 'secret-2' };
  const before = stub.requests.length;
  await rejects(catalog.loadTable(TABLE), (error) => isFirnError(error, 'CATALOG-REMOTE-DENIED'));
  equal(stub.requests.length, before + 1);
  keys = valid;
  equal(await catalog.loadTable(TABLE), null);
});

/**
 * Sessions of Spark Connect against a server of HTTP/2 on this machine: what is sent once, what is
 * taken up again after a cut, and when an outcome is said to be unknown. That the messages are
 * those of Spark is tested on Spark itself.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import * as fc from 'fast-check';
import { makeAuthority, makeCertificate } from '../../../../test/live/support/certificates.ts';
import { hurriedClock } from '../../../../test/support/hurried-clock.ts';
import { startGrpc } from '../../../../test/support/stub-grpc.ts';
import type { StubCall, StubGrpc, StubReply } from '../../../../test/support/stub-grpc.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import type { ErrorCode } from '../../../kernel/error-registry.ts';
import { systemClock } from '../../../kernel/clock.ts';
import { seededRandom } from '../../../kernel/random.ts';
import { decodeMessage, encodeMessage, messageField, textField } from './protobuf.ts';
import type { ProtoMessage } from './protobuf.ts';
import { SparkSession } from './spark-session.ts';
import type { SparkParts } from './spark-session.ts';

const GOOD = { status: 0 } as const;

function response(id: string, complete = false): Uint8Array {
  return encodeMessage([[13, id], [15, 'server-1'], ...(complete ? ([[14, []]] as const) : [])]);
}

const WHOLE: StubReply = { messages: [response('r1'), response('r2', true)], end: GOOD };
const EMPTY: StubReply = { messages: [encodeMessage([[1, 's']])], end: GOOD };

/** A server that gives these replies to the calls that run statements, and nothing to others. */
async function serve(
  context: TestContext,
  replies: readonly StubReply[],
  tls?: { readonly cert: string; readonly key: string },
): Promise<StubGrpc> {
  let next = 0;
  const server = await startGrpc(({ method }) => {
    if (method !== 'ExecutePlan' && method !== 'ReattachExecute') return EMPTY;
    return replies[Math.min(next++, replies.length - 1)] ?? EMPTY;
  }, tls);
  context.after(() => server.close());
  return server;
}

function open(
  context: TestContext,
  server: StubGrpc,
  parts: Partial<SparkParts> = {},
): SparkSession {
  const session = new SparkSession({
    address: server.address,
    isSecure: false,
    authority: null,
    token: null,
    clock: hurriedClock(50),
    random: seededRandom(7),
    ...parts,
  });
  context.after(() => session.close());
  return session;
}

function fieldsOf({ message }: StubCall): ProtoMessage {
  const fields = decodeMessage(message);
  assert.ok(fields !== null);
  return fields;
}

const methods = ({ calls }: StubGrpc): readonly string[] => calls.map(({ method }) => method);

function coded(code: ErrorCode, words = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isFirnError(error, code), String(error));
    assert.match(error.what, words);
    assert.doesNotMatch(error.what, /canary/);
    return true;
  };
}

test('a statement is one call, and the server may forget it', async (context) => {
  const server = await serve(context, [WHOLE]);
  await open(context, server).execute('MERGE');
  assert.deepEqual(methods(server), ['ExecutePlan', 'ReleaseExecute']);
  const [execute, release] = server.calls.map(fieldsOf);
  assert.ok(execute !== undefined && release !== undefined);
  const plan = messageField(execute, 3);
  const command = plan === null ? null : messageField(plan, 2);
  assert.ok(command !== null);
  assert.equal(textField(execute, 6), textField(release, 3));
  assert.match(textField(execute, 1), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
});

test('an answer that is cut is taken up where it ended, and the statement not sent again', async (context) => {
  const server = await serve(context, [
    { messages: [response('r1')], end: 'cut' },
    { messages: [], end: 'cut' },
    // The server ends long answers by itself.
    { messages: [response('r2')], end: GOOD },
    { messages: [response('r3', true)], end: GOOD },
  ]);
  await open(context, server).execute('MERGE');
  assert.deepEqual(methods(server), [
    'ExecutePlan',
    'ReattachExecute',
    'ReattachExecute',
    'ReattachExecute',
    'ReleaseExecute',
  ]);
  const reattached = server.calls.slice(1, 4).map((call) => textField(fieldsOf(call), 5));
  assert.deepEqual(reattached, ['r1', 'r1', 'r2']);
  // A server that was started anew is not mistaken for this one.
  assert.equal(textField(fieldsOf(server.calls[1] as StubCall), 6), 'server-1');
});

test('spec: E6 — a statement whose answer is lost for good has an unknown outcome', async (context) => {
  const gone = { status: 13, detail: '[INVALID_HANDLE.OPERATION_NOT_FOUND] canary' } as const;
  for (const [replies, code] of [
    [[{ end: 'cut' }, { end: gone }], 'CLUSTER-SILENT'],
    [[{ messages: [response('r1')], end: 'cut' }, { end: 'cut' }], 'CLUSTER-SILENT'],
    [
      [{ end: { ...gone, detail: '[INVALID_HANDLE.SESSION_CHANGED] canary' } }],
      'CLUSTER-UNREACHABLE',
    ],
  ] as const) {
    const server = await serve(context, replies);
    await assert.rejects(open(context, server).execute('MERGE'), (error) => {
      // Lost before anything came back: it may have arrived all the same.
      const expected = replies.length === 1 ? 'CLUSTER-SILENT' : code;
      return coded(expected)(error);
    });
    assert.equal(methods(server).filter((method) => method === 'ExecutePlan').length, 1);
  }
});

test('nothing was sent to a server that is not there', async (context) => {
  const server = await serve(context, []);
  await server.close();
  await assert.rejects(open(context, server).execute('MERGE'), coded('CLUSTER-UNREACHABLE'));
});

test('spec: E7 — of a failure its class is told, and no value', async (context) => {
  for (const [detail, words] of [
    [
      "[CAST_INVALID_INPUT] The value 'canary' of the type. SQLSTATE: 22018",
      /: CAST_INVALID_INPUT \(SQLSTATE 22018\)$/,
    ],
    [
      'org.apache.iceberg.exceptions.ValidationException: canary',
      /: org\.apache\.iceberg\.exceptions\.ValidationException$/,
    ],
    ['canary', /: gRPC status 13$/],
  ] as const) {
    const server = await serve(context, [{ end: { status: 13, detail } }]);
    await assert.rejects(open(context, server).execute('x'), coded('CLUSTER-STATEMENT', words));
  }
  for (const end of ['http-401', { status: 16 }] as const) {
    const server = await serve(context, [{ end }]);
    await assert.rejects(open(context, server).execute('x'), coded('CLUSTER-REFUSED', /token/));
  }
});

test('what a statement raises itself is told by its mark alone', async (context) => {
  for (const [detail, told] of [
    ['Job aborted. [USER_RAISED_EXCEPTION] firn:misfit:12 canary', /: firn:misfit:12$/],
    ["[PARSE_SYNTAX_ERROR] canary raise_error('firn:misfit:12')", /: PARSE_SYNTAX_ERROR$/],
    ['[USER_RAISED_EXCEPTION] canary', /: USER_RAISED_EXCEPTION$/],
  ] as const) {
    const server = await serve(context, [{ end: { status: 13, detail } }]);
    await assert.rejects(open(context, server).execute('INSERT'), coded('CLUSTER-STATEMENT', told));
  }
});

test('a session that is given up is ended at the server with what runs in it', async (context) => {
  const given = new AbortController();
  const { signal } = given;
  const server = await serve(context, [{ messages: [response('r1')], end: 'silent' }]);
  const session = open(context, server, { signal, clock: systemClock });
  const running = session.execute('INSERT');
  while (server.calls.length === 0) await systemClock.sleep(5);
  await systemClock.sleep(20);
  given.abort();
  await assert.rejects(running, coded('CLUSTER-SILENT'));
  await session.close();
  assert.equal(methods(server).at(-1), 'ReleaseSession');
});

test('a statement past its deadline is interrupted, its outcome unknown', async (context) => {
  const server = await serve(context, [{ messages: [response('r1')], end: 'silent' }]);
  const session = open(context, server, { statementMs: 2000, idleMs: 3000 });
  await assert.rejects(session.execute('MERGE'), coded('CLUSTER-SILENT'));
  const interrupt = server.calls.find(({ method }) => method === 'Interrupt');
  assert.ok(interrupt !== undefined);
  const execute = server.calls[0] as StubCall;
  assert.equal(textField(fieldsOf(interrupt), 6), textField(fieldsOf(execute), 6));
});

test('a token goes over TLS alone, to a server whose certificate is right', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-grpc-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const authority = makeAuthority(folder, 'ours');
  makeCertificate({ folder, authority: 'ours', hostName: 'localhost', days: 3 });
  const [cert, key] = ['pem', 'key'].map((kind) =>
    readFileSync(join(folder, `server.${kind}`), 'utf8'),
  );
  const server = await serve(context, [WHOLE], { cert: cert ?? '', key: key ?? '' });
  const token = (): Promise<string> => Promise.resolve('canary');
  const tls = { isSecure: true, token };
  await open(context, server, { ...tls, authority }).execute('x');
  assert.equal(server.calls[0]?.headers.authorization, 'Bearer canary');
  await assert.rejects(open(context, server, tls).execute('x'), coded('CLUSTER-UNREACHABLE'));
  const plain = await serve(context, [WHOLE]);
  await open(context, plain, { token }).execute('x');
  assert.equal(plain.calls[0]?.headers.authorization, undefined);
});

test('messages come back as they were written, and hostile bytes are refused or read', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 2 ** 29 - 1 }),
          fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.uint8Array()),
        ),
      ),
      (fields) => {
        const message = decodeMessage(encodeMessage(fields));
        assert.ok(message !== null);
        const wanted = new Map<number, (bigint | Uint8Array)[]>();
        for (const [number, value] of fields)
          wanted.set(number, [...(wanted.get(number) ?? []), value]);
        for (const [number, values] of wanted) {
          assert.deepEqual(
            message.get(number)?.map((value) => (typeof value === 'bigint' ? value : [...value])),
            values.map((value) => (typeof value === 'bigint' ? value : [...value])),
          );
        }
      },
    ),
    { numRuns: 100 },
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      decodeMessage(bytes);
    }),
  );
});

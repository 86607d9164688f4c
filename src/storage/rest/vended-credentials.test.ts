/**
 * Keys that a catalog gives out with its tables, against an object store that takes only the right
 * ones for each place.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleMetadata } from '../../../test/conformance/sample-table.ts';
import { errorBody, startFaultProxy } from '../../../test/support/fault-proxy.ts';
import type { FaultProxy } from '../../../test/support/fault-proxy.ts';
import { startMemoryS3 } from '../../../test/support/memory-s3.ts';
import { restError, startRestStub } from '../../../test/support/rest-stub.ts';
import type { RestStub } from '../../../test/support/rest-stub.ts';
import { storeOptions } from '../../../test/support/s3-bucket.ts';
import { encodeTableMetadata } from '../../iceberg/table-metadata-json.ts';
import type { TableMetadata } from '../../iceberg/table-metadata.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { systemRandom as random } from '../../kernel/random.ts';
import type { S3ObjectStore } from '../s3/s3-object-store.ts';
import { createS3ObjectStore } from '../s3/s3-object-store.ts';
import { noAuthorization } from './authorization.ts';
import { openRestCatalog } from './rest-catalog.ts';
import { VendedCredentials } from './vended-credentials.ts';

const TABLE = { namespace: 'shop', name: 't' };
const HOUR_MS = 3_600_000;
/** Of the warehouse itself. */
const OWN_KEY = 'AKIATESTS';
const CREDENTIALS = 'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials';

interface World {
  readonly store: S3ObjectStore;
  readonly stub: RestStub;
  readonly folder: string;
  readonly location: string;
  readonly clock: { by: number };
  /** Which key the store wants, by the start of the location; the first that fits. */
  wanted: readonly (readonly [prefix: string, key: string])[];
  /** The key that the catalog gives out now. */
  given: string;
  load(): Promise<void>;
  /** Requests for keys alone. */
  readonly asked: () => number;
}

function configOf(key: string, endMs: number): Readonly<Record<string, string>> {
  return {
    's3.access-key-id': key,
    's3.secret-access-key': `secret of ${key}`,
    's3.session-token': `session of ${key}`,
    's3.session-token-expires-at-ms': `${endMs}`,
  };
}

/** The answers of a catalog whose only table is `metadata`, and which gives out `keys`. */
function answersOf(
  metadata: TableMetadata,
  options: { readonly offersKeys: boolean; readonly keys: () => unknown },
): RestStub['answer'] {
  return ({ target, headers }) => {
    if (target.startsWith('/v1/config')) {
      return { status: 200, body: options.offersKeys ? { endpoints: [CREDENTIALS] } : {} };
    }
    if (target.endsWith('/t/credentials')) {
      return { status: 200, body: { 'storage-credentials': options.keys() } };
    }
    if (headers['x-iceberg-access-delegation'] !== 'vended-credentials') {
      return restError(400, 'BadRequestException');
    }
    const text = Buffer.from(encodeTableMetadata(metadata)).toString('utf8');
    const more = JSON.stringify(options.keys());
    const at = '"metadata-location":"s3://x/m.json"';
    return { status: 200, body: `{${at},"metadata":${text},"storage-credentials":${more}}` };
  };
}

/** Refuses requests that are not signed with the key that the world wants at their place. */
function doorman(world: World): FaultProxy['plan'] {
  return ({ target, headers }) => {
    const location = `s3:/${target.split('?')[0]}`;
    const key = /Credential=([^/]+)\//.exec(String(headers.authorization))?.[1] ?? '';
    const token = headers['x-amz-security-token'] ?? null;
    const wanted = world.wanted.find(([prefix]) => location.startsWith(prefix))?.[1] ?? OWN_KEY;
    const isRight = key === wanted && token === (key === OWN_KEY ? null : `session of ${key}`);
    return isRight ? null : { kind: 'answer', status: 400, body: errorBody('ExpiredToken') };
  };
}

function movedClock(moved: { readonly by: number }): Clock {
  return {
    nowMs: () => systemClock.nowMs() + moved.by,
    monotonicMs: () => systemClock.monotonicMs() + moved.by,
    sleep: (ms, signal) => systemClock.sleep(ms > 10_000 ? ms : ms / 100, signal),
  };
}

async function inWorld(offersKeys: boolean, body: (world: World) => Promise<void>): Promise<void> {
  await using s3 = await startMemoryS3();
  await using proxy = await startFaultProxy(s3.endpoint);
  await using stub = await startRestStub();
  const folder = await mkdtemp(join(tmpdir(), 'firn-vended-'));
  const moved = { by: 0 };
  const clock = movedClock(moved);
  const vended = new VendedCredentials(clock);
  const options = storeOptions(proxy.endpoint, join(folder, 'copies'));
  const store = createS3ObjectStore({ ...options, clock, scoped: vended });
  const metadata = sampleMetadata(store.root, { clock, random });
  const keys = () => {
    const config = configOf(world.given, clock.nowMs() + HOUR_MS);
    // The shorter prefix comes first, and is not the one to take.
    return [
      { prefix: 's3', config: configOf('too-wide', clock.nowMs() + HOUR_MS) },
      { prefix: metadata.location, config },
    ];
  };
  stub.answer = answersOf(metadata, { offersKeys, keys });
  const settings = { warehouse: null, authorization: noAuthorization, timeoutMs: 30_000 };
  const parts = { uri: stub.uri, clock, random, credentials: vended };
  const catalog = await openRestCatalog({ ...settings, ...parts });
  const world: World = {
    store,
    stub,
    folder,
    location: metadata.location,
    clock: moved,
    wanted: [],
    given: 'first',
    load: async () => ok((await catalog.loadTable(TABLE)) !== null),
    asked: () => stub.requests.filter(({ target }) => target.endsWith('/t/credentials')).length,
  };
  proxy.plan = doorman(world);
  try {
    await body(world);
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

async function holds(world: World, name: string): Promise<void> {
  const location = `${world.location}/${name}`;
  await world.store.write(location, Buffer.from(name));
  deepEqual(Buffer.from(await world.store.read(location)).toString(), name);
}

test('spec: K9 the files of a table have its keys, all else the warehouse’s own', async () => {
  await inWorld(true, async (world) => {
    world.wanted = [[`${world.location}/`, 'first']];
    await world.load();
    await holds(world, 'data/a');
    await world.store.write(`${world.store.root}/_firn/state`, Buffer.from('own'));
    await world.store.write(`${world.location}-beside/a`, Buffer.from('own'));
    equal(world.asked(), 0);
  });
});

test('keys are replaced before their end, by one question however many wait', async () => {
  await inWorld(true, async (world) => {
    world.wanted = [[`${world.location}/`, 'first']];
    await world.load();
    world.given = 'second';
    world.clock.by = HOUR_MS - 6 * 60_000;
    await holds(world, 'data/a');
    world.clock.by = HOUR_MS - 4 * 60_000;
    world.wanted = [[`${world.location}/`, 'second']];
    await Promise.all(['b', 'c', 'd', 'e'].map((name) => holds(world, `data/${name}`)));
    equal(world.asked(), 1);
  });
});

test('keys that are refused in the middle of an upload are replaced, and it goes on', async () => {
  for (const offersKeys of [true, false]) {
    await inWorld(offersKeys, async (world) => {
      const within = `${world.location}/`;
      world.wanted = [[within, 'first']];
      await world.load();
      const path = join(world.folder, 'large');
      const content = Buffer.from(random.bytes(20 * 1024 * 1024));
      await writeFile(path, content);
      world.given = 'second';
      // From the first part on the store takes only the new keys.
      const upload = world.store.upload(path, `${world.location}/data/large`);
      await systemClock.sleep(5);
      world.wanted = [[within, 'second']];
      equal((await upload).sizeBytes, content.length);
      const read = await world.store.read(`${world.location}/data/large`);
      ok(Buffer.compare(read, content) === 0);
      equal(world.asked(), offersKeys ? 1 : 0);
    });
  }
});

test('keys that the catalog cannot replace are said to be refused', async () => {
  await inWorld(true, async (world) => {
    world.wanted = [[`${world.location}/`, 'nobody']];
    await world.load();
    await rejects(holds(world, 'data/a'), (error) => {
      ok(isFirnError(error, 'STORAGE-REMOTE-CREDENTIALS'));
      return !error.message.includes('secret of');
    });
    // A catalog that does not answer takes no keys away that are still good.
    world.wanted = [[`${world.location}/`, 'first']];
    world.stub.answer = () => 'cut';
    world.clock.by = HOUR_MS - 4 * 60_000;
    await holds(world, 'data/b');
  });
});

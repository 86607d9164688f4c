/**
 * Firn's client of REST catalogs against SeaweedFS's own catalog, which checks the signature of
 * every request. The suite of all catalogs is not for it: it makes tables in namespaces that are
 * not there, and has let several clients make one table at once, each of which was told so.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import type { Catalog } from '../../src/ports/catalog.ts';
import type { SigningKeys } from '../../src/storage/http/signature-v4.ts';
import { signatureAuthorization } from '../../src/storage/rest/authorization.ts';
import { openRestCatalog } from '../../src/storage/rest/rest-catalog.ts';
import { S3_KEYS, startTableServer } from '../../tools/servers/s3-server.ts';
import type { RunningTableServer } from '../../tools/servers/s3-server.ts';
import { rejectsWith } from '../conformance/object-store.ts';
import { appendCommit, sampleMetadata } from '../conformance/sample-table.ts';
import { pythonSkip } from './pyiceberg.ts';

const skip = pythonSkip();
const folder = mkdtempSync(join(tmpdir(), 'firn-rest-signed-'));
const source = { clock, random };
const KEYS: SigningKeys = { ...S3_KEYS, sessionToken: null };
let server: RunningTableServer | null = null;

before(async () => {
  if (skip === false) server = await startTableServer(folder);
});

after(async () => {
  await server?.end();
  rmSync(folder, { recursive: true, force: true });
});

function connect(keys = KEYS): Promise<Catalog> {
  ok(server !== null);
  const credentials = () => Promise.resolve(keys);
  return openRestCatalog({
    uri: server.uri,
    warehouse: server.warehouse,
    authorization: signatureAuthorization({ region: 'us-east-1', service: 's3', credentials }),
    clock,
    random,
    timeoutMs: 30_000,
  });
}

test('a server that checks signatures takes those of every kind of request', { skip }, async () => {
  const catalog = await connect();
  const other = await connect();
  equal(await catalog.catalogId(), await other.catalogId());
  await catalog.ensureNamespace('shop');
  deepEqual(await catalog.listNamespaces(), ['shop']);
  const identifier = { namespace: 'shop', name: 'orders' };
  equal(await catalog.loadTable(identifier), null);
  const metadata = sampleMetadata('s3://lake/data', source);
  const made = await catalog.createTable(identifier, metadata);
  equal(made.metadata.tableUuid, metadata.tableUuid);
  equal((await other.createTable(identifier, metadata)).metadataLocation, made.metadataLocation);
  const another = sampleMetadata('s3://lake/data', source);
  await rejectsWith('CATALOG-TABLE-EXISTS', () => other.createTable(identifier, another));
  const commit = appendCommit(made, { step: '1' }, source);
  equal((await catalog.commit([commit])).kind, 'committed');
  equal((await other.commit([commit])).kind, 'conflict');
  const now = await other.loadTable(identifier);
  deepEqual(
    now?.metadata.snapshots.map(({ summary }) => summary['step']),
    ['1'],
  );
  await catalog.dropTable(identifier);
  deepEqual(await other.listTables('shop'), []);
});

test(
  'a snapshot whose number is taken is a conflict, also where it is answered by 400',
  { skip },
  async () => {
    const catalog = await connect();
    await catalog.ensureNamespace('shop');
    const identifier = { namespace: 'shop', name: 'numbers' };
    const made = await catalog.createTable(identifier, sampleMetadata('s3://lake/data', source));
    const first = await catalog.commit([appendCommit(made, { step: '1' }, source)]);
    ok(first.kind === 'committed' && first.tables[0] !== undefined);
    const stale = appendCommit(first.tables[0], { step: 'stale' }, source);
    equal(
      (await catalog.commit([appendCommit(first.tables[0], { step: '2' }, source)])).kind,
      'committed',
    );
    equal((await catalog.commit([{ ...stale, requirements: [] }])).kind, 'conflict');
  },
);

test('a request that is signed with other keys is refused by name', { skip }, async () => {
  const catalog = await connect({ ...KEYS, secretAccessKey: 'another' });
  const seen: unknown = await catalog.listNamespaces().catch((error: unknown) => error);
  equal(isFirnError(seen, 'CATALOG-REMOTE-DENIED'), true);
});

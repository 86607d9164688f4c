/**
 * Firn's client of REST catalogs against a server that is not Firn's: the reference
 * implementation's. One suite with the SQLite catalog and with Firn's own server, then a pipeline.
 */
import { equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import type { Catalog } from '../../src/ports/catalog.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { noAuthorization } from '../../src/storage/rest/authorization.ts';
import { openRestCatalog } from '../../src/storage/rest/rest-catalog.ts';
import { startRestFixture } from '../../tools/servers/rest-fixture-server.ts';
import type { RunningRestServer } from '../../tools/servers/rest-fixture-server.ts';
import { ensureRestKit } from '../../tools/rest-kit.ts';
import { catalogConformance } from '../conformance/catalog.ts';
import { LakePlace } from '../support/lake-place.ts';
import { pythonSkip } from './pyiceberg.ts';
import { provePipeline } from './remote-pipeline.ts';

const kit = ensureRestKit();
const skip = kit.kind === 'absent' ? kit.reason : pythonSkip();
const folder = mkdtempSync(join(tmpdir(), 'firn-rest-fixture-'));
/** A dot joins levels; its web server takes no slash, and no percent sign, in a name. */
const refused = { namespaces: ['', 'a.b', '../x', '%'], tables: ['', '../x', '%'] };
let server: RunningRestServer | null = null;

before(async () => {
  if (kit.kind === 'absent') return;
  const warehouse = join(folder, 'elsewhere');
  server = await startRestFixture({ classPath: kit.classPath, folder, warehouse });
});

after(async () => {
  await server?.end();
  rmSync(folder, { recursive: true, force: true });
});

function connect(): Promise<Catalog> {
  ok(server !== null);
  return openRestCatalog({
    uri: server.uri,
    warehouse: null,
    authorization: noAuthorization,
    clock,
    random,
    timeoutMs: 30_000,
  });
}

/** The server is started once, so each catalog is emptied after its test. */
async function emptied(catalog: Catalog): Promise<void> {
  for (const namespace of await catalog.listNamespaces()) {
    for (const table of await catalog.listTables(namespace)) await catalog.dropTable(table);
    const path = namespace.split('.').map(encodeURIComponent).join('%1F');
    const answer = await fetch(`${server?.uri}/v1/namespaces/${path}`, { method: 'DELETE' });
    equal(answer.status, 204, namespace);
  }
}

if (skip === false) {
  catalogConformance('the reference implementation’s server over REST', async () => {
    const store = createLocalObjectStore({ folder: join(folder, 'lake'), clock, random });
    const catalog = await connect();
    const close = async (): Promise<void> => {
      await emptied(catalog);
      await catalog.close();
    };
    return { catalog, store, connect, close, server: 'foreign', refused };
  });
}

test('a pipeline over the reference implementation’s server proves equal', { skip }, async () => {
  ok(server !== null);
  using place = new LakePlace();
  const said = await provePipeline(place, server.uri);
  process.stdout.write(`over the reference implementation’s server, alike:${said}\n`);
});

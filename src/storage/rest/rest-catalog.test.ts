/** The client of REST catalogs obeys the contract of catalogs, over Firn's own server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCatalogServer } from '../../catalog-server/catalog-server.ts';
import { systemClock as clock } from '../../kernel/clock.ts';
import { systemRandom as random } from '../../kernel/random.ts';
import { catalogConformance } from '../../../test/conformance/catalog.ts';
import type { Catalog } from '../../ports/catalog.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { createLocalObjectStore } from '../local-object-store.ts';
import { openServedSqliteCatalog } from '../sqlite-catalog.ts';
import { noAuthorization } from './authorization.ts';
import { openRestCatalog } from './rest-catalog.ts';

/** A dot joins the levels of a namespace, none of which may be empty. */
const refused = { namespaces: ['', 'a.b', '../x'], tables: [''] };

catalogConformance('Firn’s own server over REST', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firn-rest-catalog-'));
  const store = createLocalObjectStore({ folder: join(folder, 'lake'), clock, random });
  const path = join(folder, 'catalog.db');
  const ends: (() => Promise<void>)[] = [];
  const connect = async (view: ObjectStore): Promise<Catalog> => {
    const parts = { store: view, clock, random };
    const served = await openServedSqliteCatalog({ path, name: 'firn', ...parts });
    const server = await startCatalogServer({
      ...parts,
      catalog: served,
      clientConfig: {},
      host: '127.0.0.1',
      port: 0,
      access: { hosts: [], token: null },
    });
    ends.push(async () => {
      await server.close();
      await served.close();
    });
    return openRestCatalog({
      uri: `http://127.0.0.1:${server.port}`,
      warehouse: null,
      authorization: noAuthorization,
      clock,
      random,
      timeoutMs: 30_000,
    });
  };
  const catalog = await connect(store);
  const close = async (): Promise<void> => {
    await catalog.close();
    for (const end of ends) await end();
    await rm(folder, { recursive: true });
  };
  return { catalog, store, connect, close, server: 'firn', refused };
});

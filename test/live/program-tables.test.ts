/**
 * Tables that come, go, change and are swapped while the pipeline runs and a writer writes: each
 * ends equal, or halts by name and is equal after `firn bootstrap`; the others never wait for it.
 */
import { deepEqual, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { LivePlace } from './support/live-place.ts';
import type { LiveRun } from './support/live-place.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import type { LiveDatabase, LiveServer } from './support/live-server.ts';

const COLUMNS = '(id INT PRIMARY KEY, v INT)';

interface Prepared {
  readonly server: LiveServer;
  readonly name: string;
  readonly database: LiveDatabase;
}

async function prepared(t: TestContext, flavour: ServerFlavour): Promise<Prepared> {
  const server = await openLiveServer(t, flavour);
  const database = await createDatabase(t, server);
  const { name } = database;
  await server.run(`USE ${name}`);
  return { server, name, database };
}

/** Waits until `table` is said to be loaded. */
async function isLoaded(run: LiveRun, table: string): Promise<void> {
  await run.saw((event) => event.kind === 'published' && event.table.endsWith(`.${table}`));
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: new tables are picked up while running (spec: Y5)`, { skip }, async (t) => {
    const { server, database, name } = await prepared(t, flavour);
    await server.run(
      `CREATE TABLE e_first ${COLUMNS}`,
      `CREATE TABLE other ${COLUMNS}`,
      'INSERT INTO other VALUES (1, 1), (2, 2)',
    );
    const place = new LivePlace(t, { server, database, tables: ['e_*'] });
    const run = await place.start();
    await isLoaded(run, 'e_first');
    await server.run(
      `CREATE TABLE e_second ${COLUMNS}`,
      'INSERT INTO e_second VALUES (1, 1), (2, 2)',
      'INSERT INTO e_first VALUES (1, 1)',
      // The helpers of a migration come and go, and a pattern does not take them.
      'CREATE TABLE _e_first_gho LIKE e_first',
      'RENAME TABLE other TO e_third',
      'CREATE TABLE e_fourth LIKE e_third',
      'CREATE TABLE e_gone (id INT)',
      'DROP TABLE e_gone',
    );
    await isLoaded(run, 'e_fourth');
    await isLoaded(run, 'e_third');
    await server.run(
      'INSERT INTO e_fourth VALUES (4, 4)',
      'UPDATE e_third SET v = 9',
      'UPDATE e_second SET v = 9 WHERE id = 2',
    );
    await run.stop();
    await place.expectEqual();
    const { tables } = await place.status();
    deepEqual(
      tables.map(({ table }) => table),
      ['e_first', 'e_fourth', 'e_second', 'e_third'].map((table) => `${name}.${table}`),
    );
    // Nothing is picked up twice: the same statements are read once more.
    ok(place.events.filter(({ kind }) => kind === 'started').length === 1);
  });
}

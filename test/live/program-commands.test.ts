/** The commands of the program on both servers, with exactly the documented grants. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { expectEqual, liveWorkplace, writePipelineFile } from './support/live-pipeline.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import { createWriterTables, startWriter } from './support/live-writer.ts';

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: init, check, run and verify (spec: Y18, Y20)`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const database = await createDatabase(t, server);
    await createWriterTables(server, database.name);
    using place = liveWorkplace(database);
    const init = await place.run('init', database.url);
    equal(init.code, 0, init.out + init.err);
    equal((init.out + init.err).includes(database.password), false, 'the password is shown');
    writePipelineFile(place, { server, database, tables: ['items', 'pairs', 'events'] });
    const check = await place.run('check', 'firn.yaml');
    equal(check.code, 0, check.out + check.err);
    await expectEqual(place, server, database);
    await server.run(`DELETE FROM ${database.name}.items WHERE id < 300`);
    await expectEqual(place, server, database);
  });

  test(`${flavour}: verify is equal while a writer writes at full speed`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const database = await createDatabase(t, server);
    await createWriterTables(server, database.name);
    using place = liveWorkplace(database);
    writePipelineFile(place, { server, database, tables: ['items', 'pairs', 'events'] });
    const wish = { seed: 2, sessions: 4, transactionsMax: 20_000, pauseMs: 0 };
    const writer = await startWriter(t, server, { ...wish, database: database.name });
    const first = await place.run('run', 'firn.yaml', '--once');
    equal(first.code, 0, first.out + first.err);
    const run = place.start('run', 'firn.yaml');
    await writer.more(200);
    const proof = await place.run('verify', 'firn.yaml', '--json');
    equal(proof.code, 0, proof.out + proof.err);
    match(proof.out, /"equal": ?true/);
    await writer.stop();
    run.child.kill('SIGTERM');
    equal((await run.ended).code, 130, 'ended in order');
    await expectEqual(place, server, database);
  });
}

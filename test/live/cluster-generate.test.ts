/**
 * `firn generate` and `firn check` of cluster pipelines: real servers, the real program, and
 * services of the cluster that are never ready.
 */
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { Workplace } from '../cli/firn-process.ts';
import { startStub } from '../support/stub-service.ts';
import { liveWorkplace, writePipelineFile } from './support/live-pipeline.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import { createWriterTables } from './support/live-writer.ts';

/** Every file below a folder, by path. */
function filesOf(place: Workplace, folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(place.path(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .toSorted();
  const start = place.path(folder).length + 1;
  return Object.fromEntries(names.map((name) => [name.slice(start), readFileSync(name, 'utf8')]));
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(
    `${flavour}: what a cluster is told is written, the same each time (spec: E3, E4)`,
    { skip },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      const database = await createDatabase(t, server);
      await createWriterTables(server, database.name);
      const service = await startStub(() => ({ status: 503 }));
      t.after(() => service.close());
      using place = liveWorkplace(database);
      writePipelineFile(place, { server, database, tables: ['items', 'pairs', 'events'] });
      const cluster = [
        'engine: cluster',
        `cluster: {kafka: {bootstrapServers: "127.0.0.1:1"}, connect: {url: "${service.url}", connector: ${flavour}},`,
        `  flink: {gateway: "${service.url}", jobManager: "${service.url}"},`,
        '  spark: {address: "127.0.0.1:1", tls: off}}',
      ].join('\n');
      const file = place.path('firn.yaml');
      writeFileSync(file, `${readFileSync(file, 'utf8')}${cluster}\n`);

      const first = await place.run('generate', 'firn.yaml', '-o', 'out');
      equal(first.code, 0, first.out + first.err);
      match(first.out, /wrote \d+ files for 3 tables to out/);
      const files = filesOf(place, 'out');
      doesNotMatch(Object.values(files).join(''), new RegExp(database.password));
      match(
        files['connect/connector.json'] ?? '',
        /"database.password": "\$\{env:LIVE_PASSWORD\}"/,
      );
      match(files['flink/ledgers.sql'] ?? '', new RegExp(`${database.name}.*items_ledger`));

      // Nothing was made in the lake, and what is gone from the file is gone from the folder.
      equal(readdirSync(place.path('.')).includes('lake'), false);
      writeFileSync(place.path('out/mine.txt'), 'mine');
      rmSync(place.path('out/flink'), { recursive: true });
      equal((await place.run('generate', 'firn.yaml', '-o', 'out')).code, 0);
      deepEqual(filesOf(place, 'out'), { ...files, 'mine.txt': 'mine' });
      const fewer = readFileSync(file, 'utf8').replace(/, [\w]+\.events/, '');
      writeFileSync(file, fewer);
      equal((await place.run('generate', 'firn.yaml', '-o', 'out')).code, 0);
      const left = Object.keys(filesOf(place, 'out'));
      equal(left.filter((name) => name.includes('events')).length, 0);
      equal(left.includes('mine.txt'), true);

      const taken = await place.run('generate', 'firn.yaml', '-o', '.');
      equal(taken.code, 2, taken.out + taken.err);
      match(taken.err, /CLUSTER-OUTPUT-TAKEN/);

      const check = await place.run('check', 'firn.yaml', '--json');
      equal(check.code, 1, check.out + check.err);
      equal(check.out.match(/CLUSTER-UNREACHABLE/g)?.length, 8, check.out);
      match(check.out, /KAFKA-UNREACHABLE/);
      const dry = await place.run('apply', 'firn.yaml', '--dry-run');
      equal(dry.code, 1, dry.out + dry.err);
      match(dry.out, /would make table .*items_ledger\b/);
      // Looking has made nothing.
      equal(readdirSync(place.path('.')).includes('lake'), false);
    },
  );
}

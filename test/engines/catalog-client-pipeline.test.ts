/** A whole pipeline over Firn's own REST server, which is a program of its own beside it. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../tools/servers/database-server.ts';
import { LakePlace } from '../support/lake-place.ts';
import { pythonSkip } from './pyiceberg.ts';
import { provePipeline } from './remote-pipeline.ts';

const skip = pythonSkip();

test('a pipeline over Firn’s own REST server proves equal', { skip }, async () => {
  const port = await freePort();
  const uri = `http://127.0.0.1:${port}`;
  using place = new LakePlace();
  const served = 'name: served\nsource: {type: sqlite, path: ./app.db}\ntables: [t]\n';
  const file = place.write('served.yaml', `${served}lake: {warehouse: ./lake}\n`);
  const server = place.start('catalog', 'serve', file, '--port', `${port}`, '--json');
  await server.saw(uri);
  try {
    const said = await provePipeline(place, uri);
    process.stdout.write(`over Firn’s server, base + ledger alike:${said}\n`);
  } finally {
    server.child.kill('SIGTERM');
    equal((await server.ended).code, 130);
  }
});

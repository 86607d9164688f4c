/** `firn demo` on a real server: whole, ended by itself, equal, only in a database of its own. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { Workplace } from '../cli/firn-process.ts';
import { openLiveServer, skipWithout, uniqueName } from './support/live-server.ts';

for (const flavour of SERVER_FLAVOURS) {
  test(`the demo on ${flavour}`, { skip: skipWithout(flavour) }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const database = uniqueName('demo');
    t.after(async () => {
      const connection = await server.connect();
      await connection.query(`DROP DATABASE ${database}`);
      connection.destroy();
    });
    await server.run(`CREATE DATABASE ${database}`, `CREATE TABLE ${database}.mine (id INT)`);
    using place = new Workplace();
    const url = new URL(server.rootUrl);
    url.pathname = `/${database}`;
    url.search = '?tls=off';
    const refused = await place.run('demo', url.href);
    equal(refused.code, 2, refused.out);
    match(refused.err, /CONFIG-DEMO-SERVER.*nothing was touched/);

    await server.run(`DROP TABLE ${database}.mine`);
    const { code, out, err } = await place.run('demo', url.href);
    equal(code, 0, `${out}\n${err}`);
    for (const table of ['customers', 'order_lines', 'orders']) {
      match(out, new RegExp(`${table} +[\\d,]+ rows in the shop, +[\\d,]+ in the lake: equal`));
    }
    match(out, /the lake has the column after/);
    equal((await place.run('query', 'firn-demo', 'SELECT count(*) FROM orders')).code, 0);
  });
}

/**
 * Names that would do something if somebody obeyed them, on real servers, from the tables to what
 * the program prints: SQL, terminals, paths, patterns and objects.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatTableName } from '../../src/model/table-schema.ts';
import { quoteMysqlName } from '../../src/mysql/quote-name.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { Workplace } from '../cli/firn-process.ts';
import { openLiveServer, skipWithout, uniqueName } from './support/live-server.ts';

const NAMES = [
  'esc\u001b[2J\u0007 bidi\u202e csi\u009b line\n\r\t.',
  'tick`s``; DROP TABLE x; -- \'quo"te\\',
  '../../up',
  '..',
  '$(x) ${x} {{x}} %n %2e%2e%2f * a.b.c',
  '__proto__',
  'x'.repeat(44) + '桜'.repeat(20),
];

const PASSWORD = 'only-for-this-test';

/** Nothing that a terminal obeys but the end of a line. */
const OBEYED = /[\p{Cc}\p{Cs}\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: hostile names are names and nothing else`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    // A name of the servers has 64 letters at most.
    const user = uniqueName('n').slice(0, 32);
    const namespace = `${user} \u001b[31m\`/..'\n.x`;
    const at = (table: string): string => `${quoteMysqlName(namespace)}.${quoteMysqlName(table)}`;
    const columns = [...NAMES, 'constructor', ' lead', '-rf'].map(
      (name) => `${quoteMysqlName(`c${name}`.slice(0, 64))} TEXT`,
    );
    await server.run(`CREATE DATABASE ${quoteMysqlName(namespace)} CHARACTER SET utf8mb4`);
    t.after(async () => {
      const connection = await server.connect();
      await connection.query(`DROP DATABASE ${quoteMysqlName(namespace)}`);
      await connection.query(`DROP USER '${user}'@'%'`);
      connection.destroy();
    });
    await server.run(
      `CREATE USER '${user}'@'%' IDENTIFIED BY '${PASSWORD}'`,
      `GRANT ALL ON *.* TO '${user}'@'%'`,
      ...NAMES.map((name) => `CREATE TABLE ${at(name)} (id INT PRIMARY KEY, ${columns.join()})`),
      ...NAMES.map((name) => `INSERT INTO ${at(name)} (id) VALUES (1), (2), (3)`),
    );
    using place = new Workplace({ LIVE_PASSWORD: PASSWORD });
    const pattern = formatTableName({ namespace, table: '*' });
    const source = { type: 'mysql', host: server.host, port: server.port, user };
    const password = { env: 'LIVE_PASSWORD' };
    const file = {
      name: 'names',
      source: { ...source, password, tls: 'off' },
      tables: [pattern],
      lake: { warehouse: './lake' },
    };
    writeFileSync(place.path('firn.yaml'), JSON.stringify(file));
    const run = async (...words: readonly string[]): Promise<string> => {
      const { code, out, err } = await place.run(...words);
      equal(code, 0, out + err);
      for (const line of `${out}\n${err}`.split('\n')) ok(!OBEYED.test(line), JSON.stringify(line));
      return out;
    };
    await run('run', 'firn.yaml', '--once');
    await server.run(
      ...NAMES.map((name) => `UPDATE ${at(name)} SET ${columns[0]?.replace(/ TEXT$/, '')} = 'u'`),
      ...NAMES.map((name) => `DELETE FROM ${at(name)} WHERE id = 3`),
    );
    await run('run', 'firn.yaml', '--once');
    await run('status', 'firn.yaml');
    const proof = JSON.parse(await run('verify', 'firn.yaml', '--json')) as {
      readonly tables: readonly { readonly table: string; readonly equal: boolean }[];
    };
    deepEqual(
      proof.tables.map(({ table }) => table).toSorted(),
      NAMES.map((table) => formatTableName({ namespace, table })).toSorted(),
    );
    ok(proof.tables.every((table) => table.equal));
    ok(!existsSync(join(place.folder, '..', 'up')));
    const outside = globSync('**', { cwd: place.path('lake') }).filter((path) => OBEYED.test(path));
    deepEqual(outside, []);
  });
}

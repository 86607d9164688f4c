/**
 * A catalog over TLS is believed only with a certificate that this machine trusts, for the name
 * that the pipeline file says, and in time; nothing is sent to another.
 */
import { equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeAuthority, makeCertificate } from './support/certificates.ts';
import { LakePlace } from '../support/lake-place.ts';

const folder = mkdtempSync(join(tmpdir(), 'firn-catalog-tls-'));
const TOKEN = 'only-for-tests-0123456789';

before(() => {
  makeAuthority(folder, 'good');
  makeAuthority(folder, 'other');
});

after(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly title: string;
  readonly authority: string;
  readonly hostName: string;
  readonly days: number;
  readonly trusted: boolean;
}

const CASES: readonly Case[] = [
  { title: 'good', authority: 'good', hostName: 'localhost', days: 10, trusted: true },
  { title: 'a stranger’s', authority: 'other', hostName: 'localhost', days: 10, trusted: false },
  { title: 'another host’s', authority: 'good', hostName: 'elsewhere', days: 10, trusted: false },
  { title: 'over', authority: 'good', hostName: 'localhost', days: -1, trusted: false },
];

for (const { title, trusted, ...wish } of CASES) {
  test(`a catalog whose certificate is ${title} is ${trusted ? 'asked' : 'not asked'}`, async () => {
    makeCertificate({ folder, ...wish });
    let asked = 0;
    const [cert, key] = ['server.pem', 'server.key'].map((name) =>
      readFileSync(join(folder, name)),
    );
    const server = createServer({ cert, key }, (request, response) => {
      asked++;
      equal(request.headers.authorization, `Bearer ${TOKEN}`);
      const isConfig = request.url?.startsWith('/v1/config') === true;
      const error = { error: { message: 'no', type: 'NoSuchNamespaceException', code: 404 } };
      response.writeHead(isConfig ? 200 : 404).end(JSON.stringify(isConfig ? {} : error));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    using place = new LakePlace({
      NODE_EXTRA_CA_CERTS: join(folder, 'good.pem'),
      CATALOG_TOKEN: TOKEN,
    });
    try {
      place.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY)');
      const auth = 'auth: {type: bearer, token: {env: CATALOG_TOKEN}}';
      place.write(
        'firn.yaml',
        `name: app\nsource: {type: sqlite, path: ./app.db}\ntables: [t]\nlake: {warehouse: l,` +
          ` catalog: {type: rest, uri: "https://localhost:${port}", ${auth}}}\n`,
      );
      const { code, out } = await place.run('check', place.file);
      equal(code, trusted ? 0 : 1, out);
      match(out, trusted ? /answers and commits/ : /CATALOG-REMOTE-CERTIFICATE/);
      equal(asked > 0, trusted);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
}

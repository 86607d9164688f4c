/** Who is let in: never a web page, never under a foreign name, never without the token. */
import { doesNotThrow, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from './access-guard.ts';
import type { AccessPolicy, RequestHeaders } from './access-guard.ts';
import { RestRefusal } from './rest-error.ts';

const open: AccessPolicy = { hosts: ['lake.example'], token: null };
const closed: AccessPolicy = { hosts: [], token: 'a-token-of-some-length' };

function refused(headers: RequestHeaders, policy: AccessPolicy, status: number): void {
  throws(
    () => admit(headers, policy),
    (error) => error instanceof RestRefusal && error.status === status,
    JSON.stringify(headers),
  );
}

test('this machine, addresses in digits and names that were allowed are let in', () => {
  const hosts = ['localhost', 'LOCALHOST:8181', '127.0.0.1:8181', '10.0.0.7', '[::1]:8181'];
  for (const host of [...hosts, 'lake.example:443', 'Lake.Example']) {
    doesNotThrow(() => admit({ host }, open), host);
  }
});

test('a name that leads here by DNS rebinding is refused, and so is none', () => {
  const hosts = [
    'evil.example',
    'evil.example:8181',
    'localhost.evil.example',
    '',
    'lake.example.',
  ];
  for (const host of [...hosts, '127.0.0.1.evil.example', 'localhost:80:80', 'a b']) {
    refused({ host }, open, 403);
  }
  refused({}, open, 403);
});

test('a request of a web page is refused, whatever page it is', () => {
  const host = 'localhost';
  for (const origin of ['http://evil.example', 'null', '', 'http://localhost:8181']) {
    refused({ host, origin }, open, 403);
  }
  for (const site of ['cross-site', 'same-site', 'same-origin']) {
    refused({ host, 'sec-fetch-site': site }, open, 403);
  }
  doesNotThrow(() => admit({ host, 'sec-fetch-site': 'none' }, open));
});

test('where there is a token, every request must carry it', () => {
  const host = 'localhost';
  const { token } = closed;
  doesNotThrow(() => admit({ host, authorization: `Bearer ${token}` }, closed));
  doesNotThrow(() => admit({ host, authorization: `bearer ${token}` }, closed));
  const wrong = ['', 'Bearer', 'Bearer ', `Basic ${token}`, `${token}`, `Bearer ${token}x`];
  for (const authorization of wrong) refused({ host, authorization }, closed, 401);
  refused({ host }, closed, 401);
});

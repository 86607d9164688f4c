/** Signatures of a login, against another signer and against a key that MariaDB keeps. */
import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { ed25519Answer } from './ed25519-login.ts';

/** What stands before a raw key in its DER form (RFC 8410). */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

test('a password of 32 bytes is a seed: the signature is that of every other signer', () => {
  for (let round = 0; round < 8; round++) {
    const password = randomBytes(16).toString('hex');
    const der = Buffer.concat([PRIVATE_HEAD, Buffer.from(password)]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const nonce = randomBytes(32);
    const answer = ed25519Answer(password, Buffer.concat([nonce, Buffer.of(0)]));
    deepEqual(Buffer.from(answer), sign(null, nonce, key));
  }
});

test('a password of any length answers to the key that the server keeps for it', () => {
  // MariaDB: SELECT ed25519_password('secret')
  const stored = 'ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY';
  const der = Buffer.concat([PUBLIC_HEAD, Buffer.from(stored, 'base64')]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const nonce = randomBytes(32);
  ok(verify(null, nonce, key, ed25519Answer('secret', nonce)));
  equal(verify(null, nonce, key, ed25519Answer('Secret', nonce)), false);
});

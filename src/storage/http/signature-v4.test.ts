/** Signatures against the worked examples of the Amazon S3 API Reference. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuery, encodeUriPart, sha256Hex, signedHeaders } from './signature-v4.ts';
import type { UnsignedRequest } from './signature-v4.ts';

const context = {
  credentials: {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    sessionToken: null,
  },
  region: 'us-east-1',
  service: 's3',
  nowMs: Date.UTC(2013, 4, 24),
};

function signatureOf(request: Partial<UnsignedRequest>): string {
  const headers = signedHeaders(
    {
      method: 'GET',
      host: 'examplebucket.s3.amazonaws.com',
      path: '/',
      query: [],
      headers: {},
      bodySha256: sha256Hex(''),
      ...request,
    },
    context,
  );
  return /Signature=([0-9a-f]{64})$/.exec(headers['authorization'] ?? '')?.[1] ?? '';
}

test('the documented examples are signed as documented', () => {
  equal(
    signatureOf({ path: '/test.txt', headers: { range: 'bytes=0-9' } }),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
  equal(
    signatureOf({
      method: 'PUT',
      path: '/test%24file.text',
      headers: {
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
      bodySha256: sha256Hex('Welcome to Amazon S3.'),
    }),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  );
  equal(
    signatureOf({ query: [['lifecycle', '']] }),
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  );
  equal(
    signatureOf({
      query: [
        ['prefix', 'J'],
        ['max-keys', '2'],
      ],
    }),
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  );
});

test('a session token is signed, the secret key is in no header', () => {
  const credentials = { ...context.credentials, sessionToken: 'temporary' };
  const request = {
    method: 'GET',
    host: 'h',
    path: '/',
    query: [],
    headers: {},
    bodySha256: sha256Hex(''),
  };
  const headers = signedHeaders(request, { ...context, credentials });
  equal(headers['x-amz-security-token'], 'temporary');
  ok(headers['authorization']?.includes('x-amz-date;x-amz-security-token,'));
  ok(!JSON.stringify(headers).includes(credentials.secretAccessKey));
});

test('names and values are encoded from UTF-8, and sorted', () => {
  equal(encodeUriPart("a b+c/é'(*)!~"), 'a%20b%2Bc%2F%C3%A9%27%28%2A%29%21~');
  equal(
    canonicalQuery([
      ['b', '2'],
      ['a', '&'],
    ]),
    'a=%26&b=2',
  );
});

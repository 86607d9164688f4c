/** Addresses, XML and failures of S3, as texts. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { bucketAddress, splitWarehouse } from './s3-address.ts';
import { answerError } from './s3-failure.ts';
import { encodeXml, xmlElements, xmlRoot, xmlText } from './s3-xml.ts';

test('a bucket is addressed in the path or in the host', () => {
  const region = 'eu-central-1';
  const own = bucketAddress('lake', { endpoint: 'http://[::1]:9000/s3/', region, pathStyle: null });
  equal(own.host, '[::1]:9000');
  equal(own.hostname, '::1');
  equal(own.port, 9000);
  equal(own.pathOf('a b/é+'), '/s3/lake/a%20b/%C3%A9%2B');
  const aws = bucketAddress('lake', { endpoint: null, region, pathStyle: null });
  equal(aws.host, 'lake.s3.eu-central-1.amazonaws.com');
  equal(aws.port, 443);
  equal(aws.pathOf(null), '/');
  const dots = bucketAddress('my.lake', { endpoint: null, region, pathStyle: null });
  equal(dots.pathOf('k'), '/my.lake/k');
  equal(dots.pathOf(null), '/my.lake');
  deepEqual(splitWarehouse('s3://lake/a/b'), { bucket: 'lake', prefix: 'a/b' });
  deepEqual(splitWarehouse('s3://lake'), { bucket: 'lake', prefix: '' });
});

test('texts of elements are read, whatever else the document holds', () => {
  const xml = '<?xml version="1.0"?>\n<R xmlns="x"><K>a&amp;b&#10;&#x41;</K><K>2</K><E/></R>\n';
  equal(xmlText(xml, 'K'), 'a&b\nA');
  deepEqual(xmlElements(xml, 'K'), ['a&amp;b&#10;&#x41;', '2']);
  equal(xmlText(xml, 'none'), null);
  equal(xmlRoot(xml), 'R');
  equal(xmlRoot(xml.slice(0, -6)), null);
  equal(xmlRoot('junk'), null);
  equal(xmlText(`<K>${encodeXml(`<"&'>`)}</K>`, 'K'), `<"&'>`);
  deepEqual(xmlElements('<K>'.repeat(100_000), 'K'), []);
});

test('an answer’s own code decides what it means, then its status', () => {
  const meaning = (status: number, code: string | null, headers = {}): string => {
    const text =
      code === null ? '' : `<Error><Code>${code}</Code><Message>secret</Message></Error>`;
    const answer = { status, headers, body: Buffer.from(text) };
    const error = answerError({ answer, where: 's3://lake/k', nowMs: Date.UTC(2026, 0, 1, 1) });
    ok(!error.message.includes('secret'));
    return `${error.code} ${error.disposition}`;
  };
  equal(meaning(200, 'InternalError'), 'STORAGE-REMOTE-FAILED retry');
  equal(meaning(503, 'SlowDown'), 'STORAGE-REMOTE-FAILED retry');
  equal(meaning(400, 'RequestTimeout'), 'STORAGE-REMOTE-FAILED retry');
  equal(meaning(502, null), 'STORAGE-REMOTE-FAILED retry');
  equal(meaning(501, 'NotImplemented'), 'STORAGE-REMOTE-REFUSED halt-pipeline');
  equal(meaning(403, 'SignatureDoesNotMatch'), 'STORAGE-REMOTE-DENIED halt-pipeline');
  equal(meaning(400, 'ExpiredToken'), 'STORAGE-REMOTE-CREDENTIALS retry');
  equal(meaning(404, 'NoSuchBucket'), 'STORAGE-REMOTE-NO-BUCKET halt-pipeline');
  equal(meaning(301, null), 'STORAGE-REMOTE-REFUSED halt-pipeline');
  const date = { date: 'Thu, 01 Jan 2026 00:00:00 GMT' };
  equal(meaning(403, 'RequestTimeTooSkewed', date), 'STORAGE-REMOTE-CLOCK halt-pipeline');
  const answer = {
    status: 403,
    headers: date,
    body: Buffer.from('<Error><Code>RequestTimeTooSkewed</Code></Error>'),
  };
  const skewed = answerError({ answer, where: 's3://lake', nowMs: Date.UTC(2026, 0, 1, 1) });
  ok(skewed.message.includes('3600 s ahead of'));
});

/** spec: X12 A metadata file that follows another one has the bytes that it would have alone. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { foreignAppend, testFile, testLake, testTable } from '../../test/support/lake-fixture.ts';
import { encodeAfter, encodeTableMetadata } from '../iceberg/table-metadata-json.ts';
import type { EncodedMetadata } from '../iceberg/table-metadata-json.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { MetadataCache } from './metadata-cache.ts';

/** States of a table that gets snapshots, properties, a tag, and loses snapshots. */
async function history(): Promise<readonly TableMetadata[]> {
  const lake = testLake();
  let table = await testTable(lake.context);
  const states = [table.metadata];
  for (let count = 0; count < 6; count++) {
    table = await foreignAppend(lake.other, table, [await testFile(lake.context, table)]);
    states.push(table.metadata);
  }
  const properties = { ...table.metadata.properties, 'a "key"': 'é\u{1F600},"snapshots":[' };
  const edited = { ...table.metadata, properties };
  const [first, ...rest] = edited.snapshots;
  const odd = rest.map((snapshot) => ({ ...snapshot, summary: { note: ']}' } }));
  ok(first !== undefined);
  return [
    ...states,
    edited,
    { ...edited, snapshots: rest },
    { ...edited, snapshots: odd },
    { ...edited, snapshots: [...odd, first] },
    { ...edited, formatVersion: 3, snapshots: [...odd, first] },
    { ...edited, snapshots: [] },
    edited,
  ];
}

test('spec: X12 files that follow each other are what they would be alone', async () => {
  let earlier: EncodedMetadata | null = null;
  for (const metadata of await history()) {
    const encoded: EncodedMetadata = encodeAfter(metadata, { snapshotTexts: null, earlier });
    const alone = encodeTableMetadata(metadata);
    equal(Buffer.from(encoded.content).toString(), Buffer.from(alone).toString());
    // A file of another writer tells nothing about where its snapshots are.
    const foreign = { ...encoded, snapshotsAt: null };
    deepEqual(encodeAfter(metadata, { snapshotTexts: null, earlier: foreign }).content, alone);
    earlier = encoded;
  }
});

test('a cache keeps no more than its bytes, and of small files the last few', async () => {
  const [metadata] = await history();
  ok(metadata !== undefined);
  const cache = new MetadataCache({ bytesMin: 10, bytesMax: 25 });
  const put = (name: string, bytes: number): void =>
    cache.put(name, { metadata, content: new Uint8Array(bytes), snapshotsAt: null });
  for (let number = 0; number < 17; number++) put(`small ${number}`, 9);
  put('a', 10);
  put('b', 10);
  put('c', 10);
  deepEqual(
    ['small 0', 'small 1', 'small 16', 'a', 'b', 'c'].map((name) => cache.get(name) !== null),
    [false, true, true, false, true, true],
  );
  cache.forget('small 1');
  equal(cache.get('small 1'), null);
  put('huge', 100);
  deepEqual(
    ['b', 'c', 'huge'].map((name) => cache.get(name) !== null),
    [false, false, true],
  );
});

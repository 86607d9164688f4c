/** spec: X3 Tables of format v1 whose snapshots name their manifests themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignAppend, testFile, testLake, testTable } from '../../test/support/lake-fixture.ts';
import { namedManifests } from '../iceberg/avro/first-format.ts';
import { MAIN_BRANCH } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import { decodeTableMetadata, encodeTableMetadata } from '../iceberg/table-metadata-json.ts';
import { locationsInMetadata } from '../iceberg/updates/referenced-locations.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { readManifestList } from './manifest-files.ts';
import { reachableFiles } from './reachable-files.ts';
import { scanFiles } from './scan-files.ts';

test('spec: X3 a snapshot that names its manifests is read like one with a list', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const files = [await testFile(lake.context, empty), await testFile(lake.context, empty)];
  const [first, second] = files;
  assert.ok(first !== undefined && second !== undefined);
  await foreignAppend(lake.other, empty, [first]);
  const table = await foreignAppend(lake.other, empty, [second]);
  const { metadata } = table;
  const old = metadata.snapshots.map((snapshot): Snapshot => ({ ...snapshot, sequenceNumber: 0n }));
  const head = old.at(-1);
  assert.ok(head !== undefined);
  const manifests = (await readManifestList(lake.context, head)).map(({ path }) => path);
  assert.equal(manifests.length, 2);
  const plain = { ...head, manifestList: '', unknownFields: { manifests } };
  const snapshots = [...old.slice(0, -1), plain];
  const bytes = encodeTableMetadata({
    ...metadata,
    formatVersion: 1,
    lastSequenceNumber: 0n,
    snapshots,
  });
  const read = decodeTableMetadata(bytes, 'v1');
  const [, again] = read.snapshots;
  assert.ok(again !== undefined);
  assert.deepEqual(namedManifests(again), manifests);
  assert.equal(Buffer.from(bytes).includes('"manifest-list":""'), false);
  const scanned = await scanFiles(lake.context, { metadata: read, ref: MAIN_BRANCH });
  assert.deepEqual(
    new Map(scanned.map(({ file, dataSequenceNumber }) => [file.filePath, dataSequenceNumber])),
    new Map(files.map(({ filePath }) => [filePath, 0n])),
  );
  const reached = await reachableFiles(lake.context, { ...table, metadata: read });
  for (const path of [...manifests, first.filePath, second.filePath]) assert.ok(reached.has(path));
  for (const path of manifests) assert.ok(locationsInMetadata(read).includes(path));
});

test('spec: X3 a snapshot that names neither list nor manifests is refused', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const { metadata } = await foreignAppend(lake.other, empty, [
    await testFile(lake.context, empty),
  ]);
  for (const manifests of [{}, { manifests: 3 }, { manifests: [1] }]) {
    const snapshots = metadata.snapshots.map((snapshot): Snapshot => {
      return { ...snapshot, manifestList: '', unknownFields: manifests };
    });
    const bytes = encodeTableMetadata({ ...metadata, snapshots });
    assert.throws(
      () => decodeTableMetadata(bytes, 'v1'),
      (error) => isFirnError(error, 'ICEBERG-JSON-INVALID'),
    );
  }
});

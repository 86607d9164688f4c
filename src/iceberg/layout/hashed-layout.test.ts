/** The hashed layout against Iceberg's own examples. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { hashedPath, isHashedLayout, plainName } from './hashed-layout.ts';

test('names are hashed as Iceberg hashes them', () => {
  equal(hashedPath('b'), '1110/0111/1110/00000011-b');
  equal(hashedPath('c'), '0010/1101/0110/01011111-c');
  equal(hashedPath('d'), '1001/0001/0100/01110011-d');
  equal(hashedPath('a'), '0101/0110/1001/10110010-a');
});

test('the name is found again', () => {
  const name = '01a1ff4c-bb6c-7ffb-90d4-3f3fd9e6eb17.parquet';
  equal(plainName(`s3://lake/t/data/${hashedPath(name)}`), name);
  equal(plainName(`s3://lake/t/data/${name}`), name);
  equal(plainName('s3://lake/t/data/0101/0110/1001/10110010-b'), '10110010-b');
});

test('a table says whether it wants it', () => {
  equal(isHashedLayout({}), false);
  equal(isHashedLayout({ 'write.object-storage.enabled': 'TRUE' }), true);
  equal(isHashedLayout({ 'write.object-storage.enabled': 'false' }), false);
});

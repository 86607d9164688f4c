/** Commits that change a table's schema: rows, state and schema at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendTo, testFile, testLake, testTable } from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import { refSnapshot } from '../iceberg/snapshot.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CommitResult } from './commit-request.ts';
import { commitTables } from './commit-table.ts';

async function append(
  lake: TestLake,
  table: LoadedTable,
  changes: { readonly schema: IcebergSchema },
): Promise<CommitResult> {
  const added = [await testFile(lake.context, table)];
  const [result] = await commitTables(lake.context, [appendTo(table, added, changes)]);
  assert.ok(result);
  return result;
}

test('a schema change, its state and its first rows are one commit', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const before = table.metadata.schemas[0];
  assert.ok(before);
  const more = { id: 3, name: 'more', required: false, type: { kind: 'date' } } as const;
  const schema = { ...before, fields: [...before.fields, more] };
  const result = await append(lake, table, { schema });
  assert.equal(result.kind, 'committed');
  assert.equal(result.table.metadata.currentSchemaId, 1);
  assert.equal(refSnapshot(result.table.metadata, 'main')?.schemaId, 1);
  assert.equal(result.table.metadata.lastColumnId, 3);
});

test('a column that is widened in place is left to readers that can', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const vectors = (loaded: LoadedTable): string | undefined =>
    loaded.metadata.properties['read.parquet.vectorization.enabled'];
  const before = table.metadata.schemas[0];
  assert.ok(before);
  const narrow = { id: 3, name: 'narrow', required: false, type: { kind: 'int' } } as const;
  const first = await append(lake, table, {
    schema: { ...before, fields: [...before.fields, narrow] },
  });
  assert.equal(first.kind, 'committed');
  assert.equal(vectors(first.table), undefined);
  const wide = { ...narrow, type: { kind: 'long' } } as const;
  const second = await append(lake, first.table, {
    schema: { ...before, fields: [...before.fields, wide] },
  });
  assert.equal(second.kind, 'committed');
  assert.equal(vectors(second.table), 'false');
});

/** Merges into bases of format version 3, file by file: vectors and row ids (spec: M21, M22). */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { present } from '../../../kernel/assert.ts';
import { openLake } from '../../../../test/embedded/mini-lake.ts';
import type { MiniLake } from '../../../../test/embedded/mini-lake.ts';
import { rowBatch, tableSchema } from '../../../../test/embedded/rows.ts';
import type { Change } from '../../../../test/embedded/rows.ts';
import { createBaseWriter } from '../base-writer.ts';
import { compactFiles } from '../table-rows.ts';
import { convertDeletes } from './convert-deletes.ts';

/** The name that the column of row ids would have is taken. */
const SCHEMA = tableSchema({ id: 'long', _row_id: 'string' });

/** Rows 0 to 9 in one bucket, with these numbers as row ids, at watermark 10. */
async function tenRows(t: TestContext, formatVersion: 2 | 3): Promise<MiniLake> {
  const lake = await openLake(t, SCHEMA, { buckets: 1, formatVersion });
  const { engine, files } = lake.parts;
  const writer = createBaseWriter({
    open: async () => engine,
    files,
    target: lake.target,
    schema: SCHEMA,
    bucketing: lake.bucketing,
    limits: { rowsMax: 1e6, bytesMax: 1e9 },
  });
  await writer.append(
    rowBatch(
      SCHEMA,
      Array.from({ length: 10 }, (_, id) => [BigInt(id), 'base']),
    ),
  );
  lake.addBase(await writer.finish());
  return lake;
}

function change(op: Change['op'], seq: number, id: number): Change {
  return { op, seq, values: [BigInt(id), op === 'd' ? null : `at ${seq}`] };
}

/** Merges changes that come after those before. */
async function merge(
  lake: MiniLake,
  changes: readonly Change[],
  rewriteShare?: number,
): ReturnType<MiniLake['merge']> {
  const seqs = changes.map(({ seq }) => Number(seq));
  const seen = lake.ledger.at(-1)?.dataSequenceNumber ?? 0n;
  await lake.append(changes);
  return lake.merge({
    from: { epoch: 1, seq: BigInt(Math.min(...seqs) - 1) },
    to: { epoch: 1, seq: BigInt(Math.max(...seqs)) },
    seen,
    ...(rewriteShare !== undefined && { rewriteShare }),
  });
}

/** Key, row id and last change of the rows of the newest file, as its columns say. */
function newest(lake: MiniLake): Promise<unknown[][]> {
  const { file } = present(lake.base.at(-1), 'a file');
  const ids = '{2147483540: {name: rid, type: BIGINT, default_value: NULL}';
  const more = '2147483539: {name: lus, type: BIGINT, default_value: NULL}';
  const key = '1: {name: id, type: BIGINT, default_value: NULL}}';
  const sql = `SELECT id, rid, lus FROM read_parquet(FILE, schema = MAP ${ids}, ${more}, ${key})`;
  return lake.parts.query(file, sql);
}

test('an updated row keeps its id, one that comes again does not. spec: M22', async (t) => {
  const lake = await tenRows(t, 3);
  const first = await merge(lake, [change('u', 11, 3), change('c', 12, 50), change('d', 13, 4)]);
  deepEqual(await newest(lake), [
    ['3', '3', null],
    ['50', null, null],
  ]);
  const [vector, ...others] = first.files.addedDeletes;
  equal(others.length, 0);
  equal(vector?.fileFormat, 'PUFFIN');
  equal(vector?.recordCount, 2n);
  const second = await merge(lake, [change('u', 14, 3), change('c', 15, 4), change('u', 16, 50)]);
  // The second file began with row id 10: row 50 is its second one.
  deepEqual(await newest(lake), [
    ['3', '3', null],
    ['4', null, null],
    ['50', '11', null],
  ]);
  // Of the first file nothing more died; the second has no row left.
  equal(second.files.removedData.length, 1);
});

test('rows that a merge moves keep id and last change. spec: M22', async (t) => {
  const lake = await tenRows(t, 3);
  await merge(lake, [change('u', 11, 3)]);
  await merge(lake, [change('d', 12, 5), change('u', 13, 6)], 0.01);
  const rows = await newest(lake);
  deepEqual(
    rows.filter(([id]) => ['0', '3', '6'].includes(String(id))),
    [
      ['0', '0', '1'],
      ['6', '6', null],
    ],
  );
  equal(rows.length, 8);
});

test('compaction keeps ids and last changes of all rows. spec: M22', async (t) => {
  const lake = await tenRows(t, 3);
  await merge(lake, [change('u', 11, 3), change('c', 12, 50), change('d', 13, 4)]);
  const { engine, files } = lake.parts;
  const connection = await engine.instance.connect();
  const added = await compactFiles(files, connection, {
    schema: SCHEMA,
    target: lake.target,
    bucketing: lake.bucketing,
    files: lake.base,
  });
  connection.closeSync();
  const before = await lake.rows();
  lake.base = [];
  lake.addBase(added);
  deepEqual(await lake.rows(), before);
  deepEqual(
    (await newest(lake)).filter(([id]) => ['2', '3', '50'].includes(String(id))),
    [
      ['2', '2', '1'],
      ['3', '3', '2'],
      ['50', '11', '2'],
    ],
  );
  const [file] = added;
  equal(file?.lowerBounds?.has(2_147_483_540), false, 'bounds would rule out rows without an id');
});

test('position deletes become vectors of the same rows. spec: M23', async (t) => {
  const lake = await tenRows(t, 2);
  await merge(lake, [change('d', 11, 3), change('d', 12, 4)]);
  const before = await lake.rows();
  const { engine, files } = lake.parts;
  const connection = await engine.instance.connect();
  const request = { files: lake.base, target: lake.target };
  const { added, removed } = await convertDeletes(files, connection, request);
  connection.closeSync();
  deepEqual(
    removed,
    lake.base.flatMap(({ deletes }) => deletes),
  );
  equal(removed[0]?.fileFormat, 'PARQUET');
  lake.base = lake.base.map((scan) => {
    const own = added.filter(({ referencedDataFile }) => referencedDataFile === scan.file.filePath);
    return { ...scan, deletes: own };
  });
  deepEqual(await lake.rows(), before);
  equal(added[0]?.fileFormat, 'PUFFIN');
});

/** Of remote files only the asked columns travel, and what DuckDB reads of them is the same. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openParts } from '../../../../test/embedded/engine.ts';
import { startMemoryS3 } from '../../../../test/support/memory-s3.ts';
import { storeOptions } from '../../../../test/support/s3-bucket.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import { createS3ObjectStore } from '../../../storage/s3/s3-object-store.ts';
import { holdFiles } from '../local-files.ts';
import { stageFile } from '../parquet-writer.ts';

const ROWS = 300_000;

/** Key columns of the three shapes that chunks have, and what is not read. */
const COLUMNS = [
  [1, 'id', 'long', 'range'],
  [2, 'word', 'string', "'w' || (range % 50)::VARCHAR"],
  [3, 'a, b', 'string', 'CASE WHEN range % 3 = 0 THEN NULL ELSE md5(range::VARCHAR) END'],
  [4, 'bulk', 'string', 'md5(range::VARCHAR) || md5((range + 1)::VARCHAR)'],
] as const;

function sumOf(path: string, fields: readonly number[]): string {
  const columns = COLUMNS.filter(([id]) => fields.includes(id));
  const list = columns.map(([, name]) => `sum(hash("${name}"))::VARCHAR, max("${name}")::VARCHAR`);
  const some = columns.some(([id]) => id === 1) ? ' WHERE id >= 0' : '';
  return `SELECT count(*), ${list.join(', ')} FROM read_parquet('${path}')${some}`;
}

test('spec: T7 a file in part gives the same rows, for a share of its bytes', async (t) => {
  await using server = await startMemoryS3();
  const { engine, files } = await openParts(t);
  const copyFolder = join(dirname(files.filesFolder), 'copies');
  const store = createS3ObjectStore(storeOptions(server.endpoint, copyFolder));
  const connection = await engine.instance.connect();
  t.after(() => connection.closeSync());
  const { path, file } = await stageFile(files, connection, {
    columns: COLUMNS.map(([id, name, kind, expression]) => {
      const field = { id, name, required: false, type: { kind } as const };
      return { field, expression, exact: false };
    }),
    source: `FROM range(${ROWS})`,
    dataFolder: `${store.root}/data`,
    width: { rowCount: 1, sizeBytes: 200 },
    entry: {
      content: 'data',
      partition: [],
      specId: 0,
      sortOrderId: null,
      referencedDataFile: null,
    },
  });
  const original = await readFile(path);
  const answers = async (from: string, fields: readonly number[]): Promise<unknown> =>
    (await connection.runAndReadAll(sumOf(from, fields))).getRowsJson();
  const shapes = [[1], [2], [3], [1, 3]];
  const expected = await Promise.all(shapes.map((fields) => answers(path, fields)));
  await store.upload(path, file.filePath);

  for (const [index, fieldIds] of shapes.entries()) {
    const fresh = storeOptions(server.endpoint, `${copyFolder}/${index}`);
    const remote = createS3ObjectStore({ ...fresh, warehouse: store.root });
    const before = server.sentBytes();
    const local = await holdFiles(remote, [file], { connection, fieldIds });
    deepEqual(await answers(local.path(file), fieldIds), expected[index]);
    const share = (server.sentBytes() - before) / original.length;
    ok(share < (fieldIds.includes(3) ? 0.5 : 0.1), `${fieldIds.join()}: ${share}`);
    // What was not brought reads as zeros, which is no page of a column.
    await rejects(answers(local.path(file), [4]));
    await local.complete([file]);
    equal(Buffer.compare(await readFile(local.path(file)), original), 0);
    await local.release();
  }
});

test('a file without field ids comes as a whole; a column it lacks costs nothing', async (t) => {
  await using server = await startMemoryS3();
  const { engine, files } = await openParts(t);
  const copyFolder = join(dirname(files.filesFolder), 'copies');
  const store = createS3ObjectStore(storeOptions(server.endpoint, copyFolder));
  const connection = await engine.instance.connect();
  t.after(() => connection.closeSync());
  const fetched = async (name: string, options: string): Promise<number> => {
    const path = join(files.filesFolder, name);
    await connection.run(`COPY (SELECT range AS x, md5(range::VARCHAR) AS y FROM range(20000))
      TO '${path}' (FORMAT parquet${options})`);
    const original = await readFile(path);
    await store.upload(path, `${store.root}/${name}`);
    // Only location and size count here.
    const said = { filePath: `${store.root}/${name}`, fileSizeBytes: BigInt(original.length) };
    const file = said as DataFile;
    const before = server.sentBytes();
    const local = await holdFiles(store, [file], { connection, fieldIds: [1, 9] });
    const sent = server.sentBytes() - before;
    if (options === '') equal(Buffer.compare(await readFile(local.path(file)), original), 0);
    await local.release();
    return sent / original.length;
  };
  ok((await fetched('foreign.parquet', '')) >= 1);
  const share = await fetched('older.parquet', ', FIELD_IDS {x: 1, y: 2}');
  ok(share < 0.5, `${share} of the file was fetched`);
});

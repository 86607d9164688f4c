/** The engine's DuckDB reaches its folders and nothing else, whatever it is told to run. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { AssertionError } from '../../kernel/assert.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { temporaryFolder } from '../../../test/embedded/rows.ts';
import { guarded, openDuckdb } from './duckdb-instance.ts';

const LIMITS = { threads: 2, memoryBytesMax: 64 * 1024 * 1024, spillBytesMax: 2 ** 30 };

test('statements cannot leave the folders or change a setting (spec: P10)', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(`${folder}/in`);
  await mkdir(`${folder}/out`);
  await writeFile(`${folder}/in/a.csv`, 'x\n1\n');
  await copyFile(`${folder}/in/a.csv`, `${folder}/out/a.csv`);
  const instance = await openDuckdb({
    ...LIMITS,
    spillFolder: `${folder}/in/spill`,
    folders: [`${folder}/in`],
    files: [],
  });
  t.after(() => instance.close());
  const connection = await instance.connect();
  const read = await connection.runAndReadAll(`SELECT x FROM read_csv('${folder}/in/a.csv')`);
  deepEqual(read.getRowsJson(), [['1']]);
  const escapes = [
    `SELECT * FROM read_csv('${folder}/out/a.csv')`,
    `SELECT * FROM read_csv('${folder}/in/../out/a.csv')`,
    `SELECT * FROM read_text('/etc/hostname')`,
    `SELECT * FROM glob('${folder}/out/*')`,
    `ATTACH '${folder}/out/x.db'`,
    'INSTALL httpfs',
    'LOAD httpfs',
    `LOAD '${folder}/in/x.so'`,
    `COPY (SELECT 1) TO '${folder}/out/b.csv'`,
    `COPY (SELECT 1) TO '/dev/stdout'`,
    `EXPORT DATABASE '${folder}/out/all'`,
    `SET allowed_directories = ['/']`,
    'SET enable_external_access = true',
    "SET memory_limit = '64GB'",
    'RESET memory_limit',
    'PRAGMA threads = 64',
    `SET temp_directory = '${folder}/out'`,
    "SET TimeZone = 'Asia/Tokyo'",
    `PRAGMA profiling_output = '${folder}/out/profile'`,
    'CREATE PERSISTENT SECRET s (TYPE s3)',
  ];
  for (const sql of escapes) await rejects(connection.run(sql), Error, sql);
  deepEqual(await readdir(`${folder}/out`), ['a.csv']);
});

test('memory is bounded: more than the limit spills or fails, and says why (spec: P11)', async (t) => {
  const folder = await temporaryFolder(t);
  const instance = await openDuckdb({
    ...LIMITS,
    spillFolder: `${folder}/spill`,
    spillBytesMax: 8 * 1024 * 1024,
    folders: [folder],
    files: [],
  });
  t.after(() => instance.close());
  const connection = await instance.connect();
  const sql = `CREATE TEMP TABLE t AS
    SELECT md5(range::VARCHAR) || md5((-range)::VARCHAR) AS xxx FROM range(4000000)`;
  await rejects(
    guarded(() => connection.run(sql)),
    (error) => isFirnError(error, 'STORAGE-ENGINE-MEMORY') && !error.message.includes('xxx'),
  );
  equal((await connection.runAndReadAll('SELECT 1')).currentRowCount, 1);
});

test('a damaged file is an operating error, a broken invariant is not', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(`${folder}/a.parquet`, 'no parquet');
  const instance = await openDuckdb({
    ...LIMITS,
    spillFolder: `${folder}/spill`,
    folders: [folder],
    files: [],
  });
  t.after(() => instance.close());
  const connection = await instance.connect();
  await rejects(
    guarded(() => connection.run(`SELECT * FROM read_parquet('${folder}/a.parquet')`)),
    (error) => isFirnError(error, 'STORAGE-ENGINE-FAILED') && error.cause instanceof Error,
  );
  await rejects(
    guarded(() => {
      throw new AssertionError('broken');
    }),
    AssertionError,
  );
});

/** The lakes of the matrix, and what happened to each of their tables. */
import { equal } from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { S3_KEYS, startS3Server } from '../../../tools/servers/s3-server.ts';
import { liveWorkplace } from '../../live/support/live-pipeline.ts';
import { createDatabase, startPrivateServer } from '../../live/support/live-server.ts';
import { writeTypesFile } from '../../live/support/type-pipeline.ts';
import { createTable, insertRows, typeTablesOf } from '../../live/support/type-tables.ts';
import { LakePlace } from '../../support/lake-place.ts';
import { CASE_SESSION } from '../../support/mysql-types/type-case.ts';
import { TEST_BUCKET, makeBucket } from '../../support/s3-bucket.ts';
import { describeTable } from '../pyiceberg.ts';
import { MatrixLake } from './matrix-lake.ts';
import type { LakeTable } from './matrix-lake.ts';
import { MatrixWork } from './matrix-work.ts';
import type { FormatVersion } from './readers.ts';

/** One row of the matrix. */
export interface MatrixState {
  readonly title: string;
  readonly format: FormatVersion;
  readonly lake: MatrixLake;
  readonly tables: readonly LakeTable[];
}

/** Merges before a table counts as merged. */
export const MERGES = 20;
const FEW_MERGES = 3;
/** Enough files of a bucket for a compaction to be worth it. */
const FILES = 9;

function pipelineFile(lake: string, more = ''): string {
  return [
    'name: app',
    'source: {type: sqlite, path: ./app.db, pollInterval: 20ms}',
    'tables: ["*"]',
    lake,
    'ledger: {commitInterval: 100ms}',
    `base: {mergeInterval: 1s, buckets: 2${more}}`,
    '',
  ].join('\n');
}

function inApp(...tables: readonly string[]): readonly LakeTable[] {
  return tables.map((table) => ({ namespace: 'app', table }));
}

/** A lake over SQLite, with what it takes to go on in its tables. */
interface WorkedLake {
  readonly lake: MatrixLake;
  readonly work: MatrixWork;
  /** Works in these tables and merges, so many times. */
  readonly merge: (times: number, ...tables: readonly string[]) => Promise<void>;
}

async function sqliteLake(
  t: TestContext,
  wish: {
    readonly name: string;
    readonly tables: readonly string[];
    readonly file: string;
    readonly catalog: string;
    readonly environment?: Readonly<Record<string, string>>;
  },
): Promise<WorkedLake> {
  const place = new LakePlace(wish.environment);
  const lake = new MatrixLake({
    name: wish.name,
    place,
    catalogPath: place.path(wish.catalog),
    keys: wish.environment ?? {},
  });
  t.after(async () => {
    await lake.end();
    place[Symbol.dispose]();
  });
  const work = new MatrixWork(place.open());
  for (const table of wish.tables) work.create(table);
  place.write('firn.yaml', wish.file);
  await lake.catchUp();
  await lake.serve();
  const merge = async (times: number, ...tables: readonly string[]): Promise<void> => {
    for (let at = 0; at < times; at++) {
      for (const table of tables) work.round(table);
      await lake.catchUp();
    }
  };
  return { lake, work, merge };
}

/** A lake in which Spark changes tables between `changes` and `finish`. */
export interface SharedLake {
  readonly lake: MatrixLake;
  /** What Spark is to do. */
  readonly changes: readonly string[];
  /** Firn goes on; the rows of the matrix. */
  readonly finish: () => Promise<readonly MatrixState[]>;
}

function compaction(table: string): string {
  return (
    `CALL firn.system.rewrite_data_files(table => 'app.${table}', ` +
    `options => map('rewrite-all', 'true'))`
  );
}

/** Tables that Firn alone, and others, have changed. */
export async function changedLake(t: TestContext): Promise<SharedLake> {
  const others = ['plain', 'rebucketed', 'sparked', 'sparked_merged'];
  const { lake, work, merge } = await sqliteLake(t, {
    name: 'changed',
    tables: [...others, 'compacted'],
    file: pipelineFile('lake: {warehouse: ./lake}'),
    catalog: 'lake/catalog.db',
  });
  await merge(FEW_MERGES, ...others, 'compacted');
  const finish = async (): Promise<readonly MatrixState[]> => {
    await merge(FEW_MERGES, 'rebucketed', 'sparked_merged');
    for (let at = 0; at < FILES; at++) {
      work.grow('compacted');
      await lake.catchUp();
    }
    await lake.run('maintain', 'firn.yaml');
    const { catalogPath } = lake;
    const { snapshots } = describeTable({ catalogPath, table: 'app.compacted' });
    const operations = snapshots.map(({ operation }) => operation);
    if (!operations.includes('replace')) throw new Error(`no compaction: ${operations.join(' ')}`);
    const row = (title: string, ...tables: readonly string[]): MatrixState => ({
      title,
      format: 'v2',
      lake,
      tables: inApp(...tables),
    });
    return [
      row('ledger', 'plain_ledger'),
      row('base with position deletes', 'plain'),
      row('base whose number of buckets was changed, merged before and after', 'rebucketed'),
      row('base after compaction by Firn', 'compacted'),
      row('base after compaction by Spark', 'sparked'),
      row('base after compaction by Spark and merges by Firn', 'sparked_merged'),
    ];
  };
  const rebucket =
    'ALTER TABLE firn.app.rebucketed REPLACE PARTITION FIELD bucket(2, id) WITH bucket(5, id)';
  return { lake, changes: [rebucket, ...['sparked', 'sparked_merged'].map(compaction)], finish };
}

/** Bases of format version 3, whose deleted rows are in deletion vectors. */
export async function vectorLake(t: TestContext): Promise<SharedLake> {
  const { lake, merge } = await sqliteLake(t, {
    name: 'vectors',
    tables: ['plain', 'sparked', 'merged'],
    file: pipelineFile('lake: {warehouse: ./lake}', ', deleteFormat: deletion-vectors'),
    catalog: 'lake/catalog.db',
  });
  await merge(FEW_MERGES, 'plain', 'sparked', 'merged');
  const finish = async (): Promise<readonly MatrixState[]> => {
    await merge(FEW_MERGES, 'sparked', 'merged');
    await merge(MERGES - 2 * FEW_MERGES, 'merged');
    const row = (title: string, table: string): MatrixState => ({
      title,
      format: 'v3',
      lake,
      tables: inApp(table),
    });
    return [
      row('base with deletion vectors', 'plain'),
      row(`base with deletion vectors after ${MERGES} merges`, 'merged'),
      row('base with deletion vectors after compaction by Spark and merges by Firn', 'sparked'),
    ];
  };
  return { lake, changes: [compaction('sparked')], finish };
}

/** A table that was merged many times. */
export async function mergedLake(t: TestContext): Promise<readonly MatrixState[]> {
  const { lake, merge } = await sqliteLake(t, {
    name: 'merged',
    tables: ['merged'],
    file: pipelineFile('lake: {warehouse: ./lake}'),
    catalog: 'lake/catalog.db',
  });
  await merge(MERGES, 'merged');
  return [
    {
      title: `base after ${MERGES} merges, and its ledger`,
      format: 'v2',
      lake,
      tables: inApp('merged', 'merged_ledger'),
    },
  ];
}

/** A bucket, with the keys to it. */
export interface BucketPlace {
  readonly endpoint: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The `lake` of a pipeline file under a prefix of the bucket. */
function inBucket(prefix: string, { endpoint }: BucketPlace) {
  const catalog = { type: 'sqlite', path: './catalog.db' };
  return { warehouse: `s3://${TEST_BUCKET}/${prefix}`, s3: { endpoint }, catalog };
}

/**
 * Tables of MariaDB, in a folder or in a bucket: one whose columns were widened and added, and one
 * of each kind of type.
 */
export async function typedLake(
  t: TestContext,
  bucket: BucketPlace | null = null,
): Promise<readonly MatrixState[]> {
  const server = await startPrivateServer(t, 'mariadb');
  const database = await createDatabase(t, server);
  const place = liveWorkplace(database, bucket?.environment);
  const lake = new MatrixLake({
    name: 'typed',
    place,
    catalogPath: place.path(bucket === null ? 'lake/catalog.db' : 'catalog.db'),
  });
  t.after(async () => {
    await lake.end();
    place[Symbol.dispose]();
  });
  const types = typeTablesOf('mariadb');
  const tables = [...types, { name: 'evolved', cases: [] }];
  const where = bucket === null ? {} : { lake: inBucket('typed', bucket) };
  writeTypesFile(place, { server, database, tables, ...where });
  await server.run(CASE_SESSION, `USE ${database.name}`);
  await server.run(
    ...types.flatMap((table) => [createTable(table, true), ...insertRows(table, 'bootstrap')]),
    `CREATE TABLE evolved(id INT PRIMARY KEY, n INT, amount DECIMAL(10, 2), share FLOAT, v TEXT)`,
    `INSERT INTO evolved
       SELECT seq, -seq * 7, seq / 4, seq / 8, concat('v', seq) FROM seq_1_to_500`,
  );
  await lake.catchUp();
  await server.run(
    ...types.flatMap((table) => [
      ...insertRows(table, 'insert'),
      `UPDATE ${table.name} SET other = 1 WHERE id % 5 = 0`,
    ]),
    'UPDATE evolved SET v = NULL WHERE id % 7 = 0',
    'ALTER TABLE evolved ADD COLUMN extra VARBINARY(20) NULL',
    "UPDATE evolved SET extra = x'00ff' WHERE id % 3 = 0",
  );
  await lake.catchUp();
  // A column of another type halts its table until it is loaded again, into the same tables.
  await server.run(
    'ALTER TABLE evolved MODIFY n BIGINT, MODIFY amount DECIMAL(20, 2), MODIFY share DOUBLE',
  );
  const { code, out } = await place.run('run', 'firn.yaml', '--once');
  equal(code, 3, out);
  await lake.run('bootstrap', 'firn.yaml', '--table', `${database.name}.evolved`);
  await server.run(
    `UPDATE evolved SET n = 9007199254740993 + id, amount = 123456789012345678.25, share = 0.1
       WHERE id % 5 = 0`,
    'DELETE FROM evolved WHERE id % 11 = 0',
  );
  await lake.catchUp();
  await lake.serve();
  const row = (title: string, ...names: readonly string[]): MatrixState => ({
    title,
    format: 'v2',
    lake,
    tables: names.map((table) => ({ namespace: database.name, table })),
  });
  return [
    row('base with columns added and widened', 'evolved'),
    row('ledger with columns added and widened', 'evolved_ledger'),
    ...types.map(({ name }) =>
      row(`MariaDB’s types, ${name}: base and ledger`, name, `${name}_ledger`),
    ),
  ];
}

/** A lake in a bucket, with the keys to it. */
export async function bucketLake(t: TestContext, folder: string) {
  const server = await startS3Server('seaweedfs', join(folder, 'seaweedfs'));
  t.after(() => server.end());
  await makeBucket(server.endpoint);
  const environment = {
    AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
  };
  const bucket: BucketPlace = { endpoint: server.endpoint, environment };
  const { lake, merge } = await sqliteLake(t, {
    name: 'bucket',
    tables: ['plain'],
    file: pipelineFile(`lake: ${JSON.stringify(inBucket('matrix', bucket))}`),
    catalog: 'catalog.db',
    environment,
  });
  await merge(FEW_MERGES, 'plain');
  const states: readonly MatrixState[] = [
    { title: 'ledger', format: 'v2', lake, tables: inApp('plain_ledger') },
    { title: 'base with position deletes', format: 'v2', lake, tables: inApp('plain') },
  ];
  return { states, bucket, environment };
}

/** The base of format version 3 in a bucket, whose deleted rows are in deletion vectors. */
export async function bucketVectorLake(
  t: TestContext,
  bucket: BucketPlace,
): Promise<readonly MatrixState[]> {
  const { lake, merge } = await sqliteLake(t, {
    name: 'bucket vectors',
    tables: ['plain'],
    file: pipelineFile(
      `lake: ${JSON.stringify(inBucket('vectors', bucket))}`,
      ', deleteFormat: deletion-vectors',
    ),
    catalog: 'catalog.db',
    environment: bucket.environment,
  });
  await merge(FEW_MERGES, 'plain');
  return [{ title: 'base with deletion vectors', format: 'v3', lake, tables: inApp('plain') }];
}

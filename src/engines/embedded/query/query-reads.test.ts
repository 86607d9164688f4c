/** Queries over remote files answer as over local ones, and fetch the columns that they read. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { copyFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../kernel/clock.ts';
import type { TestContext } from 'node:test';
import { openParts } from '../../../../test/embedded/engine.ts';
import { startMemoryS3 } from '../../../../test/support/memory-s3.ts';
import { storeOptions } from '../../../../test/support/s3-bucket.ts';
import type { NestedField } from '../../../iceberg/iceberg-type.ts';
import type { ObjectStore } from '../../../ports/object-store.ts';
import type { QuerySession, QueryTable } from '../../../ports/row-engine.ts';
import { createS3ObjectStore } from '../../../storage/s3/s3-object-store.ts';
import { stageFile } from '../parquet-writer.ts';
import { openQuerySession } from '../query-session.ts';

const ROWS = 120_000;
const COLUMNS = [
  [1, 'id', { kind: 'long' }, 'range'],
  [2, 'word', { kind: 'string' }, "'w' || (range % 50)::VARCHAR"],
  [3, 'bulk', { kind: 'string' }, 'md5(range::VARCHAR) || md5((range + 1)::VARCHAR)'],
  [4, 'Odd "name", x', { kind: 'long' }, 'range % 7'],
] as const;
const FIELDS: readonly NestedField[] = COLUMNS.map(([id, name, type]) => {
  return { id, name, required: false, type };
});

/** Queries with the greatest share of the tables' bytes that they may fetch. */
const QUERIES: readonly (readonly [sql: string, share: number])[] = [
  ['SELECT count(*) FROM t', 0.05],
  ["SELECT sum(id) FROM t WHERE word = 'w7'", 0.15],
  ['SELECT max("Odd ""name"", x") FROM app.t', 0.1],
  ['SELECT a.word, count(*) FROM t a JOIN u b ON a.id = b.id GROUP BY ALL ORDER BY ALL', 0.2],
  ['SELECT * FROM t ORDER BY id DESC LIMIT 3', 0.55],
  ["SELECT id FROM u WHERE bulk LIKE '%00ff%' ORDER BY id", 0.55],
  ["WITH q AS (SELECT id, word FROM t) SELECT (SELECT max(id) FROM q WHERE q.word = 'w3')", 0.15],
  [
    'SELECT id, word FROM t WHERE id > 119990 UNION ALL SELECT id, NULL FROM u WHERE id < 3 ORDER BY ALL',
    0.2,
  ],
  ['SELECT t FROM t WHERE id = 5', 0.55],
  [
    'SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY word ORDER BY id) = 1 ORDER BY 1',
    0.15,
  ],
];

interface World {
  readonly remote: () => Promise<{ session: QuerySession; fetched: () => number }>;
  readonly local: QuerySession;
  readonly sizeBytes: number;
}

async function openWorld(t: TestContext): Promise<World> {
  const server = await startMemoryS3();
  t.after(() => server[Symbol.asyncDispose]());
  const { engine, files } = await openParts(t);
  const folder = dirname(files.filesFolder);
  const options = storeOptions(server.endpoint, join(folder, 'copies'));
  const store = createS3ObjectStore(options);
  const connection = await engine.instance.connect();
  const paths = new Map<string, string>();
  const tables: QueryTable[] = [];
  let sizeBytes = 0;
  for (const name of ['t', 'u']) {
    const { path, file } = await stageFile(files, connection, {
      columns: FIELDS.map((field, at) => {
        return { field, expression: COLUMNS[at]?.[3] ?? 'NULL', exact: false };
      }),
      source: `FROM range(${ROWS})`,
      dataFolder: `${store.root}/${name}`,
      width: { rowCount: 1, sizeBytes: 200 },
      entry: {
        content: 'data',
        partition: [],
        specId: 0,
        sortOrderId: null,
        referencedDataFile: null,
      },
    });
    await copyFile(path, join(folder, name));
    paths.set(file.filePath, join(folder, name));
    sizeBytes += (await store.upload(path, file.filePath)).sizeBytes;
    const icebergSchema = { schemaId: 0, fields: FIELDS, identifierFieldIds: [] };
    const scan = { file, dataSequenceNumber: 1n, deletes: [] };
    tables.push({ namespace: 'app', name, icebergSchema, files: [scan] });
  }
  connection.closeSync();
  let sessions = 0;
  const open = async (over: ObjectStore): Promise<QuerySession> => {
    const spillFolder = join(folder, `spill-${sessions++}`);
    const limits = { threads: 2, memoryBytesMax: 2 ** 28, spillFolder, spillBytesMax: 2 ** 28 };
    const session = await openQuerySession(
      { store: over, clock: systemClock, limits },
      { tables, live: [] },
    );
    t.after(() => session.close());
    return session;
  };
  const whole: ObjectStore = {
    ...store,
    root: store.root,
    materialise: async (location) => {
      const path = paths.get(location) ?? '';
      return { path, sizeBytes: (await stat(path)).size, release: async () => {} };
    },
  };
  return {
    sizeBytes,
    local: await open(whole),
    async remote() {
      const fresh = createS3ObjectStore({ ...options, copyFolder: join(folder, `c${sessions}`) });
      const before = server.sentBytes();
      const session = await open(fresh);
      return { session, fetched: () => server.sentBytes() - before };
    },
  };
}

async function answerOf(session: QuerySession, sql: string): Promise<unknown> {
  const { columns, rows } = await session.run(sql);
  const all: unknown[] = [];
  for await (const chunk of rows) all.push(...chunk);
  return { columns, all };
}

test('spec: T7 queries fetch the columns that they read, and answer alike', async (t) => {
  const { remote, local, sizeBytes } = await openWorld(t);
  for (const [sql, share] of QUERIES) {
    const { session, fetched } = await remote();
    deepEqual(await answerOf(session, sql), await answerOf(local, sql), sql);
    ok(fetched() / sizeBytes < share, `${sql}: ${fetched() / sizeBytes}`);
  }
  // One session, every query in turn: what is at hand is not fetched twice.
  const { session, fetched } = await remote();
  for (const [sql] of QUERIES) {
    deepEqual(await answerOf(session, sql), await answerOf(local, sql), sql);
  }
  ok(fetched() < sizeBytes * 1.1);
  const { rows } = await session.run('SELECT count(*) FROM t WHERE word = ?', ['w1']);
  for await (const chunk of rows) equal(chunk[0]?.[0], String(ROWS / 50));
});

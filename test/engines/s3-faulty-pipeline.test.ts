/**
 * A whole pipeline over S3 that fails now and then, at any request: it ends equal to its source,
 * run after run, and no change is in a ledger twice.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { seededRandom } from '../../src/kernel/random.ts';
import { S3_KEYS } from '../../tools/servers/s3-server.ts';
import { errorBody, startFaultProxy } from '../support/fault-proxy.ts';
import type { Fault, FaultProxy } from '../support/fault-proxy.ts';
import { LakePlace } from '../support/lake-place.ts';
import { startMemoryS3 } from '../support/memory-s3.ts';
import type { MemoryS3 } from '../support/memory-s3.ts';
import { TEST_BUCKET } from '../support/s3-bucket.ts';
import { answerRows, ordered, sourceRows } from './torture-table.ts';
import { TortureWork, WORK_SCHEMA, WORK_TABLES } from './torture-work.ts';

const ROUNDS = 5;
/** Of rows that were read after the fact: several of one place may have different keys. */
const REREAD_ROW = 2_147_483_647;
const FAULTS: readonly Fault[] = [
  { kind: 'answer', status: 503, body: errorBody('SlowDown') },
  { kind: 'refused', status: 500, body: errorBody('InternalError') },
  { kind: 'lost' },
  { kind: 'reset' },
  { kind: 'cut' },
];

const place = new LakePlace({
  AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
});
const database = place.open();
const work = new TortureWork(database, 13);
let server: MemoryS3 | null = null;
let proxy: FaultProxy | null = null;

before(async () => {
  server = await startMemoryS3();
  proxy = await startFaultProxy(server.endpoint);
  database.exec(WORK_SCHEMA);
  work.fill();
  const s3 = `s3: {endpoint: "${proxy.endpoint}"}`;
  const catalog = 'catalog: {type: sqlite, path: ./catalog.db}';
  place.write(
    'firn.yaml',
    [
      'name: app',
      'source: {type: sqlite, path: ./app.db, pollInterval: 20ms}',
      'tables: ["*"]',
      `lake: {warehouse: "s3://${TEST_BUCKET}/lake", ${s3}, ${catalog}}`,
      'ledger: {commitInterval: 100ms}',
      'base: {mergeInterval: 1s}',
      '',
    ].join('\n'),
  );
});

after(async () => {
  place[Symbol.dispose]();
  await proxy?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function assertEqualToSource(): Promise<void> {
  for (const table of WORK_TABLES) {
    const answer = await place.query(`SELECT * FROM ${table.table}`);
    deepEqual(ordered(answerRows(answer)), ordered(sourceRows(database, table)), table.table);
    const ledger = `SELECT count(*) AS n, count(DISTINCT (_firn_epoch, _firn_seq, _firn_row)) AS d
      FROM ${table.table}_ledger WHERE _firn_row <> ${REREAD_ROW}`;
    const [[changes, identities] = []] = await place.rows(ledger);
    equal(changes, identities, `every change of ${table.table} once`);
  }
}

test('spec: T2, T3 one request in eight fails, and the lake equals its source', async () => {
  const random = seededRandom(3);
  const dice = (sides: number): number => (random.bytes(1)[0] ?? 0) % sides;
  let disturbed = 0;
  const plan = (): Fault | null => {
    if (dice(8) !== 0) return null;
    disturbed++;
    return FAULTS[dice(FAULTS.length)] ?? null;
  };
  for (let round = 0; round < ROUNDS; round++) {
    if (proxy !== null) proxy.plan = plan;
    await place.catchUp();
    if (proxy !== null) proxy.plan = () => null;
    await assertEqualToSource();
    work.round();
  }
  ok(disturbed > 50, `${disturbed} requests were disturbed`);
  process.stdout.write(
    `${disturbed} of ${proxy?.count()} requests disturbed, ${ROUNDS} runs equal\n`,
  );
});

test('a store that is gone in the middle of a run loses nothing', async () => {
  work.round();
  let left = 25;
  const gone: Fault = { kind: 'answer', status: 503, body: errorBody('ServiceUnavailable') };
  if (proxy !== null) proxy.plan = () => (left-- > 0 ? null : gone);
  const running = place.start('run', place.file);
  const waited = new Promise((resolve) => setTimeout(resolve, 15_000));
  await Promise.race([running.ended, waited]);
  running.child.kill('SIGKILL');
  await running.ended;
  ok(left < 0, 'the store was gone while it was needed');
  if (proxy !== null) proxy.plan = () => null;
  await place.catchUp();
  await assertEqualToSource();
});

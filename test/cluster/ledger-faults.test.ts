/** What befalls ledgers while Flink writes them: every record is on main once all the same. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { Admin, Producer } from '@platformatic/kafka';
import { findRef, refSnapshot } from '../../src/iceberg/snapshot.ts';
import { KafkaReader } from '../../src/kafka/kafka-reader.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { removeRef } from '../../src/lake/commit-table.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { prepareSnapshot } from '../../src/lake/snapshot-producer.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import { readState } from '../../src/lake/table-state.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { LedgerPlace, SKIP_WITHOUT_FLINK } from './ledger-place.ts';
import { settlesLetters } from './support/dead-letters.ts';
import { losesRecords } from './support/expired-offsets.ts';
import { dropsTable } from './support/ledger-drops.ts';

const skip = SKIP_WITHOUT_FLINK;
const DDL = ['CREATE TABLE notes (id INT, note VARCHAR(20))'];

function freshName(letter: string): string {
  return `led_${letter}_${Date.now().toString(36)}`;
}

/** The lake of a place as a program beside Firn has it. */
function foreignLake(place: LedgerPlace): LakeContext {
  const [clock, random] = [systemClock, systemRandom];
  const store = createLocalObjectStore({ folder: `${place.folder}/lake`, clock, random });
  const { catalog } = place;
  const queues = createTableQueues();
  return { store, catalog, clock, random, pipeline: place.name, writer: 'foreign', queues };
}

/** The branch that the ledger is published from. */
async function branchOf(place: LedgerPlace): Promise<string> {
  const state = readState((await place.table('notes_ledger')).metadata, 'main');
  ok(state?.kind === 'ledger');
  return present(state.cluster?.published, 'a branch').branch;
}

/** Inserts a row and waits until it is in the ledger. */
async function arrives(place: LedgerPlace, id: number): Promise<void> {
  await place.connection.query(`INSERT INTO notes (id, note) VALUES (${id}, 'n${id}')`);
  await place.until(`row ${id}`, async () => {
    return (await place.rows(`SELECT id FROM notes_ledger WHERE id = ${id}`)).length > 0;
  });
}

/** Each record of the topic is in the ledger or among the dead letters, once, and none is left. */
async function expectWhole(place: LedgerPlace, topic: string): Promise<void> {
  const letters = await lettersOf(place);
  const rows = await place.rows(
    'SELECT _firn_partition, _firn_offset FROM notes_ledger ORDER BY ALL',
  );
  const all = [...rows, ...letters].map((row) => row.slice(0, 2).join(':'));
  equal(new Set(all).size, all.length, 'no record is there twice');
  const { latest } = await place.services.kafka.offsets(topic);
  const wanted = latest.flatMap((end, partition) => {
    return Array.from({ length: Number(end) }, (_, offset) => `${partition}:${offset}`);
  });
  deepEqual(all.toSorted(), wanted.toSorted(), 'none is left out');
}

/** Waits until the ledger says that it is complete up to its newest row. */
async function isComplete(place: LedgerPlace): Promise<void> {
  const [[seq] = []] = await place.rows('SELECT max(_firn_seq) FROM notes_ledger');
  await place.until('complete-to', async () => {
    const state = readState((await place.table('notes_ledger')).metadata, 'main');
    return state?.kind === 'ledger' && state.completeTo.seq >= BigInt(seq ?? '0');
  });
}

/** A topic is given a partition, and Debezium writes to it: rows of it come, and it counts. */
async function growTopic(place: LedgerPlace, topic: string): Promise<void> {
  await addPartition(place, topic, 3);
  await place.until('a row of the new partition', async () => {
    const rows = await place.rows('SELECT id FROM notes_ledger WHERE _firn_partition = 2');
    return rows.length === 1;
  });
  await isComplete(place);
}

/** Records that Flink drops, more than are set aside in one go, and one that it sets aside. */
async function spoilTopic(place: LedgerPlace, topic: string): Promise<void> {
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [place.kafka] });
  const junk = 5001;
  const texts = [...Array<string>(junk).fill('no json'), '{"op":"c"}', ''];
  await producer.send({
    messages: texts.map((value) => ({ topic, partition: 0, value: Buffer.from(value) })),
  });
  await producer.close();
  await arrives(place, 3);
  await arrives(place, 4);
  const isDone = async (): Promise<boolean> => (await lettersOf(place)).length === texts.length;
  await place.until('all dead letters', isDone, 120_000);
  const byReason = Map.groupBy(await lettersOf(place), ([, , reason]) => reason);
  deepEqual(
    new Map([...byReason].map(([reason, own]) => [reason, own.length])),
    new Map([
      ['the record is no JSON object', junk + 1],
      ['it has no place in the log; it has no row', 1],
    ]),
  );
}

/** Somebody removes the branch. */
async function removeBranch(place: LedgerPlace): Promise<void> {
  const branch = await branchOf(place);
  const { identifier, metadata } = await place.table('notes_ledger');
  const { tableUuid } = metadata;
  const snapshotId = present(findRef(metadata, branch), 'the branch').snapshotId;
  await removeRef(foreignLake(place), { identifier, tableUuid, ref: branch, snapshotId });
  await arrives(place, 5);
  ok((await branchOf(place)) !== branch);
}

/** Somebody compacts the branch: main forgets it, or each look would stop the table again. */
async function compactBranch(place: LedgerPlace): Promise<void> {
  const branch = await branchOf(place);
  // Flink may commit at the same moment.
  await place.until('the commit', async () => {
    return (await commitToBranch(place, { operation: 'replace', added: [] })) === 'committed';
  });
  await place.until('the second halt', () => /LEDGER-BRANCH-CHANGED/.test(place.said().join()));
  await place.with((pipeline) => pipeline.request('resume', { table: 'notes' }));
  await arrives(place, 8);
  ok((await branchOf(place)) !== branch);
}

/** Gives a topic one more partition, with a copy of a record of another one in it. */
async function addPartition(place: LedgerPlace, topic: string, count: number): Promise<void> {
  const own = { clientId: 'test', bootstrapBrokers: [place.kafka] };
  const admin = new Admin(own);
  await admin.createPartitions({ topics: [{ name: topic, count }] });
  await admin.close();
  const reader = new KafkaReader({
    address: { bootstrapServers: place.kafka },
    clock: systemClock,
    random: systemRandom,
  });
  const { topicId, latest } = await place.services.kafka.offsets(topic);
  const partition = latest.findIndex((end) => end > 0n);
  let value: Uint8Array | null = null;
  const whole = { topic, topicId, partition, offset: 0n, to: present(latest[partition], 'an end') };
  for await (const records of reader.read(whole)) value ??= records[0]?.value ?? null;
  await reader.close();
  // One that knows the partition.
  const producer = new Producer(own);
  const message = { topic, partition: count - 1, value: Buffer.from(present(value, 'a record')) };
  await producer.send({ messages: [message] });
  await producer.close();
}

type Letter = readonly [partition: string, offset: string, reason: string];

async function lettersOf(place: LedgerPlace): Promise<readonly Letter[]> {
  const { metadata } = await place.table('notes_ledger_dead_letters');
  const context = foreignLake(place);
  const files = await scanFiles(context, { metadata, ref: 'main' });
  return place.withRows(metadata, files, 'SELECT "partition", "offset", reason FROM letters.rows');
}

// Side by side: most of it is waiting for checkpoints.
suite('ledgers', { concurrency: true }, () => {
  test('jobs, branches and records that go wrong (spec: E16, E18, E20)', { skip }, goWrong);
  test('a start whose answer is lost is found by its name (spec: E6, E18)', { skip }, losesAnswer);
  test('a dropped table retires complete, the others go on (spec: E21)', { skip }, dropsTable);
  test('records that leave Kafka unread halt their table (spec: E23)', { skip }, losesRecords);
  test(
    'dead letters are settled by a copy; old files and branches go (spec: E22, E28)',
    { skip },
    settlesLetters,
  );
});

async function goWrong(t: TestContext): Promise<void> {
  const options = { tables: ['notes'], ddl: DDL, reconcile: '2s' };
  const place = await LedgerPlace.open(t, freshName('f'), options);
  const topic = `firn.${place.name}.1.${place.name}.notes`;
  let running = place.start();
  await place.until('the job', async () => (await place.liveJobs()).length === 1);
  await arrives(place, 1);

  // Somebody ends the job by hand.
  const [first] = await place.liveJobs();
  await place.services.jobs.cancel(present(first, 'a job').id, 60_000);
  await arrives(place, 2);
  match(place.said().join('\n'), /starts anew: it is CANCELED/);

  await growTopic(place, topic);
  await spoilTopic(place, topic);
  await removeBranch(place);

  // A column is added.
  await place.connection.query('ALTER TABLE notes ADD COLUMN extra INT');
  await place.connection.query("INSERT INTO notes VALUES (6, 'n6', 66)");
  await place.until('the column', () => place.events.some(({ kind }) => kind === 'schema-changed'));
  await place.until('row 6', async () => {
    const rows = await place.rows('SELECT extra FROM notes_ledger WHERE id = 6');
    return rows.length === 1 && rows[0]?.[0] === '66';
  });

  // Somebody adds rows to the branch that main has already.
  await running.stop();
  await addTwice(place);
  running = place.start();
  await place.until('the halt', () => place.said().some((text) => text.includes('LEDGER-')));
  match(place.said().join('\n'), /notes: LEDGER-RECORDS-REPEATED/);
  await running.stop();
  await place.with((pipeline) => pipeline.request('resume', { table: 'notes' }));
  running = place.start();
  await arrives(place, 7);

  await compactBranch(place);
  await expectWhole(place, topic);

  // Rows change without row events.
  await place.connection.query('ALTER TABLE notes ADD COLUMN late INT DEFAULT 5');
  await place.until('the third halt', () => /SOURCE-STATEMENT-LOGGED/.test(place.said().join()));
  await running.stop();
}

/** Appends the files of main to the branch once more. */
async function addTwice(place: LedgerPlace): Promise<void> {
  const { metadata } = await place.table('notes_ledger');
  const files = await scanFiles(foreignLake(place), { metadata, ref: 'main' });
  const added = files.slice(0, 1).map(({ file }) => file);
  equal(await commitToBranch(place, { operation: 'append', added }), 'committed');
}

async function commitToBranch(
  place: LedgerPlace,
  draft: Pick<Parameters<typeof prepareSnapshot>[1], 'operation' | 'added'>,
): Promise<string> {
  const context = foreignLake(place);
  const branch = await branchOf(place);
  const { identifier, metadata } = await place.table('notes_ledger');
  const { updates, requirements } = await prepareSnapshot(context, {
    metadata,
    ref: branch,
    parent: refSnapshot(metadata, branch),
    ...draft,
    removed: [],
    dataSequenceNumber: null,
    summary: { 'engine-name': 'somebody' },
  });
  return (await context.catalog.commit([{ identifier, updates, requirements }])).kind;
}

/** A gateway whose answer to the statement that starts a job is lost, the first time. */
async function forgetfulGateway(
  t: TestContext,
  url: string,
): Promise<{
  readonly url: string;
  readonly lost: () => number;
}> {
  let lost = 0;
  const to = new URL(url);
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method, url: path, headers } = incoming;
      const sent = request(
        // A kept connection may be closing: that would lose what is not meant to be lost.
        { host: to.hostname, port: to.port, method, path, headers, agent: false },
        (answer) => {
          if (body.includes('EXECUTE STATEMENT SET') && lost === 0) {
            lost += 1;
            outgoing.destroy();
            return;
          }
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      sent.on('error', () => outgoing.destroy());
      sent.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, lost: () => lost };
}

async function losesAnswer(t: TestContext): Promise<void> {
  const gateway = await forgetfulGateway(t, process.env['FIRN_FLINK_GATEWAY_URL'] ?? '');
  const options = { tables: ['notes'], ddl: DDL, at: { gateway: gateway.url } };
  const place = await LedgerPlace.open(t, freshName('g'), options);
  const running = place.start();
  await place.until('the job', async () => (await place.liveJobs()).length === 1);
  await arrives(place, 1);
  equal(gateway.lost(), 1);
  equal((await place.liveJobs()).length, 1, 'it was not started twice');
  // The next run goes on with the same job.
  const [job] = await place.liveJobs();
  await running.stop();
  const again = place.start();
  await arrives(place, 2);
  deepEqual(await place.liveJobs(), [job]);
  await again.stop();
}

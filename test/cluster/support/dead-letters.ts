/** Changes that cannot be read: said, and settled by loading the table again. */
import { deepEqual, equal, match } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Producer } from '@platformatic/kafka';
import { LedgerPlace } from '../ledger-place.ts';

/** One that has a place in the log, and one that has none. */
export async function settlesLetters(t: TestContext): Promise<void> {
  const place = await LedgerPlace.open(t, `led_l_${Date.now().toString(36)}`, {
    tables: ['notes'],
    ddl: ['CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(9))'],
  });
  const topic = `firn.${place.name}.1.${place.name}.notes`;
  const running = place.start();
  const status = async () => {
    const { tables } = await place.with((pipeline) => pipeline.status());
    return tables[0];
  };
  const open = (count: number): Promise<void> =>
    place.until(`${count} letters`, async () => (await status())?.deadLetters === count);
  const proof = async () => {
    const { tables } = await place.with((pipeline) =>
      pipeline.verify({ table: null, repair: false }),
    );
    const [table] = tables;
    if (table?.kind !== 'compared') throw new Error('it is not compared');
    return { deadLetters: table.deadLetters, missing: table.result.differencesTotal };
  };
  await place.until('the job', async () => (await place.liveJobs()).length === 1);
  await place.until('the copy', async () => (await status())?.state === 'streaming');
  equal((await status())?.deadLetters, 0);

  // Debezium sends what is declared so as true or false: what number it is nobody can tell.
  await place.connection.query('ALTER TABLE notes ADD COLUMN flag BOOL');
  await place.connection.query("INSERT INTO notes VALUES (1, 'n1', TRUE)");
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [place.kafka] });
  t.after(() => producer.close());
  await producer.send({ messages: [{ topic, partition: 0, value: Buffer.from('no json') }] });
  await place.connection.query("INSERT INTO notes (id, note) VALUES (2, 'n2'), (3, 'n3')");
  await open(2);
  match(place.said().join('\n'), /cannot be read were set aside in .*notes_ledger_dead_letters/);
  deepEqual(await proof(), { deadLetters: 2, missing: 1 });

  await place.with((pipeline) => pipeline.request('bootstrap', { table: 'notes' }));
  await open(0);
  deepEqual(await proof(), { deadLetters: 0, missing: 0 });
  match(place.said().join('\n'), /2 of its dead letters are settled/);
  await growsOld(place);
  await running.stop();
}

const HOUR_MS = 3_600_000;

/** What is merged goes from the ledger when its time is over, and the job's branch is replaced. */
async function growsOld(place: LedgerPlace): Promise<void> {
  const ids = async (): Promise<readonly (string | null)[]> =>
    (await place.rows('SELECT id FROM notes_ledger ORDER BY id')).map(([id]) => id ?? null);
  const arrives = async (id: number): Promise<void> => {
    await place.connection.query(`INSERT INTO notes (id, note) VALUES (${id}, 'late')`);
    await place.until(`row ${id}`, async () => (await ids()).includes(String(id)));
  };
  const maintain = (): Promise<unknown> =>
    place.with((pipeline) => pipeline.request('maintain', {}));
  // Written by Flink, and merged with the copy.
  deepEqual(await ids(), ['2', '3']);
  await arrives(4);
  await maintain();
  deepEqual(await ids(), ['2', '3', '4']);
  place.aheadMs = 2 * HOUR_MS;
  await maintain();
  deepEqual(await ids(), ['4'], 'only what is not merged stays');
  const branches = async (): Promise<readonly string[]> => {
    const { metadata } = await place.table('notes_ledger');
    return Object.keys(metadata.refs).filter((ref) => ref.startsWith('firn_ledger_'));
  };
  const [before] = (await branches()).toSorted().slice(-1);
  // Flink’s own clock makes no snapshots behind it: this is the last thing that is looked at.
  place.aheadMs = 80 * HOUR_MS;
  await place.until('a new branch', async () => {
    const now = await branches();
    return now.length === 1 && now[0] !== before;
  });
  match(place.said().join('\n'), /its branch is as old as their retention/);
  deepEqual(await ids(), ['4'], 'nothing comes back');
}

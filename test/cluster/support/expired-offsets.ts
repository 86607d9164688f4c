/** Records that leave Kafka before they are read: foretold, and never passed over. */
import { deepEqual, equal, match } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Admin } from '@platformatic/kafka';
import type { Finding } from '../../../src/ports/source.ts';
import { LedgerPlace } from '../ledger-place.ts';

/** What is kept is said by table; what is gone halts it, and a copy is the way out. */
export async function losesRecords(t: TestContext): Promise<void> {
  const place = await LedgerPlace.open(t, `led_e_${Date.now().toString(36)}`, {
    tables: ['notes', 'bare'],
    ddl: ['CREATE TABLE notes (id INT PRIMARY KEY)', 'CREATE TABLE bare (id INT)'],
  });
  const topics = ['notes', 'bare'].map((table) => `firn.${place.name}.1.${place.name}.${table}`);
  const kept = (): Promise<readonly Finding[]> => place.with((pipeline) => pipeline.keptRecords());
  const ends = async (): Promise<readonly (readonly bigint[])[]> =>
    Promise.all(topics.map(async (topic) => (await place.services.kafka.offsets(topic)).latest));
  deepEqual(await kept(), [], 'before the first run');
  await place.runOnce();
  deepEqual(await kept(), []);

  // Nobody reads these.
  const before = await ends();
  await place.connection.query('INSERT INTO notes VALUES (1), (2); INSERT INTO bare VALUES (1)');
  const grown = (now: readonly (readonly bigint[])[]): boolean =>
    now.every((latest, at) => latest.some((end, number) => end > (before[at]?.[number] ?? 0n)));
  await place.until('the records', async () => grown(await ends()));
  const [bare, notes] = await kept();
  equal(notes?.table?.table, 'notes');
  match(notes?.message ?? '', /^2 of its records are not in the ledger yet; .* for 59 min$/);
  deepEqual([bare?.severity, notes?.severity], ['ok', 'ok']);

  // As Kafka does it when their time is over.
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [place.kafka] });
  t.after(() => admin.close());
  const now = await ends();
  await admin.deleteRecords({
    topics: topics.map((name, at) => ({
      name,
      partitions: (now[at] ?? []).map((offset, partition) => ({ partition, offset })),
    })),
  });
  const lost = await kept();
  deepEqual(
    lost.map(({ severity, code, table }) => [severity, code, table?.table]),
    ['bare', 'notes'].map((table) => ['error', 'LEDGER-RECORDS-LOST', table]),
  );
  match(lost[0]?.message ?? '', /removed the records 0 to 0 of partition \d of .*bare/);

  const running = place.start();
  const halts = (): number =>
    place.said().filter((text) => text.includes('LEDGER-RECORDS-LOST')).length;
  await place.until('both halts', () => halts() === 2);
  match(place.said().join('\n'), /begins at \d, and records from 0 on were not read/);
  for (const table of ['notes', 'bare']) {
    await place.with((pipeline) => pipeline.request('bootstrap', { table }));
  }
  await place.until('the copy', async () => {
    return (await place.rows('SELECT id FROM notes')).length === 2;
  });
  await place.connection.query('INSERT INTO bare VALUES (7)');
  await place.until(
    'row 7',
    async () => (await place.rows('SELECT id FROM bare_ledger')).length > 0,
  );
  deepEqual(await kept(), []);
  const { equal: isEqual } = await place.with((pipeline) =>
    pipeline.verify({ table: 'notes', repair: false }),
  );
  equal(isEqual, true);
  await running.stop();
}

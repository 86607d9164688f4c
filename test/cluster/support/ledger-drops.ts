/** Tables that are dropped in the source while real Debezium, Kafka and Flink capture them. */
import { deepEqual, equal, match } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { LedgerPlace } from '../ledger-place.ts';

const NOTES = 'SELECT _firn_op, id FROM notes_ledger ORDER BY _firn_seq, _firn_row';

/** How often tables were opened. */
function starts({ events }: LedgerPlace): number {
  return events.filter(({ kind }) => kind === 'started').length;
}

/** One that is dropped, created again later, and dropped and created again at once. */
export async function dropsTable(t: TestContext): Promise<void> {
  const place = await LedgerPlace.open(t, `led_d_${Date.now().toString(36)}`, {
    tables: ['notes', 'others'],
    onDrop: 'keep',
    ddl: ['CREATE TABLE notes (id INT)', 'CREATE TABLE others (id INT)'],
  });
  const run = (sql: string): Promise<unknown> => place.connection.query(sql);
  const says = (text: RegExp): Promise<void> =>
    place.until(String(text), () => text.test(place.said().join('\n')));
  const arrives = async (table: string, id: number): Promise<void> => {
    await run(`INSERT INTO ${table} (id) VALUES (${id})`);
    await place.until(`row ${id}`, async () => {
      return (await place.rows(`SELECT id FROM ${table}_ledger WHERE id = ${id}`)).length > 0;
    });
  };
  const states = async (): Promise<readonly string[]> => {
    const { tables } = await place.with((pipeline) => pipeline.status());
    return tables.map(({ table, state }) => `${table.split('.')[1]} ${state}`);
  };
  const running = place.start();
  await place.until('the job', async () => (await place.liveJobs()).length === 1);
  await arrives('others', 1);

  // Nobody has read these by the time the table is gone.
  await run('INSERT INTO notes VALUES (1), (2); UPDATE notes SET id = 3 WHERE id = 2');
  await run('DELETE FROM notes WHERE id = 1; DROP TABLE notes');
  await says(/notes: The table was dropped; its copy stays/);
  deepEqual(await place.rows(NOTES), [
    ['c', '1'],
    ['c', '2'],
    ['u', '3'],
    ['d', '1'],
  ]);
  deepEqual(await states(), ['notes retired', 'others ledger-only']);
  await arrives('others', 2);
  await running.stop();

  // One that is created again is another one, and is captured anew.
  await run('CREATE TABLE notes (id INT, more INT); INSERT INTO notes VALUES (7, 70)');
  const before = starts(place);
  const again = place.start();
  await place.until('the start', () => starts(place) > before);
  await arrives('notes', 8);
  deepEqual(await states(), ['notes ledger-only', 'others ledger-only']);

  // Dropped and there again before anybody looks.
  await run('INSERT INTO notes VALUES (9, 90); DROP TABLE notes; CREATE TABLE notes (id INT)');
  await run('INSERT INTO notes VALUES (10)');
  await says(/notes: SOURCE-TABLE-REBUILT/);
  await arrives('notes', 11);
  const rows = await place.rows(NOTES);
  const [last] = rows.slice(-1);
  deepEqual(last, ['c', '11']);
  // The first key 1 came and went.
  equal(new Set(rows.map(([, id]) => id)).size, rows.length - 1, 'nothing is there twice');
  match(place.said().join('\n'), /dropped and created again/);
  await again.stop();
}

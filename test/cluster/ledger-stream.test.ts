/** Ledgers through real Debezium, Kafka and Flink, published by a pipeline in this process. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerPlace, SKIP_WITHOUT_FLINK } from './ledger-place.ts';

const skip = SKIP_WITHOUT_FLINK;

function freshName(letter: string): string {
  return `led_${letter}_${Date.now().toString(36)}`;
}

/** Every record of the topic is in the ledger once, and none is left out. */
const PLACES = `SELECT _firn_topic, _firn_partition, count(*) = count(DISTINCT _firn_offset)
  AND min(_firn_offset) = 0 AND max(_firn_offset) + 1 = count(*) AS whole
  FROM notes_ledger GROUP BY ALL ORDER BY ALL`;

test(
  'changes come into the ledger once, by one run after another (spec: E16, E17, E18)',
  { skip },
  async (t) => {
    const place = await LedgerPlace.open(t, freshName('a'), {
      tables: ['notes'],
      ddl: ['CREATE TABLE notes (id INT, note VARCHAR(20))'],
    });
    await place.runOnce();
    await place.connection.query("INSERT INTO notes VALUES (1, 'a'), (2, 'b')");
    await place.connection.query("UPDATE notes SET note = 'c' WHERE id = 2");
    await place.runOnce();
    deepEqual(
      await place.rows('SELECT _firn_op, id, note FROM notes_ledger ORDER BY _firn_seq, _firn_row'),
      [
        ['c', '1', 'a'],
        ['c', '2', 'b'],
        ['u', '2', 'c'],
      ],
    );
    await place.connection.query('DELETE FROM notes WHERE id = 1');
    await place.runOnce();
    equal((await place.rows('SELECT count(*) FROM notes_ledger'))[0]?.[0], '4');
    ok((await place.rows(PLACES)).every(([, , whole]) => whole === 'true'));
    deepEqual(await place.liveJobs(), [], 'a run that ends leaves no job');
  },
);

/** Connections that end around every event of a log, and inside a transaction of many rows. */
import { test } from 'node:test';
import { streamWithCuts } from '../../../../test/support/cut-streams.ts';
import { longRecording, recordingOf } from '../../../../test/support/replay-server.ts';

for (const name of ['mysql-changes', 'mysql-compressed', 'mariadb-changes']) {
  test(`${name}: a cut around an event costs and repeats nothing (spec: Y1, Y2)`, async (t) => {
    const cuts = { kind: 'events', stride: 7 } as const;
    t.diagnostic(`${await streamWithCuts(t, recordingOf(name), cuts)} streams`);
  });
}

test('a cut behind rows that were given out already repeats none (spec: Y1)', async (t) => {
  const cuts = { kind: 'events', stride: 1900 } as const;
  t.diagnostic(`${await streamWithCuts(t, longRecording(5600), cuts)} streams`);
});

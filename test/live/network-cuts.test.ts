/**
 * Connections cut at very many bytes of recorded logs; `FIRN_RUNS=all` takes every byte there is
 * (some minutes). The lane takes a part of them, the check lane a few.
 */
import { test } from 'node:test';
import { RECORDINGS, streamWithCuts } from '../support/cut-streams.ts';
import { recordingOf } from '../support/replay-server.ts';

/** Every so manieth byte. */
const STRIDE = process.env['FIRN_RUNS'] === 'all' ? 1 : 31;

for (const name of RECORDINGS) {
  test(`${name}: a connection cut at any byte costs and repeats nothing (spec: Y1, Y2)`, async (t) => {
    t.diagnostic(
      `${await streamWithCuts(t, recordingOf(name), { kind: 'bytes', stride: STRIDE })} streams`,
    );
  });
}

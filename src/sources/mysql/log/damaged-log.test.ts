/** Logs with a damaged, missing or unknown event in them, and servers that say strange things. */
import { equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FirnError } from '../../../kernel/firn-error.ts';
import { streamRecording } from '../../../../test/support/cut-streams.ts';
import type { Outcome } from '../../../../test/support/cut-streams.ts';
import { makeEvent } from '../../../../test/support/binlog-packets.ts';
import { recordingOf, startReplay } from '../../../../test/support/replay-server.ts';
import type { Recording } from '../../../../test/support/replay-server.ts';

/** Streams a log that must end in an error; gives it and what was told before. */
async function streamDamaged(
  t: TestContext,
  recording: Recording,
  events: readonly Uint8Array[],
): Promise<{ readonly error: FirnError; readonly told: Outcome | null }> {
  const damaged = { ...recording, events };
  const server = await startReplay(t, damaged);
  let told: Outcome | null = null;
  let failure: unknown = null;
  await rejects(
    streamRecording(server, damaged, recording.start, (outcome) => (told = outcome)),
    (error) => {
      failure = error;
      return true;
    },
  );
  ok(failure instanceof FirnError, String(failure));
  return { error: failure, told };
}

/** Offset of an event in its file. */
function offsetOf(events: readonly Uint8Array[], index: number): number {
  return events.slice(0, index).reduce((sum, event) => sum + event.length, 4);
}

const WRITE_ROWS = 30;

for (const name of ['mysql-changes', 'mysql-compressed']) {
  test(`${name}: a changed event ends the stream with its place (spec: Y6)`, async (t) => {
    const recording = recordingOf(name);
    const { events } = recording;
    // Every event behind the first transaction's, the format and the list of GTIDs.
    for (let index = 4; index < events.length; index += 13) {
      const changed = events.map((event) => Buffer.from(event));
      const bytes = changed[index];
      ok(bytes !== undefined);
      bytes[22] = (bytes[22] ?? 0) ^ 16;
      const { error, told } = await streamDamaged(t, recording, changed);
      equal(error.code, 'LOG-CHECKSUM');
      equal(error.where, `binlog.000002:${offsetOf(events, index)}`);
      const rows = [...(told?.changes.values() ?? [])].flat();
      const places = rows.map((row) => Number.parseInt(/seq=2\/(\d+)/.exec(row)?.[1] ?? '', 10));
      const borders = [...recording.borders].filter((at) => at <= offsetOf(events, index));
      ok(
        places.every((at) => at < Math.max(...borders)),
        'no row of the damaged transaction',
      );
    }
  });
}

test('an event that is missing, or that nobody knows, ends the stream (spec: Y6)', async (t) => {
  const recording = recordingOf('mysql-changes');
  const { events } = recording;
  const index = events.findIndex((event) => event[4] === WRITE_ROWS);
  // The description that its rows need.
  const missing = await streamDamaged(t, recording, events.toSpliced(index - 1, 1));
  equal(missing.error.code, 'LOG-TABLE-UNKNOWN');
  const known = events[index] ?? new Uint8Array(0);
  const logPosition = Buffer.from(known).readUInt32LE(13);
  const unknown = makeEvent({ typeCode: 200, body: known.subarray(19, -4), logPosition });
  const strange = await streamDamaged(t, recording, events.with(index, unknown));
  equal(strange.error.code, 'LOG-EVENT-MALFORMED');
  match(strange.error.message, /type 200, which is not known \(binlog\.000002:936\)/);
});

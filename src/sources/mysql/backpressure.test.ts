/**
 * Readers that stand still make the server wait: what a server may send on stays within the bounds
 * of this side and of the system's own buffers, however much there is; nothing is lost of it.
 */
import { equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import {
  EOF,
  packedText,
  packet,
  rowsBodies,
  serve,
  startRogue,
} from '../../../test/support/rogue-server.ts';
import type { RogueSession } from '../../../test/support/rogue-server.ts';
import { openConnection } from './connection.ts';
import type { MysqlConnection } from './connection.ts';
import { openDump } from './log/log-dump.ts';
import { RowSession } from './reads/row-session.ts';

const MIB = 2 ** 20;

/** What there is to send, and what may be under way: 4 MiB here, the rest in the system. */
const WHOLE_BYTES = 64 * MIB;
const UNDER_WAY_BYTES = 32 * MIB;

const ROW_BYTES = 60_000;
const ROWS = Math.ceil(WHOLE_BYTES / ROW_BYTES);

/** A server that sends packets as long as somebody takes them. */
class Flood {
  sent = 0;

  async send(session: RogueSession, bodies: Iterable<Uint8Array>): Promise<void> {
    const { socket } = session;
    let sequence = 0;
    for (const body of bodies) {
      sequence = (sequence + 1) & 255;
      if (socket.destroyed) return;
      this.sent += body.length;
      if (!socket.write(packet(sequence, body))) await once(socket, 'drain');
    }
  }

  /** Bytes sent once no more are. */
  async settled(): Promise<number> {
    for (let same = 0, last = -1; same < 5; same = this.sent === last ? same + 1 : 0) {
      last = this.sent;
      await systemClock.sleep(30);
    }
    return this.sent;
  }
}

async function connectTo(
  t: TestContext,
  flood: Flood,
  plan: { readonly isStart: (sql: string) => boolean; readonly bodies: Iterable<Uint8Array> },
): Promise<MysqlConnection> {
  const rogue = await startRogue(t, (session) =>
    serve(session, (sql) => {
      if (!plan.isStart(sql)) return undefined;
      void flood.send(session, plan.bodies);
      return [];
    }),
  );
  return openConnection({ ...rogue.address, queryMsMax: 60_000 });
}

test('a log that nobody takes waits at the server', async (t) => {
  const flood = new Flood();
  const event = Buffer.concat([Buffer.of(0), Buffer.alloc(ROW_BYTES)]);
  const bodies = Array<Uint8Array>(ROWS).fill(event);
  const connection = await connectTo(t, flood, { isStart: (sql) => sql === '', bodies });
  const dump = await openDump(connection, {
    clock: systemClock,
    start: { kind: 'place', fileName: 'binlog.000001', offset: 4 },
    follow: null,
    heartbeatMs: 60_000,
  });
  const { signal } = new AbortController();
  let taken = (await dump.next(signal))?.length ?? 0;
  const held = await flood.settled();
  ok(held < UNDER_WAY_BYTES, `${held} bytes were sent to a reader that stood still`);
  const whole = ROWS * (ROW_BYTES + 5);
  while (taken < whole) taken += (await dump.next(signal))?.length ?? 0;
  equal(taken, whole);
  dump.close();
  t.diagnostic(`${(held / MIB).toFixed(1)} of ${WHOLE_BYTES / MIB} MiB under way`);
});

test('rows that nobody takes wait at the server', async (t) => {
  const flood = new Flood();
  const head = rowsBodies(1, []).slice(0, -1);
  const row = packedText('x'.repeat(ROW_BYTES));
  const bodies = [...head, ...Array<Uint8Array>(ROWS).fill(row), EOF];
  const isStart = (sql: string): boolean => sql.startsWith('SELECT v');
  const connection = await connectTo(t, flood, { isStart, bodies });
  const session = new RowSession(connection, systemClock);
  const builder = new ColumnBuilder({ kind: 'string' });
  const rows = session.rows('SELECT v FROM t', {
    columns: [{ read: (bytes, _, at, end, to) => to.appendRun(bytes, at, end), builder }],
    limits: { rowsMax: 10, bytesMax: MIB },
    signal: new AbortController().signal,
  });
  let count = 0;
  let held = 0;
  for await (const { rowCount } of rows) {
    if (count === 0) held = await flood.settled();
    count += rowCount;
  }
  ok(held < UNDER_WAY_BYTES, `${held} bytes were sent to a reader that stood still`);
  equal(count, ROWS);
  session.close();
  t.diagnostic(`${(held / MIB).toFixed(1)} of ${WHOLE_BYTES / MIB} MiB under way`);
});

/**
 * Servers that are none: whatever they send, a client of Firn ends with a coded error, soon, within
 * bounds, and gives away neither a file nor its password.
 */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import {
  EOF,
  OK,
  ROGUE_PASSWORD,
  errorBody,
  greeting,
  packet,
  packedText,
  rowsBodies,
  serve,
  startRogue,
} from '../../../test/support/rogue-server.ts';
import type { Answers, RogueSession } from '../../../test/support/rogue-server.ts';
import { MysqlConnection, openConnection } from './connection.ts';
import { discoverTables } from './discover.ts';
import { LogDump, openDump } from './log/log-dump.ts';
import { RowSession } from './reads/row-session.ts';

const ESCAPES = '\u001b[2J\u0007\u202e\r\n';

/** Checks an error's code, and that no secret is in anything that can be printed of it. */
function coded(...codes: readonly ErrorCode[]): (error: unknown) => true {
  return (error) => {
    ok(error instanceof FirnError, String(error));
    ok(codes.includes(error.code), `${error.message} is none of ${codes.join()}`);
    ok(!`${error.stack} ${JSON.stringify(error)}`.includes(ROGUE_PASSWORD));
    return true;
  };
}

const asksForFile = (): Uint8Array => Buffer.from('\u00fb/etc/passwd', 'latin1');

test('a server that asks for a file gets none, whatever it was asked (spec: Y19)', async (t) => {
  const moments = ['SELECT VERSION()', 'SET NAMES', 'SET SESSION', 'SHOW', 'SELECT id'];
  for (const moment of moments) {
    const rogue = await startRogue(t, (session) =>
      serve(session, (sql) => (sql.startsWith(moment) ? [asksForFile()] : undefined)),
    );
    await rejects(async () => {
      const connection = await openConnection(rogue.address);
      await connection.query('SHOW TABLES');
      const rows = new RowSession(connection, systemClock);
      await rows.run('SELECT id FROM t', new AbortController().signal);
    }, coded('SOURCE-ANSWER-MALFORMED'));
    ok(!rogue.received().includes('root:'), 'no file was sent');
    const packets = packetsIn(rogue.received());
    ok(packets.at(-1)?.toString('utf8', 1).startsWith(moment), 'nothing was sent after it');
  }
});

test('a file is not offered at login, and not for a registration (spec: Y19)', async (t) => {
  const login = await startRogue(t, async (session) => {
    session.send(greeting());
    await session.read();
    session.send(asksForFile());
  });
  await rejects(openConnection(login.address), coded('SOURCE-ANSWER-MALFORMED'));
  const [response] = packetsIn(login.received());
  equal((response?.readUInt32LE(0) ?? 0x80) & 0x80, 0, 'LOCAL_FILES is off');
  const rogue = await startRogue(t, (session) =>
    serve(session, (sql) => (sql === '' ? [asksForFile()] : undefined)),
  );
  const connection = await openConnection(rogue.address);
  const follow = { serverId: 9, replicaUuid: '0' };
  const start = { kind: 'place', fileName: 'binlog.000001', offset: 4 } as const;
  const options = { clock: systemClock, start, follow, heartbeatMs: 1000 };
  await rejects(openDump(connection, options), coded('SOURCE-ANSWER-MALFORMED'));
  connection.destroy();
  equal(packetsIn(rogue.received()).at(-1)?.[0], 0x15, 'nothing was sent after it');
});

test('a login that never ends is ended by its size or its time', async (t) => {
  const endless = await startRogue(t, async (session) => {
    // One packet after the other that goes on in the next one.
    const piece = packet(0, Buffer.alloc(0xff_ff_ff)).subarray(0, 65_536);
    let number = 0;
    const more = (): void => {
      while (!session.socket.destroyed && number < 4096) {
        piece[3] = number++ & 255;
        if (!session.socket.write(piece)) return void session.socket.once('drain', more);
      }
    };
    more();
  });
  await rejects(openConnection(endless.address), coded('SOURCE-ANSWER-MALFORMED'));
  const asking = await startRogue(t, async (session) => {
    session.send(greeting('caching_sha2_password'));
    // Asks for full authentication again and again.
    while ((await session.read()) !== null) session.send(Buffer.of(1, 4));
  });
  await rejects(
    openConnection(asking.address),
    coded('SOURCE-LOGIN-REFUSED', 'SOURCE-ANSWER-MALFORMED'),
  );
  const mute = await startRogue(t, async () => undefined);
  await rejects(openConnection({ ...mute.address, connectMsMax: 30 }), coded('SOURCE-UNREACHABLE'));
  const stopped = await startRogue(t, async (session) => {
    session.socket.write(packet(0, greeting()).subarray(0, 20));
  });
  await rejects(
    openConnection({ ...stopped.address, connectMsMax: 30 }),
    coded('SOURCE-UNREACHABLE'),
  );
});

test('packets out of order are refused, at login and in answers', async (t) => {
  const scripts: readonly ((session: RogueSession) => Promise<void>)[] = [
    async (session) => session.sendAs(3, greeting()),
    async (session) => {
      session.send(greeting());
      await session.read();
      session.sendAs(9, OK);
    },
    async (session) => {
      session.send(greeting());
      await session.read();
      session.send(OK);
      session.send(OK);
    },
    (session) =>
      serve(session, () => {
        session.sendAs(2, OK);
        return [];
      }),
    (session) =>
      serve(session, () => {
        const [head = OK, ...rest] = rowsBodies(2, [['8.4.0', '']]);
        session.send(head);
        for (const [index, body] of rest.entries()) session.sendAs(index + 3, body);
        return [];
      }),
  ];
  for (const [index, script] of scripts.entries()) {
    await t.test(`script ${index}`, async (inner) => {
      const rogue = await startRogue(inner, script);
      await rejects(
        openConnection(rogue.address),
        coded('SOURCE-ANSWER-MALFORMED', 'SOURCE-UNREACHABLE'),
      );
    });
  }
});

test('names that no statement can hold are refused with their table', async (t) => {
  const tables = rowsBodies(5, [['d', 't\0', 'BASE TABLE', 'InnoDB', '1']]);
  const columns = rowsBodies(10, [['d', 't\0', 'id', 'int', 'int', null, null, 'NO', '', '']]);
  const rogue = await startRogue(t, (session) =>
    serve(session, (sql) => {
      if (sql.includes('information_schema.TABLES')) return tables;
      if (sql.includes('information_schema.COLUMNS')) return columns;
      return sql.includes('information_schema.STATISTICS') ? rowsBodies(6, []) : undefined;
    }),
  );
  const connection = await openConnection(rogue.address);
  const rule = { pattern: 'd.*', exclude: [], rename: {}, columns: {}, onDrop: 'halt' as const };
  const { tables: found, refused } = await discoverTables(connection, [rule]);
  deepEqual([found, refused.map(({ reason }) => reason)], [[], ['a name of it holds NUL']]);
  await connection.close();
});

test('a password never goes out in the clear or to a plugin that is not known', async (t) => {
  const switches = ['mysql_clear_password', `evil${ESCAPES}`, '__proto__', 'dialog'];
  for (const plugin of switches) {
    const rogue = await startRogue(t, async (session) => {
      session.send(greeting());
      await session.read();
      session.send(Buffer.from(`\u00fe${plugin}\0saltsaltsaltsaltsalt\0`, 'latin1'));
      await session.read();
    });
    await rejects(openConnection(rogue.address), (error: Error) => {
      ok(error.message.includes(plugin.slice(0, 4)));
      return coded('SOURCE-LOGIN-REFUSED')(error);
    });
    ok(!rogue.received().includes(ROGUE_PASSWORD), plugin);
  }
  for (const plugin of ['mysql_clear_password', 'sha256_password', 'dialog', '']) {
    const rogue = await startRogue(t, async (session) => {
      session.send(greeting(plugin));
      await session.read();
      session.send(errorBody(1045, 'no'));
    });
    await rejects(openConnection(rogue.address), coded('SOURCE-LOGIN-REFUSED'));
    ok(!rogue.received().includes(ROGUE_PASSWORD), plugin);
  }
});

test('a key that is none ends the login', async (t) => {
  const rogue = await startRogue(t, async (session) => {
    session.send(greeting('caching_sha2_password'));
    await session.read();
    session.send(Buffer.of(1, 4));
    await session.read();
    session.send(Buffer.from('\u0001-----BEGIN PUBLIC KEY-----\nno key\n', 'latin1'));
    await session.read();
  });
  await rejects(openConnection(rogue.address), coded('SOURCE-LOGIN-REFUSED'));
});

test('an answer that is none is refused, and nothing is taken for the next one', async (t) => {
  const answers: Record<string, readonly Uint8Array[]> = {
    'too few values': withRow(2, [packedText('8.4.0')]),
    'too many values': withRow(2, ['a', 'b', 'c'].map(packedText)),
    'a length beyond its row': withRow(2, [Buffer.of(0xfe, 255, 255, 255, 255, 0, 0, 0, 0)]),
    'a length of 2^64': withRow(2, [Buffer.from([0xfe, 255, 255, 255, 255, 255, 255, 255, 255])]),
    'a column too many': [Buffer.of(1), ...rowsBodies(2, []).slice(1)],
    'a column too few': [Buffer.of(3), ...rowsBodies(2, []).slice(1)],
    'no column': [Buffer.of(0xfc, 255, 255), EOF, EOF],
    'an empty packet': [new Uint8Array(0)],
    'another answer': [Buffer.of(0, 0, 0, 8, 0, 0, 0)],
    'another answer with rows': [...rowsBodies(2, []).slice(0, -1), Buffer.of(0xfe, 0, 0, 8, 0)],
    'two answers': [OK, OK],
    'an OK that is cut': [Buffer.of(0)],
  };
  for (const [what, bodies] of Object.entries(answers)) {
    const rogue = await startRogue(t, (session) =>
      serve(session, (sql) => (sql === 'SELECT 1' ? [Buffer.concat([])] : bodies)),
    );
    await rejects(openConnection(rogue.address), coded('SOURCE-ANSWER-MALFORMED'), what);
  }
});

test('an answer that stops ends in time, with the connection or not at all', async (t) => {
  const whole = Buffer.concat(
    rowsBodies(2, [['8.4.0', 'rogue']]).map((body, index) => packet(index + 1, body)),
  );
  for (let length = 0; length < whole.length; length += 5) {
    const closing = await startRogue(t, (session) =>
      serve(session, () => {
        session.socket.end(whole.subarray(0, length));
        return [];
      }),
    );
    await rejects(openConnection(closing.address), coded('SOURCE-UNREACHABLE'));
  }
  const waiting = await startRogue(t, (session) =>
    serve(session, () => {
      session.socket.write(whole.subarray(0, 9));
      return [];
    }),
  );
  const address = { ...waiting.address, queryMsMax: 30 };
  await rejects(openConnection(address), coded('SOURCE-TIMEOUT'));
});

test('an error packet ends the statement and not the connection', async (t) => {
  const secret: Answers = (sql) =>
    sql === 'BAD' ? [errorBody(1064, `no${ESCAPES}`.repeat(5000))] : undefined;
  const rogue = await startRogue(t, (session) => serve(session, secret));
  const connection = await openConnection(rogue.address);
  await rejects(connection.query('BAD'), coded('SOURCE-FAILED'));
  await rejects(connection.query('BAD'), (error: Error) => error.message.length < 1000);
  deepEqual(await connection.query('SET a = 1'), []);
  ok(connection.isOpen);
  await connection.close();
});

test('what a server says unasked ends the connection with its words', async (t) => {
  const rogue = await startRogue(t, (session) =>
    serve(session, (sql) => {
      if (sql !== 'LAST') return undefined;
      session.send(OK);
      void systemClock.sleep(20).then(() => session.sendAs(0, errorBody(4031, 'idle too long')));
      return [];
    }),
  );
  const connection = await openConnection(rogue.address);
  await connection.query('LAST');
  while (connection.isOpen) await systemClock.sleep(1);
  await rejects(connection.query('NEXT'), (error: Error) => {
    match(error.message, /idle too long/);
    return coded('SOURCE-UNREACHABLE')(error);
  });
});

test('whatever breaks a socket is worth another try', async (t) => {
  const broken = Object.assign(new Error('broken'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  const mute = await startRogue(t, async () => undefined);
  const openSocket = async (): Promise<Socket> => {
    const socket = createConnection({ host: mute.address.host, port: mute.address.port });
    await once(socket, 'connect');
    return socket.pause();
  };
  const ofQueries = await openSocket();
  const connection = new MysqlConnection({ socket: ofQueries, id: 1 }, mute.address, systemClock);
  const answer = connection.query('SELECT 1');
  ofQueries.destroy(broken);
  await rejects(answer, coded('SOURCE-UNREACHABLE'));
  const ofLog = await openSocket();
  const dump = new LogDump(ofLog, { where: 'here', clock: systemClock, silenceMsMax: 60_000 });
  const next = dump.next(new AbortController().signal);
  ofLog.destroy(broken);
  await rejects(next, coded('SOURCE-UNREACHABLE'));
});

/** An answer of so many columns with one row of these bytes. */
function withRow(columnCount: number, parts: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...rowsBodies(columnCount, []).slice(0, -1), Buffer.concat(parts), EOF];
}

/** Bodies of the packets that a client sent. */
function packetsIn(bytes: Buffer): readonly Buffer[] {
  const bodies: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUIntLE(at, 3);
    bodies.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return bodies;
}

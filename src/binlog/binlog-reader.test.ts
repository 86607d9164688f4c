/**
 * Log files recorded from MySQL 9.7 and MariaDB 10.11, read back: what comes out is in a text file
 * beside each, reviewed by hand against the statements of the recording. However the bytes arrive,
 * the same comes out; a byte that is not as the server wrote it never does.
 */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FirnError } from '../kernel/firn-error.ts';
import { BinlogReader } from './binlog-reader.ts';
import type { LogEvent } from './log-event.ts';
import {
  dumpOf,
  eventsOf,
  goldenLog,
  makeEvent,
  openingRotate,
  packetsOf,
  rawTable,
  readDump,
  rowLines,
} from '../../test/support/binlog-packets.ts';

const GOLDEN = join(import.meta.dirname, '..', '..', 'test', 'golden', 'binlog');
const RECORDINGS = [
  'mysql-types',
  'mysql-changes',
  'mysql-compressed',
  'mysql-images',
  'mysql-tagged',
  'mysql-unnamed',
  'mariadb-types',
  'mariadb-changes',
  'mariadb-compressed',
  'mariadb-images',
  'mariadb-unnamed',
] as const;

function flavourOf(name: string): 'mysql' | 'mariadb' {
  return name.startsWith('mysql') ? 'mysql' : 'mariadb';
}

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function readAll(reader: BinlogReader, bytes: Uint8Array): readonly LogEvent[] {
  return [...reader.push(bytes)];
}

function ignoringRows(): BinlogReader {
  return new BinlogReader({ flavour: 'mysql', wants: () => null });
}

/** Reads events behind the opening rotate of `binlog.000002` and a format description. */
function readEvents(events: readonly Uint8Array[], position = 4): readonly LogEvent[] {
  const [format] = eventsOf(goldenLog('mysql-types'));
  ok(format !== undefined);
  // As a server sends it for a dump that starts inside a file.
  const body = format.subarray(19, -4);
  const sent = makeEvent({ typeCode: 15, body, logPosition: 0 });
  const bytes = packetsOf([openingRotate('binlog.000002', position), sent, ...events]);
  return readAll(ignoringRows(), bytes).slice(2);
}

function throwsCode(work: () => unknown, code: string, part = ''): void {
  throws(work, (error) => {
    ok(error instanceof FirnError, `${String(error)} is a FirnError`);
    equal(error.code, code);
    ok(error.message.includes(part), `${error.message} says ${part}`);
    return true;
  });
}

for (const name of RECORDINGS) {
  test(`${name}: every event and row as the server wrote it`, () => {
    const text = `${readDump([dumpOf(name)], flavourOf(name)).join('\n')}\n`;
    equal(text, readFileSync(join(GOLDEN, `${name}.txt`), 'utf8'));
  });

  test(`${name}: chunks of one byte, of seven and of any size say the same`, () => {
    const whole = readDump([dumpOf(name)], flavourOf(name), { beforeImages: 'full' });
    for (const size of [1, 61, 1024]) {
      const parts = readDump(chunksOf(dumpOf(name), size), flavourOf(name), {
        beforeImages: 'full',
      });
      deepEqual(parts, whole);
    }
  });
}

test('a dump cut in two at every byte says the same', () => {
  for (const name of ['mysql-compressed', 'mariadb-unnamed']) {
    const bytes = dumpOf(name);
    const whole = readDump([bytes], flavourOf(name));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
      deepEqual(readDump(parts, flavourOf(name)), whole);
    }
  }
});

test('a bit flipped anywhere in an event is found by its checksum, with the place', () => {
  const events = eventsOf(goldenLog('mysql-changes'));
  const [format, , gtid] = events;
  ok(format !== undefined && gtid !== undefined);
  for (let at = 4; at < gtid.length; at++) {
    // The length is compared with the packet's before.
    if (at >= 9 && at < 13) continue;
    const flipped = Uint8Array.from(gtid);
    flipped[at] = (flipped[at] ?? 0) ^ 4;
    const bytes = packetsOf([openingRotate('binlog.000002'), format, flipped]);
    throwsCode(() => readAll(ignoringRows(), bytes), 'LOG-CHECKSUM', 'binlog.000002:127');
  }
});

test('offsets are counted past 4 GiB, over events that the server left out', () => {
  const near = 2 ** 32 - 100;
  const at = (logPosition: number): Uint8Array =>
    makeEvent({ typeCode: 16, body: new Uint8Array(8), logPosition: logPosition % 2 ** 32 });
  const size = 31;
  const places = readEvents([at(near + size), at(near + 500), at(near + 500 + size)], near).map(
    (event) => [event.startOffset, event.endOffset],
  );
  deepEqual(places, [
    [near, near + size],
    [near + 500 - size, near + 500],
    [near + 500, near + 500 + size],
  ]);
  for (const back of [near + size, near + size - 1, near]) {
    throwsCode(
      () => readEvents([at(near + size), at(back)], near),
      'LOG-EVENT-MALFORMED',
      'binlog.000002:4294967227',
    );
  }
});

test('an event of 40 MB comes in three packets and in any chunks', () => {
  const length = 40_000_000;
  const sql = Buffer.alloc(length, 'x');
  const head = Buffer.alloc(14);
  const body = Buffer.concat([head, sql]);
  const event = makeEvent({ typeCode: 2, body, logPosition: 4 + length + 14 + 23 });
  const [format] = eventsOf(goldenLog('mysql-types'));
  ok(format !== undefined);
  const opening = makeEvent({ typeCode: 15, body: format.subarray(19, -4), logPosition: 0 });
  const bytes = packetsOf([openingRotate('binlog.000002'), opening, event]);
  for (const size of [bytes.length, 65_536]) {
    const reader = ignoringRows();
    const events = [...chunksOf(bytes, size)].flatMap((chunk) => readAll(reader, chunk));
    const query = events.at(-1);
    ok(query?.kind === 'query');
    equal(query.sql.length, length);
  }
  const bounded = new BinlogReader({
    flavour: 'mysql',
    wants: () => null,
    eventBytesMax: 30_000_000,
  });
  throwsCode(() => readAll(bounded, bytes), 'LOG-EVENT-TOO-LARGE');
});

test('an event whose payload fills its packets exactly ends by an empty packet', () => {
  const body = Buffer.alloc(0xff_ff_ff - 1 - 23);
  const event = makeEvent({ typeCode: 29, body, logPosition: 4 + body.length + 23 });
  const xid = makeEvent({
    typeCode: 16,
    body: new Uint8Array(8),
    logPosition: 4 + body.length + 23 + 31,
  });
  deepEqual(
    readEvents([event, xid]).map(({ kind }) => kind),
    ['xid'],
  );
});

test('packets out of order, foreign first bytes, errors and the end of a log', () => {
  const lost = packetsOf(eventsOf(goldenLog('mysql-types')).slice(0, 2));
  const second = 4 + lost.readUIntLE(0, 3);
  lost[second + 3] = 9;
  throwsCode(
    () => readAll(ignoringRows(), Buffer.concat([packetsOf([openingRotate('b.1')]), lost])),
    'LOG-PACKET-LOST',
  );
  const packet = (payload: Uint8Array): Buffer =>
    Buffer.concat([Buffer.of(payload.length, 0, 0, 1), payload]);
  throwsCode(() => readAll(ignoringRows(), packet(Buffer.of(7))), 'LOG-EVENT-MALFORMED');
  throwsCode(() => readAll(ignoringRows(), packet(Buffer.of())), 'LOG-EVENT-MALFORMED');
  const [end] = readAll(ignoringRows(), packet(Buffer.of(254, 0, 0, 2, 0)));
  equal(end?.kind, 'end');
  const text = Buffer.concat([Buffer.of(255, 0xd4, 4), Buffer.from('#HY000Could not find')]);
  const [error] = readAll(ignoringRows(), packet(text));
  ok(error?.kind === 'server-error');
  deepEqual([error.errorCode, error.sqlState, error.message], [1236, 'HY000', 'Could not find']);
});

test('heartbeats of both kinds name the place and move it forward only', () => {
  const name = Buffer.from('binlog.000002');
  const first = makeEvent({ typeCode: 27, body: name, logPosition: 900 });
  const position = Buffer.of(2, 3, 0xfc, 0xe8, 3);
  const field = Buffer.concat([Buffer.of(1, name.length), name, position, Buffer.of(0)]);
  const second = makeEvent({ typeCode: 41, body: field, logPosition: 0 });
  const back = makeEvent({ typeCode: 27, body: name, logPosition: 500 });
  const xid = makeEvent({ typeCode: 16, body: new Uint8Array(8), logPosition: 1031 });
  const events = readEvents([first, second, back, xid]);
  deepEqual(
    events.map((event) => (event.kind === 'heartbeat' ? event.position : event.startOffset)),
    [900, 1000, 500, 1000],
  );
});

test('a table is asked for once, again when it changed and when somebody wants to', () => {
  const asked: string[] = [];
  const reader = new BinlogReader({
    flavour: 'mysql',
    wants(table) {
      asked.push(`${table.table}/${table.columns.length}`);
      return null;
    },
  });
  for (const event of reader.push(dumpOf('mysql-changes'))) {
    if (event.kind === 'query' && event.sql.startsWith('SAVEPOINT')) {
      reader.askAgain({ namespace: 'golden', table: 'orders' });
    }
  }
  deepEqual(asked, ['orders/3', 'prefixed/2', 'orders/3', 'orders/4']);
});

test('rows that fail in a value reader leave nothing of their event behind', () => {
  const bytes = dumpOf('mysql-changes');
  let calls = 0;
  const tables: ReturnType<typeof rawTable>[] = [];
  const reader = new BinlogReader({
    flavour: 'mysql',
    wants(log) {
      if (log.table !== 'orders') return null;
      const table = rawTable(log, {
        read(value, _view, at, end, builder) {
          // The second row of the first update, after its first columns.
          if (++calls === 14) throw new FirnError('LOG-COLUMN-TYPE', { what: 'Not this one' });
          builder.appendRun(value, at, end);
        },
      });
      tables.push(table);
      return table;
    },
  });
  const kinds: string[] = [];
  for (const event of reader.push(bytes)) {
    if (event.kind === 'rows' || event.kind === 'rows-refused') kinds.push(event.kind);
    if (event.kind === 'rows-refused') {
      equal(event.error.code, 'LOG-COLUMN-TYPE');
      ok(event.error.message.includes('golden.orders at binlog.000002:'), event.error.message);
    }
  }
  // Rows of the altered table come again: its definition is another one, which is asked for.
  deepEqual(kinds, ['rows', 'rows-refused', 'rows']);
  const batch = tables[0]?.cut(1) ?? null;
  ok(batch !== null);
  equal(batch.rowCount, 3);
  equal(
    rowLines(batch).every((line) => line.startsWith('  c ')),
    true,
  );
});

/**
 * Broken logs: whatever the bytes are, reading them ends in events or in a registered error of the
 * log, at once and within bounds. Checksums are made right again after the damage, so that the
 * damage reaches the decoding behind them.
 */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { isFirnError } from '../kernel/firn-error.ts';
import { BinlogReader } from './binlog-reader.ts';
import {
  dumpOf,
  eventsOf,
  goldenLog,
  makeEvent,
  openingRotate,
  packetsOf,
  rawTable,
} from '../../test/support/binlog-packets.ts';

const NAMES = [
  'mysql-types',
  'mysql-changes',
  'mysql-compressed',
  'mysql-images',
  'mysql-tagged',
  'mariadb-types',
  'mariadb-changes',
  'mariadb-compressed',
] as const;

const LOG_BYTES_MAX = 2 ** 22;
const EVENTS = new Map(NAMES.map((name) => [name, eventsOf(goldenLog(name))]));

/** Reads bytes to the end or to an error of the log; any other error is a finding. */
function readBroken(bytes: Uint8Array, flavour: 'mysql' | 'mariadb', askAll = true): number {
  const reader = new BinlogReader({
    flavour,
    eventBytesMax: LOG_BYTES_MAX,
    wants(log) {
      if (!askAll) return null;
      const table = rawTable(log, { beforeImages: 'full', batchRowsMax: 100 });
      tables.push(table);
      return table;
    },
  });
  const tables: ReturnType<typeof rawTable>[] = [];
  let events = 0;
  try {
    for (const event of reader.push(bytes)) {
      events++;
      if (event.kind === 'rows-refused') ok(event.error.code.startsWith('LOG-'));
      for (const table of tables) table.cut(1);
    }
  } catch (error) {
    ok(
      isFirnError(error) && error.code.startsWith('LOG-'),
      `no error of the log: ${String(error)}`,
    );
    ok(error.where !== null);
  }
  return events;
}

/** An event with its checksum made right. */
function resealed(event: Uint8Array): Uint8Array {
  const bytes = Buffer.from(event);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

function flavourOf(name: string): 'mysql' | 'mariadb' {
  return name.startsWith('mysql') ? 'mysql' : 'mariadb';
}

test('bytes changed inside an event end in events or in an error of the log (spec: Y9)', () => {
  const change = fc.record({
    name: fc.constantFrom(...NAMES),
    event: fc.nat(),
    changes: fc.array(
      fc.record({
        at: fc.nat(),
        value: fc.oneof(fc.constantFrom(0, 1, 127, 128, 250, 251, 252, 253, 254, 255), fc.nat(255)),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  });
  fc.assert(
    fc.property(change, ({ name, event, changes }) => {
      const events = [...(EVENTS.get(name) ?? [])];
      const index = event % events.length;
      const broken = Uint8Array.from(events[index] ?? []);
      // The length stays: another one never gets past the packet.
      const places = broken.length - 23;
      for (const { at, value } of changes) {
        const place = at % (places + 6);
        const offset = place < 6 ? [4, 13, 14, 16, 17, 18][place] : place + 13;
        broken[offset ?? 4] = value;
      }
      events[index] = resealed(broken);
      const bytes = packetsOf([openingRotate('binlog.000002'), ...events]);
      readBroken(bytes, flavourOf(name));
    }),
    { numRuns: 1200 },
  );
});

test('an event cut anywhere, or made longer, ends in events or in an error of the log (spec: Y9)', () => {
  for (const name of NAMES) {
    const events = EVENTS.get(name) ?? [];
    for (const [index, event] of events.entries()) {
      const body = event.subarray(19, -4);
      const step = 1 + (body.length >> 5);
      for (let length = 0; length <= body.length + 2; length += step) {
        const cut = Buffer.alloc(length);
        cut.set(body.subarray(0, length));
        const logPosition = Buffer.from(event).readUInt32LE(13);
        const broken = makeEvent({ typeCode: event[4] ?? 0, body: cut, logPosition });
        // The format, and the map that rows need.
        const before = index < 3 ? events.slice(0, index) : [events[0], events[index - 1]];
        readBroken(
          packetsOf([
            openingRotate('binlog.000002'),
            ...before.filter((one) => one !== undefined),
            broken,
          ]),
          flavourOf(name),
        );
      }
    }
  }
});

test('bodies of random bytes under every type code (spec: Y9)', () => {
  const [format] = EVENTS.get('mysql-types') ?? [];
  ok(format !== undefined);
  const random = fc.tuple(
    fc.oneof(fc.nat(45), fc.integer({ min: 158, max: 173 }), fc.nat(255)),
    fc.uint8Array({ maxLength: 120 }),
    fc.constantFrom('mysql' as const, 'mariadb' as const),
  );
  fc.assert(
    fc.property(random, ([typeCode, body, flavour]) => {
      const logPosition = 127 + body.length + 23;
      const event = makeEvent({ typeCode, body, logPosition });
      readBroken(packetsOf([openingRotate('binlog.000002'), format, event]), flavour);
    }),
    { numRuns: 3000 },
  );
});

test('a connection that sends random bytes (spec: Y9)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readBroken(bytes, 'mysql')),
    { numRuns: 3000 },
  );
});

test('a dump that ends anywhere gives the events before its end', () => {
  const bytes = dumpOf('mysql-changes');
  let former = 0;
  for (let end = 0; end <= bytes.length; end += 11) {
    const events = readBroken(bytes.subarray(0, end), 'mysql', false);
    ok(events >= former);
    former = events;
  }
});

test('sizes that are not true allocate nothing of the kind (spec: Y9)', () => {
  const [format] = EVENTS.get('mysql-types') ?? [];
  ok(format !== undefined);
  const before = process.memoryUsage().arrayBuffers;
  // A payload that claims 2^40 bytes, a list of 2^27 GTIDs, a table of 4,000 columns.
  const claims = [
    [40, [2, 1, 0, 3, 9, 254, 0, 0, 0, 0, 0, 1, 0, 0, 0]],
    [40, [2, 1, 0, 3, 5, 253, 255, 255, 63, 0, 0, 1, 2, 3]],
    [163, [255, 255, 255, 7]],
    [35, [255, 255, 255, 255, 255, 255, 255, 0]],
    [19, [1, 0, 0, 0, 0, 0, 1, 0, 1, 65, 0, 1, 65, 0, 252, 160, 15, 3]],
  ] as const;
  for (const [typeCode, body] of claims) {
    const logPosition = 127 + body.length + 23;
    const event = makeEvent({ typeCode, body: Uint8Array.from(body), logPosition });
    const bytes = packetsOf([openingRotate('binlog.000002'), format, event]);
    equal(readBroken(bytes, typeCode === 163 ? 'mariadb' : 'mysql'), 2);
  }
  ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
});

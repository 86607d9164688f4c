/**
 * Damaged logs, down to the values in their rows: whatever the bytes are, they end in changes or in
 * a coded error with its place, and never become more than their own compression allows.
 * `FIRN_RUNS` asks for more of them, `FIRN_SEED` for others.
 */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { isFirnError } from '../kernel/firn-error.ts';
import { columnBytes } from '../../test/support/column-bytes.ts';
import type { ColumnType } from '../model/column-type.ts';
import type { Column } from '../model/table-schema.ts';
import { imageReader } from '../mysql/image-reader.ts';
import type { MysqlFlavour } from '../mysql/mysql-column.ts';
import { BinlogReader } from './binlog-reader.ts';
import type { LogTable, LogTableColumn } from './log-table.ts';
import { compileTable } from './table-reader.ts';
import type { TableReader } from './table-reader.ts';
import {
  eventsOf,
  goldenLog,
  openingRotate,
  packetsOf,
} from '../../test/support/binlog-packets.ts';

const NAMES = [
  ...['types', 'changes', 'compressed', 'images', 'tagged', 'unnamed'].map((n) => `mysql-${n}`),
  ...['types', 'changes', 'compressed', 'images', 'unnamed'].map((n) => `mariadb-${n}`),
];
const EVENTS = new Map(NAMES.map((name) => [name, eventsOf(goldenLog(name))]));

const RUNS = Number.parseInt(process.env['FIRN_RUNS'] ?? '500', 10);
const SEED = Number.parseInt(process.env['FIRN_SEED'] ?? '1', 10);

/** zlib makes at most 1,032 bytes of one, and the longest recording has 5,600. */
const DECODED_BYTES_MAX = 2 ** 23;

/** Types that the values of some column of a log can have. */
const TYPES: readonly (readonly [ColumnType, string])[] = [
  [{ kind: 'int' }, 'int'],
  [{ kind: 'long' }, 'bigint'],
  [{ kind: 'float' }, 'float'],
  [{ kind: 'double' }, 'double'],
  [{ kind: 'boolean' }, 'bit(1)'],
  [{ kind: 'decimal', precision: 20, scale: 0 }, 'bigint unsigned'],
  [{ kind: 'decimal', precision: 18, scale: 2 }, 'decimal(18,2)'],
  [{ kind: 'date' }, 'date'],
  [{ kind: 'timestamp' }, 'datetime(6)'],
  [{ kind: 'timestamptz' }, 'timestamp(6)'],
  [{ kind: 'string' }, "enum('small','large') character set utf8mb4"],
  [{ kind: 'string' }, "set('a','b','c') character set utf8mb4"],
  [{ kind: 'string' }, 'varchar(300) character set utf8mb4'],
  [{ kind: 'binary' }, 'varbinary(300)'],
];

/** The first type that a column's values can be read as. */
function columnOf(log: LogTableColumn, index: number): Column {
  const name = log.name ?? `@${index + 1}`;
  for (const [type, sourceType] of TYPES) {
    const column = { id: index + 1, name, sourceName: name, type, sourceType };
    try {
      imageReader(log, column, 'halt');
      return column;
    } catch (error) {
      if (!isFirnError(error)) throw error;
    }
  }
  throw new Error(`no type for values of type code ${log.typeCode}`);
}

/** A reader of real values, or of nothing when the table's types are none. */
function readerOf(log: LogTable): TableReader | null {
  try {
    const columns = log.columns.map(columnOf);
    const readers = log.columns.map((column, index) => {
      const own = columns[index];
      return own === undefined ? null : { column: index, read: imageReader(column, own, 'halt') };
    });
    const schema = { table: log, version: 1, columns, keyColumnIds: [1] };
    const bounds = { batchRowsMax: 100, batchBytesMax: 2 ** 20 };
    return compileTable({ log, schema, readers, beforeImages: 'full', ...bounds });
  } catch (error) {
    // A column whose type the damage has made one that does not exist.
    if (isFirnError(error) || (error instanceof Error && error.message.startsWith('no type'))) {
      return null;
    }
    throw error;
  }
}

interface Outcome {
  readonly rows: number;
  readonly decodedBytes: number;
  readonly code: string | null;
}

function read(bytes: Uint8Array, flavour: MysqlFlavour, pieceBytes: number): Outcome {
  const tables: TableReader[] = [];
  const wants = (log: LogTable): TableReader | null => {
    const table = readerOf(log);
    if (table !== null) tables.push(table);
    return table;
  };
  const reader = new BinlogReader({ flavour, wants, eventBytesMax: 2 ** 22 });
  let rows = 0;
  let decodedBytes = 0;
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      for (const event of reader.push(bytes.subarray(at, at + pieceBytes))) {
        if (event.kind === 'rows-refused')
          ok(/^(?:LOG|VALUE|SOURCE-VALUE)-/.test(event.error.code));
        for (const batch of tables.flatMap((table) => table.cut(1) ?? [])) {
          rows += batch.rowCount;
          decodedBytes += batch.columns.reduce((sum, column) => sum + columnBytes(column), 0);
        }
      }
    }
  } catch (error) {
    ok(isFirnError(error), `no coded error: ${error instanceof Error ? error.stack : ''}`);
    ok(/^(?:LOG|VALUE)-/.test(error.code), error.code);
    ok(error.where !== null);
    return { rows, decodedBytes, code: error.code };
  }
  return { rows, decodedBytes, code: null };
}

function resealed(event: Uint8Array): Uint8Array {
  const bytes = Buffer.from(event);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

function flavourOf(name: string): MysqlFlavour {
  return name.startsWith('mysql') ? 'mysql' : 'mariadb';
}

test('every recording is read whole, value by value', () => {
  for (const name of NAMES) {
    const bytes = packetsOf([openingRotate('binlog.000002'), ...(EVENTS.get(name) ?? [])]);
    const outcome = read(bytes, flavourOf(name), 1000);
    equal(outcome.code, null, name);
    // Rows without column names go nowhere.
    ok(outcome.rows > 0, name);
  }
});

const DAMAGE = fc.record({
  name: fc.constantFrom(...NAMES),
  /** Whether checksums are made right again, so that the damage gets behind them. */
  isSealed: fc.boolean(),
  flips: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(7)), { maxLength: 5 }),
  /** Bytes put in place of a run of others, in one event. */
  splice: fc.option(fc.tuple(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 24 }))),
  /** An event that comes twice, or that is missing. */
  order: fc.option(fc.tuple(fc.nat(), fc.constantFrom('twice' as const, 'missing' as const))),
  cutAt: fc.option(fc.nat()),
  pieceBytes: fc.integer({ min: 1, max: 4000 }),
});

function damaged(damage: typeof DAMAGE extends fc.Arbitrary<infer D> ? D : never): Uint8Array {
  const events = (EVENTS.get(damage.name) ?? []).map((event): Buffer => Buffer.from(event));
  const pick = (number: number): Buffer => events[number % events.length] ?? Buffer.alloc(23);
  for (const [event, at, bit] of damage.flips) {
    const bytes = pick(event);
    const place = damage.isSealed ? 19 + (at % (bytes.length - 19)) : at % bytes.length;
    bytes[place] = (bytes[place] ?? 0) ^ (1 << bit);
  }
  if (damage.splice !== null) {
    const [event, at, run] = damage.splice;
    const bytes = pick(event);
    bytes.set(run.subarray(0, bytes.length - 19), 19 + (at % Math.max(1, bytes.length - 42)));
  }
  if (damage.order !== null) {
    const [event, how] = damage.order;
    const index = event % events.length;
    events.splice(index, how === 'missing' ? 1 : 0, ...(how === 'missing' ? [] : [pick(event)]));
  }
  const sealed = damage.isSealed ? events.map(resealed) : events;
  const bytes = packetsOf([openingRotate('binlog.000002'), ...sealed]);
  return damage.cutAt === null ? bytes : bytes.subarray(0, damage.cutAt % bytes.length);
}

test('a damaged log ends in changes or in a coded error (spec: Y6, Y9)', (t) => {
  const codes = new Map<string, number>();
  let rows = 0;
  fc.assert(
    fc.property(DAMAGE, (damage) => {
      const outcome = read(damaged(damage), flavourOf(damage.name), damage.pieceBytes);
      ok(outcome.decodedBytes < DECODED_BYTES_MAX, `${outcome.decodedBytes} bytes`);
      rows += outcome.rows;
      const code = outcome.code ?? 'read to its end';
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  const text = [...codes].map(([code, count]) => `${code} ${count}`);
  t.diagnostic(`${RUNS} logs, ${rows} rows; ${text.join(', ')}`);
});

test('every bit of every event, one at a time (spec: Y9)', (t) => {
  const stride = RUNS > 500 ? 1 : 211;
  let count = 0;
  for (const name of NAMES) {
    const events = EVENTS.get(name) ?? [];
    const bits = events.flatMap((event, index) =>
      Array.from({ length: (event.length - 23) * 8 }, (_, bit) => [index, bit] as const),
    );
    for (let at = 0; at < bits.length; at += stride) {
      const [index, bit] = bits[at] ?? [0, 0];
      const broken = Buffer.from(events[index] ?? []);
      broken[19 + (bit >> 3)] = (broken[19 + (bit >> 3)] ?? 0) ^ (1 << (bit & 7));
      // The format of the log, and the description that rows need.
      const before = index < 2 ? events.slice(0, index) : [events[0], events[index - 1]];
      const log = [...before, resealed(broken), events[index + 1]];
      const known = log.filter((event) => event !== undefined);
      const bytes = packetsOf([openingRotate('binlog.000002'), ...known]);
      const outcome = read(bytes, flavourOf(name), 65_536);
      ok(outcome.decodedBytes < DECODED_BYTES_MAX);
      count++;
    }
  }
  t.diagnostic(`${count} logs`);
});

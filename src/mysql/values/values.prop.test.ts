/** The parts of the value layer against JavaScript's own arithmetic, and against damaged bytes. */
import { equal, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { lakeText } from '../../../test/support/lake-text.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { appendBinaryJson } from './binary-json.ts';
import { daysFromDate, NO_DATE } from './calendar.ts';
import { doubleJson } from './json-scalars.ts';
import { appendDigits, doubleOf, floatText, smallInteger } from './digits.ts';
import { appendMicros } from './temporal-sink.ts';

function appended(type: ColumnType, append: (builder: ColumnBuilder) => void): string | null {
  const builder = new ColumnBuilder(type);
  append(builder);
  return lakeText(type, builder.finish(), 0);
}

const longs = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('numbers in text', () => {
  test('are read to the last digit', () => {
    fc.assert(
      fc.property(fc.oneof(longs, fc.bigInt({ min: -100n, max: 100n })), (value) => {
        const bytes = Buffer.from(`x${value}`);
        const read = appended({ kind: 'long' }, (builder) => {
          ok(appendDigits(bytes, 1, bytes.length, builder));
        });
        equal(read, String(value));
      }),
    );
  });

  test('are the nearest double', () => {
    const texts = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.tuple(fc.maxSafeNat(), fc.nat(30)).map(([whole, zeros]) => `${whole}e-${zeros}`),
      fc.tuple(fc.nat(), fc.nat()).map(([whole, part]) => `-${whole}.${part}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = Buffer.from(text);
        equal(doubleOf(bytes, 0, bytes.length), Number.parseFloat(text));
      }),
    );
  });

  test('that are none are refused', () => {
    for (const text of ['', '-', '1x', 'e5', '0x10', ' 1', '1.2.3', '--1']) {
      const bytes = Buffer.from(text);
      const builder = new ColumnBuilder({ kind: 'long' });
      ok(Number.isNaN(doubleOf(bytes, 0, bytes.length)), text);
      ok(Number.isNaN(smallInteger(bytes, 0, bytes.length)), text);
      if (text !== '1.2.3') ok(!appendDigits(bytes, 0, bytes.length, builder), text);
    }
  });

  test('of FLOAT are as short as gives them back', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = floatText(value, true);
        equal(Math.fround(Number.parseFloat(text)), value);
        ok(text.replace(/e.*/, '').replaceAll(/[-.]|^-?0\.0*/g, '').length <= 39);
      }),
    );
    equal(floatText(Math.fround(0.1), true), '0.1');
  });
});

describe('dates', () => {
  test('count days as the Gregorian calendar does', () => {
    fc.assert(
      fc.property(fc.integer({ min: -719_162, max: 2_932_896 }), (days) => {
        const date = new Date(days * 86_400_000);
        const [year, month, day] = [
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
        ];
        equal(daysFromDate(year, month, day), days);
      }),
    );
  });

  test('that are none are told', () => {
    for (const [year = 0, month = 0, day = 0] of [
      [0, 0, 0],
      [2024, 0, 1],
      [2024, 1, 0],
      [2024, 2, 30],
      [2023, 2, 29],
      [1900, 2, 29],
      [2024, 4, 31],
      [0, 1, 1],
      [2024, 13, 1],
    ]) {
      equal(daysFromDate(year, month, day), NO_DATE, `${year}-${month}-${day}`);
    }
    equal(daysFromDate(2000, 2, 29), 11_016);
  });

  test('have microseconds beyond 53 bits', () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, fc.nat(999_999), (second, micros) => {
        const read = appended({ kind: 'long' }, (builder) => appendMicros(second, micros, builder));
        equal(read, String(BigInt(second) * 1_000_000n + BigInt(micros)));
      }),
    );
  });
});

describe('binary JSON', () => {
  const whole = Buffer.from(
    '0004004f00200001002100010022000100230001000224000b3b000a43000c4b0061646e73' +
      '0500170004000004010004020005ffff071300701101009a9999999999f13fd20a1feb8ca954ab03c3bc0a',
    'hex',
  );

  test('damaged anywhere is a value or none, in bounds', () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.nat(whole.length), (bytes, length) => {
        const damaged = Buffer.from(whole);
        for (const [at, value] of bytes) damaged[at] = value;
        const view = new DataView(damaged.buffer, damaged.byteOffset, damaged.length);
        const builder = new ColumnBuilder({ kind: 'string' });
        const took = appendBinaryJson({ bytes: damaged, view, at: 0, end: length }, builder);
        equal(builder.rowCount, took ? 1 : 0);
        ok(builder.sizeBytes <= whole.length * 12 + 8192);
      }),
      { numRuns: 2000 },
    );
  });

  test('that uses itself twice ends soon', () => {
    // Each array of a thousand entries points at the next one: 1000 to the 60th values.
    const levels = 60;
    const count = 1000;
    const size = 4 + 3 * count;
    const bytes = Buffer.alloc(1 + size * levels);
    bytes[0] = 2;
    for (let level = 0; level < levels; level++) {
      const at = 1 + level * size;
      bytes.writeUInt16LE(count, at);
      for (let entry = 0; entry < count; entry++) {
        bytes[at + 4 + 3 * entry] = level === levels - 1 ? 4 : 2;
        bytes.writeUInt16LE(level === levels - 1 ? 0 : size, at + 5 + 3 * entry);
      }
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const builder = new ColumnBuilder({ kind: 'string' });
    ok(!appendBinaryJson({ bytes, view, at: 0, end: bytes.length }, builder));
  });
});

/** JSON text of a document of one value: its kind, and its bytes. */
function textOf(kind: number, write: (bytes: Buffer) => void): string | null {
  const bytes = Buffer.alloc(9);
  bytes[0] = kind;
  write(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return appended({ kind: 'string' }, (builder) => {
    ok(appendBinaryJson({ bytes, view, at: 0, end: bytes.length }, builder));
  });
}

test('binary JSON has numbers in the digits that JavaScript gives them', () => {
  const round = fc.tuple(fc.integer(), fc.constantFrom(1, 10, 100, 1000, 10_000, 1e6));
  const doubles = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    round.map(([value, scale]) => value / scale),
    fc.constantFrom(0, -0, 0.001, -0.001, 0.0005, 2 ** 31, 2 ** 31 - 0.001, -(2 ** 31) - 0.5),
  );
  fc.assert(
    fc.property(doubles, (value) => {
      equal(
        textOf(11, (bytes) => bytes.writeDoubleLE(value, 1)),
        doubleJson(value),
      );
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.integer(), (value) => {
      equal(
        textOf(7, (bytes) => bytes.writeInt32LE(value, 1)),
        String(value),
      );
      equal(
        textOf(8, (bytes) => bytes.writeUInt32LE(value >>> 0, 1)),
        String(value >>> 0),
      );
    }),
  );
});

/**
 * Values made at random for every type whose values can be written down: the same by SELECT and by
 * log, and what was written; and the literal of each finds its row again.
 */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { MysqlFlavour } from '../../src/mysql/mysql-column.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { lakeText } from '../support/lake-text.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { openLiveServer, skipWithout, createDatabase } from './support/live-server.ts';
import { notFound } from './support/key-literals.ts';
import { logEnd, readTwoWays } from './support/two-paths.ts';

const ROWS = 200;

/** A small generator of its own (xorshift), so that a failure comes back with its seed. */
function randomBits(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

interface Generated {
  readonly declaration: string;
  readonly only?: MysqlFlavour;
  /** A literal, and what is in the lake; `undefined`: only the two paths are compared. */
  readonly make: (bits: () => number) => readonly [sql: string, lake?: string];
}

function integer(bits: () => number, sizeBits: number, isSigned: boolean): string {
  const wide = (BigInt(bits()) << 32n) | BigInt(bits());
  // Small numbers too: a number of bits first, then so many.
  const size = 1 + (bits() % sizeBits);
  const value = BigInt.asUintN(size, wide);
  return String(isSigned ? BigInt.asIntN(sizeBits, BigInt.asIntN(size, wide)) : value);
}

function decimal(bits: () => number, precision: number, scale: number): string {
  const digits = Array.from({ length: precision }, () => bits() % 10).join('');
  const used = digits.slice(0, 1 + (bits() % precision)).padStart(scale + 1, '0');
  const whole = used.slice(0, used.length - scale).replace(/^0+(?=.)/, '');
  const text = scale === 0 ? whole : `${whole}.${used.slice(used.length - scale)}`;
  return bits() % 2 === 0 || !/[1-9]/.test(text) ? text : `-${text}`;
}

function finite(bits: () => number, isSingle: boolean): number {
  const view = new DataView(new ArrayBuffer(8));
  for (;;) {
    view.setUint32(0, bits());
    view.setUint32(4, bits());
    const value = isSingle ? view.getFloat32(0) : view.getFloat64(0);
    if (Number.isFinite(value) && value !== 0) return value;
  }
}

const pad = (value: number, length: number): string => String(value).padStart(length, '0');

function day(bits: () => number): string {
  return `${pad(1 + (bits() % 9999), 4)}-${pad(1 + (bits() % 12), 2)}-${pad(1 + (bits() % 28), 2)}`;
}

function clock(bits: () => number): string {
  return `${pad(bits() % 24, 2)}:${pad(bits() % 60, 2)}:${pad(bits() % 60, 2)}`;
}

function word(bits: () => number): string {
  const letters = ['a', 'Z', '9', ' ', 'é', 'ß', '桜', '😀', '"', '\\', '\n', '\u0001', '/', '\t'];
  return Array.from({ length: bits() % 12 }, () => letters[bits() % letters.length]).join('');
}

function json(bits: () => number, depth: number): string {
  switch (bits() % (depth > 3 ? 5 : 7)) {
    case 0:
      return integer(bits, 64, bits() % 2 === 0);
    case 1:
      return String(finite(bits, bits() % 2 === 0));
    case 2:
      return String((bits() % 2_000_000) / 2 ** (bits() % 10));
    case 3:
      return JSON.stringify(word(bits));
    case 4:
      return ['null', 'true', 'false'][bits() % 3] ?? '';
    case 5:
      return `[${Array.from({ length: bits() % 6 }, () => json(bits, depth + 1)).join(',')}]`;
    default:
      return `{${Array.from(
        { length: bits() % 6 },
        () => `${JSON.stringify(word(bits))}:${json(bits, depth + 1)}`,
      ).join(',')}}`;
  }
}

const hexOf = (text: string): string => `_utf8mb4 x'${Buffer.from(text).toString('hex')}'`;

const GENERATED: Readonly<Record<string, Generated>> = {
  ...Object.fromEntries(
    [
      ['TINYINT', 8],
      ['SMALLINT', 16],
      ['MEDIUMINT', 24],
      ['INT', 32],
      ['BIGINT', 64],
    ].flatMap(([name = '', size = 0]) =>
      ['', ' UNSIGNED'].map((sign): [string, Generated] => [
        `g_${String(name).toLowerCase()}${sign.trim().toLowerCase()}`,
        {
          declaration: `${name}${sign}`,
          make: (bits) => {
            const text = integer(bits, Number.parseInt(String(size), 10), sign === '');
            return [text, text];
          },
        },
      ]),
    ),
  ),
  ...Object.fromEntries(
    [
      [1, 0],
      [9, 2],
      [10, 9],
      [15, 3],
      [16, 4],
      [18, 2],
      [19, 0],
      [27, 9],
      [38, 20],
      [39, 1],
      [65, 30],
    ].map(([precision = 1, scale = 0]): [string, Generated] => [
      `g_dec${precision}_${scale}`,
      {
        declaration: `DECIMAL(${precision},${scale})`,
        make: (bits) => {
          const text = decimal(bits, precision, scale);
          return [text, text];
        },
      },
    ]),
  ),
  g_float: {
    declaration: 'FLOAT',
    make: (bits) => {
      const text = String(finite(bits, true));
      return [text, text];
    },
  },
  g_double: {
    declaration: 'DOUBLE',
    make: (bits) => {
      const text = String(finite(bits, false));
      return [text, text];
    },
  },
  g_date: {
    declaration: 'DATE',
    make: (bits) => {
      const text = day(bits);
      return [`'${text}'`, text];
    },
  },
  g_datetime: {
    declaration: 'DATETIME(6)',
    make: (bits) => {
      const [date, time] = [day(bits), `${clock(bits)}.${pad(bits() % 1_000_000, 6)}`];
      return [`'${date} ${time}'`, `${date}T${time}`];
    },
  },
  g_time: {
    declaration: 'TIME(6)',
    make: (bits) => {
      const [hours, minutes, seconds, micros] = [
        bits() % 838,
        bits() % 60,
        bits() % 60,
        bits() % 1_000_000,
      ];
      const sign = bits() % 2 === 0 ? '' : '-';
      const span = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros;
      const text = `${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(micros, 6)}`;
      return [`'${sign}${text}'`, `${span === 0 ? '' : sign}${span}`];
    },
  },
  g_text: {
    declaration: 'VARCHAR(100) CHARACTER SET utf8mb4',
    make: (bits) => {
      const text = word(bits);
      return [hexOf(text), text];
    },
  },
  g_utf16: {
    declaration: 'TEXT CHARACTER SET utf16',
    make: (bits) => {
      const text = word(bits);
      return [hexOf(text), text];
    },
  },
  g_json: {
    declaration: 'JSON',
    only: 'mysql',
    make: (bits) => [hexOf(json(bits, 0))],
  },
  g_uuid: {
    declaration: 'UUID',
    only: 'mariadb',
    make: (bits) => {
      const hex = Array.from({ length: 4 }, () => bits().toString(16).padStart(8, '0')).join('');
      // The server takes only variants and versions that there are.
      const version = 1 + (bits() % 7);
      const text = hex.replace(/(.{8})(.{4}).(.{3}).(.{3})/, `$1-$2-${version}$3-9$4-`);
      return [`'${text}'`, text];
    },
  },
  g_inet6: {
    declaration: 'INET6',
    only: 'mariadb',
    make: (bits) => {
      const groups = Array.from({ length: 8 }, () => (bits() % 3 === 0 ? bits() & 0xffff : 0));
      return [`'${groups.map((group) => group.toString(16)).join(':')}'`];
    },
  },
};

for (const flavour of SERVER_FLAVOURS) {
  test(
    `${flavour}: values made at random (spec: Y15)`,
    { skip: skipWithout(flavour) },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      const { name: database } = await createDatabase(t, server);
      await server.run(CASE_SESSION);
      const seed = Math.floor(performance.now() * 1000);
      t.diagnostic(`seed ${seed}`);
      const bits = randomBits(seed);
      const start = await logEnd(server);
      const values = new Map<string, (readonly [sql: string, lake?: string])[]>();
      for (const [name, { declaration, make, only }] of Object.entries(GENERATED)) {
        if (only !== undefined && only !== flavour) continue;
        const made = Array.from({ length: ROWS }, () => make(bits));
        values.set(name, made);
        await server.run(
          `CREATE TABLE ${database}.${name} (id INT PRIMARY KEY, v ${declaration}, other INT)`,
          `INSERT INTO ${database}.${name} (id, v) VALUES ${made
            .map(([sql], row) => `(${row}, ${sql})`)
            .join(', ')}`,
          `UPDATE ${database}.${name} SET other = 1`,
        );
      }
      const tables = [...values.keys()].map((table) => ({ table }));
      const read = await readTwoWays(server, database, { tables, start });
      let literals = 0;
      for (const [name, made] of values) {
        const paths = read.get(name);
        const column = paths?.schema.columns[1];
        const vector = paths?.selected.columns[1];
        if (paths === undefined || column === undefined || vector === undefined) {
          throw new Error('not read');
        }
        deepEqual(paths.inserted.columns[1], vector, `${name}: insert and SELECT differ`);
        deepEqual(paths.updated.columns[1], vector, `${name}: update and SELECT differ`);
        const wanted = made.map(([, lake], row) => lake ?? lakeText(column.type, vector, row));
        deepEqual(
          made.map((_, row) => lakeText(column.type, vector, row)),
          wanted,
          name,
        );
        if (/json|float|double/.test(name)) continue;
        const { asked, missed } = await notFound(server, paths);
        deepEqual(missed, [], `${name}: literals find no row`);
        literals += asked;
      }
      t.diagnostic(
        `${3 * ROWS * values.size} values of ${values.size} types, ${literals} literals`,
      );
    },
  );
}

/**
 * The log of random changes, read twice: by Firn's decoder and by another reader of binary logs.
 * Both must see the same rows in the same order, with the same values.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ZongJi from '@vlasky/zongji';
import { BinlogReader } from '../../src/binlog/binlog-reader.ts';
import { compileTable } from '../../src/binlog/table-reader.ts';
import type { TableReader } from '../../src/binlog/table-reader.ts';
import { CHANGE_OPS } from '../../src/model/change-batch.ts';
import type { ChangeBatch } from '../../src/model/change-batch.ts';
import type { ColumnType } from '../../src/model/column-type.ts';
import { isValid } from '../../src/model/column-vector.ts';
import type { ColumnVector } from '../../src/model/column-vector.ts';
import type { Column } from '../../src/model/table-schema.ts';
import { imageReader } from '../../src/mysql/image-reader.ts';
import { eventsOf, openingRotate, packetsOf } from '../support/binlog-packets.ts';
import { skipWithout, startPrivateServer } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';

const TRANSACTIONS = 300;
const KEYS = 60;

const COLUMNS: readonly (readonly [string, string, ColumnType])[] = [
  ['id', 'bigint', { kind: 'long' }],
  ['i', 'int', { kind: 'int' }],
  ['u', 'bigint unsigned', { kind: 'decimal', precision: 20, scale: 0 }],
  ['f', 'double', { kind: 'double' }],
  ['price', 'decimal(30,6)', { kind: 'decimal', precision: 30, scale: 6 }],
  ['at', 'datetime(6)', { kind: 'timestamp' }],
  ['note', 'varchar(400)', { kind: 'string' }],
  ['body', 'text', { kind: 'string' }],
];

let state = 7;
function random(bound: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % bound;
}

function literal(index: number): string {
  if (index > 0 && random(6) === 0) return 'NULL';
  const digits = `${random(2 ** 31)}${random(2 ** 31)}`;
  switch (COLUMNS[index]?.[0]) {
    case 'id':
      return `${random(KEYS)}`;
    case 'i':
      return `${random(2 ** 32) - 2 ** 31}`;
    case 'u':
      return digits.slice(0, 19);
    case 'f':
      return `${random(2 ** 31) / 997 - 1e6}`;
    case 'price':
      return `${random(2) === 0 ? '-' : ''}${digits}.${digits.slice(0, random(6))}1`;
    case 'at':
      return `'20${10 + random(80)}-0${1 + random(9)}-1${random(9)} 12:3${random(9)}:00.${digits.slice(0, 6)}'`;
    default:
      return `'${'né\u{1F9CA}x'.repeat(random(60))}'`;
  }
}

async function writeRandomly(server: PrivateServer): Promise<void> {
  for (let count = 0; count < TRANSACTIONS; count++) {
    const row = COLUMNS.map((_, index) => literal(index)).join(', ');
    const id = random(KEYS);
    const set = COLUMNS.map(([name], index) => `${name} = ${literal(index)}`).slice(1);
    await server.run(
      'BEGIN',
      `INSERT IGNORE INTO oracle.t VALUES (${row})`,
      `UPDATE oracle.t SET ${set[random(set.length)]} WHERE id < ${id}`,
      `UPDATE IGNORE oracle.t SET id = (id + ${random(KEYS)}) % ${KEYS} WHERE i > 0`,
      `DELETE FROM oracle.t WHERE id = ${random(KEYS)}`,
      random(5) === 0 ? 'ROLLBACK' : 'COMMIT',
    );
  }
}

function valueText(vector: ColumnVector, row: number, type: ColumnType): string | null {
  if (!isValid(vector, row)) return null;
  if (vector.kind === 'bytes') {
    const run = vector.data.subarray(vector.offsets[row], vector.offsets[row + 1]);
    return Buffer.from(run).toString();
  }
  if (vector.kind === 'int128') {
    const low = BigInt.asUintN(64, vector.values[2 * row] ?? 0n);
    return unscaledText(((vector.values[2 * row + 1] ?? 0n) << 64n) | low, type);
  }
  return String(vector.values[row]);
}

function unscaledText(value: bigint, type: ColumnType): string {
  const scale = type.kind === 'decimal' ? type.scale : 0;
  if (scale === 0) return `${value}`;
  const digits = `${value < 0n ? -value : value}`.padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

type RowText = readonly (string | null)[];

/** `[op, values of the after image, or of the before image of a delete]` of every row. */
function rowsByFirn(server: PrivateServer, fileName: string): readonly RowText[] {
  const file = readFileSync(join(server.folder, 'data', fileName));
  const rows: RowText[] = [];
  const tables: TableReader[] = [];
  const reader = new BinlogReader({
    flavour: server.flavour,
    wants(log) {
      if (log.table !== 't') return null;
      const columns = COLUMNS.map(([name, declared, type], index): Column => {
        const sourceType = type.kind === 'string' ? `${declared} character set utf8mb4` : declared;
        return { id: index + 1, name, sourceName: name, type, sourceType };
      });
      const table = compileTable({
        log,
        schema: { table: log, version: 1, columns, keyColumnIds: [1] },
        readers: log.columns.map((column, index) => {
          const target = columns[index];
          ok(target !== undefined && column.name === target.name);
          return { column: index, read: imageReader(column, target, 'halt') };
        }),
        beforeImages: 'key',
        batchRowsMax: 100,
        batchBytesMax: 2 ** 20,
      });
      tables.push(table);
      return table;
    },
  });
  const bytes = packetsOf([openingRotate(fileName), ...eventsOf(file)]);
  for (let at = 0; at < bytes.length; at += 10_000) {
    for (const event of reader.push(bytes.subarray(at, at + 10_000))) {
      ok(event.kind !== 'rows-refused');
      for (const table of tables) rows.push(...rowTexts(table.cut(1)));
    }
  }
  return rows;
}

function rowTexts(batch: ChangeBatch | null): readonly RowText[] {
  if (batch === null) return [];
  return Array.from({ length: batch.rowCount }, (_, row) => [
    CHANGE_OPS[batch.op[row] ?? 0] ?? null,
    ...batch.columns.map((vector, index) =>
      valueText(vector, row, COLUMNS[index]?.[2] ?? { kind: 'int' }),
    ),
  ]);
}

/** The same by the other reader; a changed key is told as a delete and an insert. */
async function rowsByOracle(
  server: PrivateServer,
  fileName: string,
  count: number,
): Promise<readonly RowText[]> {
  const { host, port } = server;
  const zongji = new ZongJi({ host, port, user: 'root', dateStrings: true, timezone: 'Z' });
  const rows: RowText[] = [];
  await new Promise<void>((resolve, reject) => {
    zongji.on('error', reject);
    zongji.on('binlog', (event) => {
      const name = event.getEventName();
      // Its declarations leave the rows open.
      const changed = 'rows' in event ? (event.rows as readonly OracleRow[]) : [];
      for (const row of changed) rows.push(...oracleTexts(name, row));
      if (name === 'rotate' || rows.length >= count) {
        if (rows.length > 0) resolve();
      }
    });
    zongji.start({ serverId: 4711, filename: fileName, position: 4 });
  });
  zongji.stop();
  return rows;
}

type OracleValues = Readonly<Record<string, string | number | null | undefined>>;

type OracleRow = OracleValues | { readonly before: OracleValues; readonly after: OracleValues };

function isUpdate(row: OracleRow): row is Exclude<OracleRow, OracleValues> {
  return typeof row['before'] === 'object' && row['before'] !== null;
}

function oracleTexts(name: string, row: OracleRow): readonly RowText[] {
  if (!isUpdate(row)) return [[name === 'writerows' ? 'c' : 'd', ...oracleValues(row)]];
  const before = oracleValues(row.before);
  const after = oracleValues(row.after);
  if (before[0] === after[0]) return [['u', ...after]];
  return [
    ['d', ...before],
    ['c', ...after],
  ];
}

function oracleValues(row: OracleValues): RowText {
  return COLUMNS.map(([name, , type]) => {
    const value = row[name];
    if (value === null || value === undefined) return null;
    if (type.kind !== 'timestamp') return String(value);
    const [seconds = '', fraction = ''] = String(value).split('.');
    const whole = BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`));
    return String(whole * 1000n + BigInt(fraction.padEnd(6, '0')));
  });
}

for (const flavour of ['mysql', 'mariadb'] as const) {
  test(`${flavour}: both readers see the same rows`, { skip: skipWithout(flavour) }, async (t) => {
    const server = await startPrivateServer(t, flavour);
    const declared = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ');
    await server.run(
      'CREATE DATABASE oracle CHARACTER SET utf8mb4',
      `CREATE TABLE oracle.t (${declared}, PRIMARY KEY (id))`,
      'FLUSH BINARY LOGS',
    );
    const show = flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
    const [status] = await server.query(show);
    const fileName = String(status?.['File']);
    await writeRandomly(server);
    await server.run('FLUSH BINARY LOGS');
    const mine = rowsByFirn(server, fileName);
    ok(mine.length > TRANSACTIONS * 5, `${mine.length} rows`);
    const theirs = await rowsByOracle(server, fileName, mine.length);
    equal(mine.length, theirs.length);
    deepEqual(mine, theirs);
  });
}

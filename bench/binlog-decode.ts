/**
 * Row images per second from the bytes of a dump connection to finished batches: decoding alone,
 * one core, checksums checked. The log is written by real servers of each kind, then read from
 * memory in chunks of 64 KiB.
 *
 * `npm run bench binlog-decode [rows]`: so many inserts, then as many updates of a table of 8
 * columns (bigint, int, double, decimal(18,2), datetime(6), 3 texts); an update has two images.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { BinlogReader } from '../src/binlog/binlog-reader.ts';
import type { LogTable } from '../src/binlog/log-table.ts';
import { compileTable } from '../src/binlog/table-reader.ts';
import type { TableReader } from '../src/binlog/table-reader.ts';
import type { ColumnType } from '../src/model/column-type.ts';
import type { Column } from '../src/model/table-schema.ts';
import { imageReader } from '../src/mysql/image-reader.ts';
import { eventsOf, openingRotate, packetsOf } from '../test/support/binlog-packets.ts';
import { endServer, freePort, startServer } from '../tools/servers/database-server.ts';
import type { RunningServer } from '../tools/servers/database-server.ts';
import { SERVER_FLAVOURS, ensurePrograms } from '../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../tools/servers/server-programs.ts';

const ROWS = Number.parseInt(process.argv[2] ?? '400000', 10);
const ROWS_PER_STATEMENT = 2000;
const CHUNK_BYTES = 65_536;
/** One row of so many is inserted again in a transaction of its own. */
const SINGLE_SHARE = 20;
const BATCH_ROWS = 50_000;
const REPEATS = 5;

/** Row images per CPU-second that decoding must reach. */
const GOAL: Readonly<Record<ServerFlavour, number>> = { mysql: 500_000, mariadb: 600_000 };

const COLUMNS: readonly (readonly [string, string, ColumnType])[] = [
  ['pk', 'bigint', { kind: 'long' }],
  ['i32', 'int', { kind: 'int' }],
  ['f64', 'double', { kind: 'double' }],
  ['price', 'decimal(18,2)', { kind: 'decimal', precision: 18, scale: 2 }],
  ['ts', 'datetime(6)', { kind: 'timestamp' }],
  ['s1', 'varchar(20)', { kind: 'string' }],
  ['s2', 'varchar(100)', { kind: 'string' }],
  ['s3', 'varchar(20)', { kind: 'string' }],
];
const STATES = ['new', 'paid', 'shipped', 'returned', 'cancelled', 'on hold'];

let state = 1;
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state;
}

function rowText(row: number): string {
  const time = new Date(1_767_225_600_000 + random() * 5).toISOString();
  const values = [
    `${row * 3 + 1_000_000_000}`,
    `${random() % 1_000_000}`,
    `${random() / 1e4}`,
    ((random() % 100_000_000) / 100).toFixed(2),
    `'${time.replace('T', ' ').replace('Z', '')}'`,
    `'u${(random() % 10_000_000).toString(36)}'`,
    `'customer-${random().toString(16)}-${random().toString(36)}@example.org'`,
    `'${STATES[random() % STATES.length]}'`,
  ];
  return `(${values.join(',')})`;
}

/** The logs of a server, by the size of their transactions. */
interface Logs {
  readonly many: Uint8Array;
  readonly single: Uint8Array;
}

/** Lets a server write the logs of the workload; returns their bytes. */
async function writeLogs(server: RunningServer): Promise<Logs> {
  const { port } = server;
  const connection = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' });
  const columns = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ');
  await connection.query('SET GLOBAL max_binlog_size = 1073741824');
  await connection.query('CREATE DATABASE bench');
  await connection.query(`CREATE TABLE bench.ev (${columns}, PRIMARY KEY (pk))`);
  await connection.query('FLUSH BINARY LOGS');
  for (let row = 0; row < ROWS; row += ROWS_PER_STATEMENT) {
    const count = Math.min(ROWS_PER_STATEMENT, ROWS - row);
    const rows = Array.from({ length: count }, (_, index) => rowText(row + index));
    await connection.query(`INSERT INTO bench.ev VALUES ${rows.join(',')}`);
  }
  for (let row = 0; row < ROWS; row += ROWS_PER_STATEMENT) {
    const first = row * 3 + 1_000_000_000;
    const last = first + (ROWS_PER_STATEMENT - 1) * 3;
    const range = `pk BETWEEN ${first} AND ${last}`;
    await connection.query(`UPDATE bench.ev SET i32 = i32 + 1 WHERE ${range}`);
  }
  const many = await closeLog(server, connection);
  for (let row = ROWS; row < ROWS + ROWS / SINGLE_SHARE; row++) {
    await connection.query(`INSERT INTO bench.ev VALUES ${rowText(row)}`);
  }
  const single = await closeLog(server, connection);
  await connection.end();
  return { many, single };
}

async function closeLog(server: RunningServer, connection: mysql.Connection): Promise<Uint8Array> {
  const show = server.flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [rows] = await connection.query<mysql.RowDataPacket[]>(show);
  await connection.query('FLUSH BINARY LOGS');
  return readFileSync(join(server.folder, 'data', String(rows[0]?.['File'])));
}

function openTable(log: LogTable): TableReader {
  const columns = COLUMNS.map(([name, sourceType, type], index): Column => {
    const charset = type.kind === 'string' ? ' character set utf8mb4' : '';
    const id = index + 1;
    return { id, name, sourceName: name, type, sourceType: `${sourceType}${charset}` };
  });
  return compileTable({
    log,
    schema: { table: log, version: 1, columns, keyColumnIds: [1] },
    readers: columns.map((column, index) => {
      const logColumn = log.columns[index];
      if (logColumn === undefined) throw new Error('the log lacks a column');
      return { column: index, read: imageReader(logColumn, column, 'halt') };
    }),
    beforeImages: 'key',
    batchRowsMax: BATCH_ROWS,
    batchBytesMax: 64 * 1024 * 1024,
  });
}

/** Reads all of `dump`; returns how many row images that were. */
function decode(dump: Uint8Array, flavour: ServerFlavour): number {
  let images = 0;
  const tables: TableReader[] = [];
  const reader = new BinlogReader({
    flavour,
    wants(log) {
      const table = openTable(log);
      tables.push(table);
      return table;
    },
  });
  for (let at = 0; at < dump.length; at += CHUNK_BYTES) {
    for (const event of reader.push(dump.subarray(at, at + CHUNK_BYTES))) {
      if (event.kind === 'rows-refused') throw event.error;
      if (event.kind !== 'rows') continue;
      images += event.change === 'update' ? 2 * event.rowCount : event.rowCount;
      for (const table of tables) if (table.isFull) table.cut(1);
    }
  }
  return images;
}

function report(flavour: ServerFlavour, name: string, file: Uint8Array): void {
  const dump = packetsOf([openingRotate('binlog.000002'), ...eventsOf(file)]);
  const rates: number[] = [];
  let images = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = process.cpuUsage();
    images = decode(dump, flavour);
    const { user, system } = process.cpuUsage(start);
    rates.push((images / (user + system)) * 1e6);
  }
  const best = rates.toSorted((left, right) => right - left);
  const text = (rate: number | undefined): string => `${Math.round((rate ?? 0) / 1000)} k`;
  const rss = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    [
      `${flavour.padEnd(8)} ${name}, ${images} images, ${(dump.length / 1e6).toFixed(0)} MB:`,
      `${text(best[REPEATS >> 1])} images per CPU-second (best ${text(best[0])},`,
      `worst ${text(best.at(-1))}), goal ${text(GOAL[flavour])}, peak ${rss} MB with the log`,
    ].join(' '),
  );
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-bench-'));
  try {
    for (const flavour of SERVER_FLAVOURS) {
      const answer = await ensurePrograms(flavour);
      if (answer.kind === 'absent') {
        console.log(`${flavour}: not measured, ${answer.reason}`);
        continue;
      }
      const server = await startServer({
        programs: answer.programs,
        folder: join(folder, flavour),
        port: await freePort(),
        serverId: 9,
        options: [],
      });
      let logs: Logs;
      try {
        logs = await writeLogs(server);
      } finally {
        await endServer(server.pid);
      }
      report(flavour, `${ROWS_PER_STATEMENT} rows a transaction`, logs.many);
      report(flavour, '1 row a transaction', logs.single);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();

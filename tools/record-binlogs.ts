/**
 * `node tools/record-binlogs.ts [name...]`: records the small log files of `test/golden/binlog`
 * from servers of its own, one file per recording and server, and beside each what Firn reads in
 * it, to be reviewed against the statements here. Server ids, times and GTIDs differ with each run;
 * run it to add a recording, not to refresh the others.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { dumpOf, readDump } from '../test/support/binlog-packets.ts';
import { endServer, freePort, startServer } from './servers/database-server.ts';
import type { RunningServer } from './servers/database-server.ts';
import { SERVER_FLAVOURS, ensurePrograms } from './servers/server-programs.ts';
import type { ServerFlavour } from './servers/server-programs.ts';

const GOLDEN = join(import.meta.dirname, '..', 'test', 'golden', 'binlog');

const TYPES = [
  `CREATE TABLE types (
    y YEAR, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT UNSIGNED, mi MEDIUMINT,
    mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED,
    f FLOAT, d DOUBLE, dec1 DECIMAL(18,2), dec2 DECIMAL(65,30), bit1 BIT(1), bit13 BIT(13),
    bit64 BIT(64), dt DATE, t0 TIME, t3 TIME(3), t6 TIME(6), dt0 DATETIME, dt6 DATETIME(6),
    ts0 TIMESTAMP NULL, ts5 TIMESTAMP(5) NULL,
    c10 CHAR(10), c255 CHAR(255) CHARACTER SET utf8mb4, v10 VARCHAR(10), v300 VARCHAR(300),
    l1 VARCHAR(20) CHARACTER SET latin1, g CHAR(5) CHARACTER SET gbk,
    bi BINARY(4), vb VARBINARY(300), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
    tx TEXT CHARACTER SET latin1, e ENUM('small','large') CHARACTER SET latin1,
    s SET('a','b','c'), e2 ENUM('x','y') CHARACTER SET utf8mb4, js JSON, ge GEOMETRY, po POINT,
    g1 INT GENERATED ALWAYS AS (i + 1) STORED, g2 INT GENERATED ALWAYS AS (i + 2) VIRTUAL,
    tail VARCHAR(9) CHARACTER SET cp1251, hidden INT INVISIBLE, id INT PRIMARY KEY) CHARACTER SET utf8mb4`,
  'INSERT INTO types (id) VALUES (1)',
  `INSERT INTO types (y, ti, tu, si, mi, mu, i, iu, b, bu, f, d, dec1, dec2, bit1, bit13, bit64, dt,
    t0, t3, t6, dt0, dt6, ts0, ts5, c10, c255, v10, v300, l1, g, bi, vb, tb, bl, mb, lb, tx, e, s,
    e2, js, ge, po, tail, hidden, id)
    VALUES (2026, -1, 255, 65535, -8388608, 16777215, -2147483648, 4294967295,
    -9223372036854775808, 18446744073709551615, 1.5, -0.1, -12345.67,
    12345678901234567890123456789012345.123456789012345678901234567890, b'1', b'1000000000001',
    0xfedcba9876543210, '2026-11-21', '-838:59:59', '25:00:00.125', '-00:00:00.000001',
    '2026-11-21 16:00:00', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07',
    '2026-11-21 16:00:00.12345', 'ten', '\u{1F9CA}ice', 'vee', REPEAT('w', 300), '\u20ac',
    '\u4e2d\u6587', 'ab', 0x00ff, 'tiny', 'blob', 'medium', 'long', 'text', 'large', 'a,c', 'x',
    '{"a": [1, 2.5, null]}', ST_GeomFromText('LINESTRING(0 0, 1 1)'),
    ST_GeomFromText('POINT(1 2)'), '\u0444', 7, 2)`,
];

const CHANGES = [
  'CREATE TABLE orders (id INT, line INT, note VARCHAR(40), PRIMARY KEY (line, id))',
  'CREATE TABLE prefixed (name VARCHAR(40), kind INT, PRIMARY KEY (kind, name(3)))',
  "INSERT INTO orders VALUES (1, 1, 'one'), (2, 1, NULL), (3, 2, 'three')",
  "UPDATE orders SET note = 'changed'",
  'UPDATE orders SET id = id + 10 WHERE line = 1',
  'DELETE FROM orders WHERE id > 10',
  "INSERT INTO prefixed VALUES ('abcdef', 1)",
  'BEGIN',
  "INSERT INTO orders VALUES (5, 5, 'five')",
  "INSERT INTO prefixed VALUES ('ghijkl', 2)",
  'SAVEPOINT s',
  "INSERT INTO orders VALUES (6, 6, 'six')",
  'ROLLBACK TO s',
  'COMMIT',
  "XA START 'global','branch',7",
  "INSERT INTO orders VALUES (7, 7, 'seven')",
  "XA END 'global','branch',7",
  "XA PREPARE 'global','branch',7",
  "XA COMMIT 'global','branch',7",
  'ALTER TABLE orders ADD COLUMN more INT',
  "INSERT INTO orders VALUES (8, 8, 'eight', 8)",
  "SET SESSION binlog_format = 'STATEMENT'",
  "UPDATE orders SET note = 'by statement' WHERE id = 8",
  "SET SESSION binlog_format = 'ROW'",
  'TRUNCATE TABLE orders',
  'RENAME TABLE prefixed TO renamed',
];

const COMPRESSED = [
  'CREATE TABLE packed (id INT PRIMARY KEY, note TEXT)',
  'CREATE TABLE other (id INT PRIMARY KEY)',
  'BEGIN',
  "INSERT INTO packed VALUES (1, REPEAT('a', 500)), (2, REPEAT('b', 500))",
  'INSERT INTO other VALUES (1)',
  "UPDATE packed SET note = REPEAT('c', 500) WHERE id = 2",
  'INSERT INTO other VALUES (2)',
  'DELETE FROM packed WHERE id = 1',
  'COMMIT',
];

const IMAGES = [
  'CREATE TABLE partial (id INT PRIMARY KEY, a INT, note TEXT, js JSON)',
  `INSERT INTO partial VALUES (1, 1, 'one', '{"a": 1, "b": "${'x'.repeat(60)}"}')`,
  "SET SESSION binlog_row_image = 'MINIMAL'",
  'UPDATE partial SET a = 2',
  "SET SESSION binlog_row_image = 'NOBLOB'",
  'UPDATE partial SET a = 3',
  "SET SESSION binlog_row_image = 'FULL'",
  'UPDATE partial SET a = 4',
];

type Recording = Readonly<Record<ServerFlavour, readonly string[]>>;

const RECORDINGS: Readonly<Record<string, Recording>> = {
  types: {
    mysql: [
      ...TYPES,
      'CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3), after_it TEXT)',
      "INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1,2,3]'), 'x')",
    ],
    mariadb: [
      ...TYPES,
      `CREATE TABLE own (u UUID, i4 INET4, i6 INET6, v VARCHAR(100) COMPRESSED, b BLOB COMPRESSED,
        last_one VARCHAR(9) CHARACTER SET latin1, id INT PRIMARY KEY)`,
      `INSERT INTO own VALUES ('123e4567-e89b-12d3-a456-426655440000', '10.0.0.1', '2001:db8::1',
        REPEAT('v', 90), REPEAT('b', 200), 'last', 1)`,
      'SET GLOBAL mysql56_temporal_format = OFF',
      'CREATE TABLE older (t TIME, ts TIMESTAMP NULL, dt DATETIME, id INT PRIMARY KEY)',
      'SET GLOBAL mysql56_temporal_format = ON',
      "INSERT INTO older VALUES ('25:00:01', '2026-11-21 16:00:00', '2026-11-21 16:00:00', 1)",
    ],
  },
  changes: { mysql: CHANGES, mariadb: CHANGES },
  compressed: {
    mysql: ['SET SESSION binlog_transaction_compression = ON', ...COMPRESSED],
    mariadb: [
      'SET GLOBAL log_bin_compress = ON',
      'SET GLOBAL log_bin_compress_min_len = 10',
      ...COMPRESSED,
      'SET GLOBAL log_bin_compress = OFF',
    ],
  },
  images: {
    mysql: [
      ...IMAGES,
      "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
      "UPDATE partial SET js = JSON_SET(js, '$.a', 2)",
    ],
    mariadb: IMAGES,
  },
  tagged: {
    mysql: [
      'CREATE TABLE tagged (id INT PRIMARY KEY)',
      "SET SESSION gtid_next = 'AUTOMATIC:firn_tag'",
      'INSERT INTO tagged VALUES (1)',
      "SET SESSION gtid_next = 'AUTOMATIC'",
      'INSERT INTO tagged VALUES (2)',
    ],
    mariadb: [],
  },
  unnamed: {
    mysql: [
      'SET GLOBAL binlog_row_metadata = MINIMAL',
      'CREATE TABLE unnamed (id INT UNSIGNED PRIMARY KEY, note TEXT)',
      "INSERT INTO unnamed VALUES (1, 'one')",
      'SET GLOBAL binlog_row_metadata = FULL',
    ],
    mariadb: [
      'SET GLOBAL binlog_checksum = NONE',
      'CREATE TABLE unchecked (id INT UNSIGNED PRIMARY KEY, note TEXT)',
      "INSERT INTO unchecked VALUES (1, 'one')",
    ],
  },
};

async function record(server: RunningServer, name: string): Promise<void> {
  const statements = RECORDINGS[name]?.[server.flavour] ?? [];
  if (statements.length === 0) return;
  const connection = await mysql.createConnection({
    host: '127.0.0.1',
    port: server.port,
    user: 'root',
  });
  await connection.query('SET SESSION sql_log_bin = 0');
  await connection.query('CREATE DATABASE IF NOT EXISTS golden');
  await connection.query('SET SESSION sql_log_bin = 1');
  await connection.query('USE golden');
  await connection.query('FLUSH BINARY LOGS');
  for (const statement of statements) await connection.query(statement);
  const show = server.flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [rows] = await connection.query<mysql.RowDataPacket[]>(show);
  const file = String(rows[0]?.['File']);
  await connection.query('FLUSH BINARY LOGS');
  const target = join(GOLDEN, `${server.flavour}-${name}.binlog`);
  copyFileSync(join(server.folder, 'data', file), target);
  chmodSync(target, 0o644);
  const lines = readDump([dumpOf(`${server.flavour}-${name}`)], server.flavour);
  writeFileSync(target.replace(/binlog$/, 'txt'), `${lines.join('\n')}\n`);
  await connection.end();
  process.stdout.write(`${target}\n`);
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const names = Object.keys(RECORDINGS).filter(
    (name) => wanted.length === 0 || wanted.includes(name),
  );
  mkdirSync(GOLDEN, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'firn-record-'));
  try {
    for (const flavour of SERVER_FLAVOURS) {
      const answer = await ensurePrograms(flavour);
      if (answer.kind === 'absent') throw new Error(`no ${flavour}: ${answer.reason}`);
      const port = await freePort();
      const server = await startServer({
        programs: answer.programs,
        folder: join(folder, flavour),
        port,
        serverId: 7,
        options: [],
      });
      try {
        for (const name of names) await record(server, name);
      } finally {
        await endServer(server.pid);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();

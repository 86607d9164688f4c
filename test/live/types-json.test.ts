/**
 * JSON of MySQL: documents that were changed in place, whose binary form has gaps and moved parts,
 * and values of every column type inside of documents. The log and a SELECT give the server's text.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { lakeText } from '../support/lake-text.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import { logEnd, readTwoWays } from './support/two-paths.ts';

/** What documents are made of: numbers at every border, text, and values of column types. */
const PARTS = [
  '18446744073709551615',
  '-9223372036854775808',
  '9007199254740993',
  'CAST(1 AS DOUBLE)',
  '-0e0',
  '1e308 * 10e-1',
  '5e-324',
  '2.2250738585072014e-308',
  '1.7976931348623157e308',
  '0.1e0 + 0.2e0',
  '123456789012345678e0',
  '1e15',
  '1e16',
  '1e-5',
  'CAST(1.10 AS DECIMAL(65,30))',
  'CAST(-99999999999999999999999999999999999999.5 AS DECIMAL(65,1))',
  "DATE'0001-01-01'",
  "DATE'9999-12-31'",
  "TIME'-838:59:58.000001'",
  "TIME'00:00:00.5'",
  "TIMESTAMP'2024-02-29 23:59:59.999999'",
  "TIMESTAMP'1000-01-01 00:00:00'",
  'CAST(2024 AS YEAR)',
  "b'1010'",
  "CAST(REPEAT(x'00ff', 60) AS BINARY)",
  "CAST('' AS BINARY)",
  "ST_GeomFromText('POINT(1 2.5)')",
  "ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')",
  "CAST('true' AS JSON)",
  'NULL',
  "''",
  "'\\\\\"\\n\\t\\b\\r/'",
  "CONVERT(x'0001021f7f' USING utf8mb4)",
  "'桜 😀 \u2028'",
  "REPEAT('é', 40000)",
  'JSON_ARRAY()',
  'JSON_OBJECT()',
  'CAST(\'{"a": 1, "a": 2, "aa": {"": []}}\' AS JSON)',
];

/** Changes that the server makes in place where it can. */
const CHANGES = [
  "JSON_SET(v, '$.a', 'x')",
  "JSON_SET(v, '$.a', REPEAT('y', 5))",
  "JSON_REPLACE(v, '$.n', 70000)",
  "JSON_REPLACE(v, '$.n', -1, '$.a', '')",
  "JSON_REMOVE(v, '$.list[1]')",
  "JSON_SET(v, '$.list[0]', JSON_ARRAY(1, 2))",
  "JSON_REMOVE(v, '$.part', '$.a')",
  "JSON_SET(v, '$.list[3]', 2147483648)",
  "JSON_ARRAY_INSERT(v, '$.list[0]', NULL)",
  "JSON_REPLACE(v, '$.part', NULL)",
];

const skip = skipWithout('mysql');

test('mysql: JSON of every kind, changed in place (spec: Y15)', { skip }, async (t) => {
  const server = await openLiveServer(t, 'mysql');
  const { name: database } = await createDatabase(t, server);
  await server.run(`USE ${database}`, CASE_SESSION);
  const start = await logEnd(server);
  const tables = CHANGES.map((_, index) => `d${index}`);
  for (const [index, change] of CHANGES.entries()) {
    const table = tables[index] ?? '';
    await server.run(`CREATE TABLE ${table} (id INT PRIMARY KEY, v JSON, other INT)`);
    for (const [row, part] of PARTS.entries()) {
      await server.run(
        `INSERT INTO ${table} (id, v) VALUES (${row}, JSON_OBJECT('a', REPEAT('z', 10),
          'n', 1e0, 'list', JSON_ARRAY(1, ${part}, 'two', 3.50), 'part', ${part}))`,
      );
    }
    await server.run(`UPDATE ${table} SET v = ${change}, other = 1`);
  }
  const read = await readTwoWays(server, database, {
    tables: tables.map((table) => ({ table })),
    start,
  });
  let count = 0;
  for (const [index, table] of tables.entries()) {
    const paths = read.get(table);
    const vector = paths?.selected.columns[1];
    const type = paths?.schema.columns[1]?.type;
    if (paths === undefined || vector === undefined || type === undefined) throw new Error(table);
    deepEqual(paths.updated.columns[1], vector, `${CHANGES[index]}: log and SELECT differ`);
    const truth = await server.query(`SELECT HEX(CAST(v AS CHAR)) AS text FROM ${table}`);
    for (const [row, { text }] of truth.entries()) {
      const wanted = Buffer.from(String(text), 'hex').toString('utf8');
      equal(lakeText(type, vector, row), wanted, `${CHANGES[index]} of ${PARTS[row]}`);
      count += 2;
    }
  }
  t.diagnostic(`${count} documents`);
});

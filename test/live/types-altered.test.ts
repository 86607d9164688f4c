/**
 * Columns that a table did not have from the start, or that SELECT * does not show: the log and a
 * SELECT give the same bytes after ALTER TABLE, for columns that the server computes, hides or
 * added in place.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { lakeText } from '../support/lake-text.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { typeCasesOf } from '../support/mysql-types/type-cases.ts';
import { openLiveServer, skipWithout, createDatabase } from './support/live-server.ts';
import { logEnd, readTwoWays } from './support/two-paths.ts';

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: every type in a column that was added (spec: Y15)`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { name: database } = await createDatabase(t, server);
    await server.run(CASE_SESSION);
    const cases = typeCasesOf(flavour);
    for (const { name, values } of cases) {
      const table = `${database}.${name}`;
      await server.run(
        `CREATE TABLE ${table} (id INT PRIMARY KEY, other INT)`,
        `INSERT INTO ${table} VALUES ${values.map((_, row) => `(${row}, 0)`).join(', ')}`,
      );
    }
    const tables = cases.map(({ name, onMisfit }) => ({
      table: name,
      policies: onMisfit === undefined ? {} : { v: onMisfit },
    }));
    for (const { name, declaration } of cases) {
      await server.run(`ALTER TABLE ${database}.${name} ADD COLUMN v ${declaration} AFTER id`);
    }
    const start = await logEnd(server);
    for (const { name, values } of cases) {
      for (const [row, [sql]] of values.entries()) {
        await server.run(`UPDATE ${database}.${name} SET v = ${sql}, other = 1 WHERE id = ${row}`);
      }
    }
    const read = await readTwoWays(server, database, { tables, start });
    let count = 0;
    for (const { name, values } of cases) {
      const paths = read.get(name);
      const column = paths?.schema.columns[1];
      const vector = paths?.selected.columns[1];
      if (paths === undefined || column === undefined || vector === undefined) {
        throw new Error('not read');
      }
      deepEqual(paths.updated.columns[1], vector, `${name}: log and SELECT differ`);
      const texts = values.map((_, row) => lakeText(column.type, vector, row));
      deepEqual(
        texts,
        values.map(([, lake]) => lake),
        name,
      );
      count += values.length;
    }
    t.diagnostic(`${count} values of ${cases.length} types`);
  });

  test(`${flavour}: hidden and computed columns (spec: Y15)`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { name: database } = await createDatabase(t, server);
    const start = await logEnd(server);
    await server.run(
      `CREATE TABLE ${database}.t (id INT PRIMARY KEY, a INT, secret INT INVISIBLE,
         twice INT AS (a * 2) VIRTUAL, thrice BIGINT AS (a * 3) STORED)`,
      `INSERT INTO ${database}.t (id, a, secret) VALUES (1, 7, 42), (2, NULL, NULL)`,
      `UPDATE ${database}.t SET secret = 43 WHERE id = 1`,
    );
    const read = await readTwoWays(server, database, { tables: [{ table: 't' }], start });
    const paths = read.get('t');
    if (paths === undefined) throw new Error('not read');
    const textsOf = (rows: typeof paths.selected): (string | null)[] =>
      paths.schema.columns.map(({ type }, index) => {
        const vector = rows.columns[index];
        return vector === undefined ? null : lakeText(type, vector, 0);
      });
    deepEqual(
      paths.schema.columns.map(({ name }) => name),
      ['id', 'a', 'secret', 'twice', 'thrice'],
    );
    deepEqual(textsOf(paths.inserted), ['1', '7', '42', '14', '21']);
    deepEqual(textsOf(paths.updated), ['1', '7', '43', '14', '21']);
    deepEqual(textsOf(paths.selected), ['1', '7', '43', '14', '21']);
    equal(paths.inserted.rowCount, 2);
  });
}

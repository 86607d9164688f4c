/**
 * Every type of both servers, with the values that break tools: what a SELECT gives and what the
 * log gives after the insert and after an update of another column are the same bytes, and are the
 * value that was written; and the literal of each value that can be a key finds its row again.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { formatColumnType } from '../../src/model/column-type.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { lakeText } from '../support/lake-text.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { typeCasesOf } from '../support/mysql-types/type-cases.ts';
import { openLiveServer, skipWithout, createDatabase } from './support/live-server.ts';
import { notFound } from './support/key-literals.ts';
import { logEnd, readTwoWays } from './support/two-paths.ts';

/**
 * Types that can be no key; and an ENUM whose 0 is shown like its empty label, but is not equal.
 */
const NO_KEY = /json|geometry|point|vector|f32|f53|f64|float|double|real|misfit|_null|enum_empty/;

for (const flavour of SERVER_FLAVOURS) {
  test(
    `${flavour}: a value is the same by SELECT and by log (spec: Y15)`,
    {
      skip: skipWithout(flavour),
    },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      const { name: database } = await createDatabase(t, server);
      await server.run(CASE_SESSION);
      const cases = typeCasesOf(flavour);
      const start = await logEnd(server);
      for (const { name, declaration, values } of cases) {
        const table = `${database}.${name}`;
        await server.run(
          `CREATE TABLE ${table} (id INT PRIMARY KEY, v ${declaration}, other INT)`,
          `INSERT INTO ${table} (id, v) VALUES ${values
            .map(([sql], index) => `(${index}, ${sql})`)
            .join(', ')}, (${values.length}, NULL)`,
          `UPDATE ${table} SET other = 1`,
        );
      }
      const read = await readTwoWays(server, database, {
        tables: cases.map(({ name, onMisfit }) => ({
          table: name,
          policies: onMisfit === undefined ? {} : { v: onMisfit },
        })),
        start,
      });
      let count = 0;
      let literals = 0;
      for (const { name, type, values } of cases) {
        await t.test(name, async () => {
          const paths = read.get(name);
          const column = paths?.schema.columns[1];
          if (paths === undefined || column === undefined) throw new Error('not read');
          equal(formatColumnType(column.type), type);
          const { selected, inserted, updated } = paths;
          equal(selected.rowCount, values.length + 1);
          deepEqual(inserted.columns[1], selected.columns[1], 'insert and SELECT differ');
          deepEqual(updated.columns[1], selected.columns[1], 'update and SELECT differ');
          const vector = selected.columns[1];
          if (vector === undefined) throw new Error('not read');
          const texts = values.map((_, row) => lakeText(column.type, vector, row));
          deepEqual(
            texts,
            values.map(([, lake]) => lake),
          );
          equal(lakeText(column.type, vector, values.length), null);
          count += 3 * (values.length + 1);
          if (NO_KEY.test(name)) return;
          const { asked, missed } = await notFound(server, paths);
          deepEqual(missed, [], 'literals of keys find no row');
          literals += asked;
        });
      }
      t.diagnostic(`${count} values of ${cases.length} types, ${literals} literals`);
    },
  );
}

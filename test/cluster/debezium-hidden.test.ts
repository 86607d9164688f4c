/**
 * What the server does and its topics hide, as the server counts it, stops the tables before a
 * ledger is said to be complete. That the counts are the server's own is tested in the live lane.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../src/ports/source.ts';
import { TestRegistry, changesOf, ofKind } from '../support/source-events.ts';
import { SKIP_WITHOUT_DEBEZIUM, openDebeziumWorld, readToEnd } from './debezium-world.ts';

const HIDDEN: Finding = {
  severity: 'error',
  code: 'debezium-xa',
  table: null,
  message: 'XA transactions were prepared.',
  fix: null,
};

test(
  'XA transactions stop every table, until it is loaded again (spec: D9)',
  { skip: SKIP_WITHOUT_DEBEZIUM },
  async (t) => {
    const names = ['items', 'others'];
    const world = await openDebeziumWorld(t, {
      tables: names.map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY)`),
      topics: names,
    });
    let prepared = 0n;
    const source = world.reopen({
      database: (real) => {
        const ask = real.hiddenChanges.bind(real);
        const hiddenChanges: typeof real.hiddenChanges = async () => {
          const now = await ask();
          return { ...now, xaPrepared: now.xaPrepared + prepared };
        };
        const checkDebezium: typeof real.checkDebezium = async () => [
          HIDDEN,
          { ...HIDDEN, code: 'CLUSTER-TABLE' },
        ];
        return Object.assign(real, { hiddenChanges, checkDebezium });
      },
    });
    const registry = new TestRegistry();
    const tables = await registry.discover(source);
    const { position: from } = await source.lowMark(1);
    await world.run('INSERT INTO items VALUES (1)', 'INSERT INTO others VALUES (1)');
    equal(changesOf(await readToEnd(source, { tables, from, registry })).length, 2);

    prepared = 1n;
    await world.run('INSERT INTO items VALUES (2)');
    // Found by whoever looks next, at every place from before it.
    for (let look = 0; look < 2; look++) {
      const events = await readToEnd(source, { tables, from, registry });
      const halts = ofKind(events, 'table-halted');
      deepEqual(
        halts.map(({ error, table, recovery }) => [error.code, table.table, recovery]),
        names.map((name) => ['SOURCE-NOT-CARRIED', name, 'operator']),
      );
      // No border before the halts: nothing that was given out is committed.
      const border = events.findIndex(({ kind }) => kind === 'transaction-end');
      const halt = events.findIndex(({ kind }) => kind === 'table-halted');
      equal(border === -1 || border > halt, true);
    }
    const codes = (await source.check()).map(({ code }) => code);
    deepEqual([codes.includes('debezium-xa'), codes.includes('CLUSTER-TABLE')], [true, false]);

    // A copy that begins now has all that was before.
    const { position: later } = await source.lowMark(1);
    await world.run('INSERT INTO items VALUES (3)');
    const after = await readToEnd(source, { tables, from: later, registry });
    deepEqual(ofKind(after, 'table-halted'), []);
    equal(changesOf(after).length, 1);
  },
);

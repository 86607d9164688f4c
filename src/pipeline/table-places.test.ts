/** When marks are taken: a mark that is too early costs a second look, one too late loses rows. */
import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { createFileEngine } from '../../test/simulation/file-engine.ts';
import { SimulatedWorld } from '../../test/simulation/simulated-world.ts';
import { openTables } from './open-tables.ts';
import { openSchemaStore } from './state/schema-store.ts';

test('spec: E27 — what was read beyond the ledgers must still be what the source has', async () => {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  world.database.createTable('orders', [['id', 'long']], 1);
  const { parts } = world.start();
  const open = async (isThere: boolean, seq: bigint): Promise<number> => {
    const { position } = await parts.source.lowMark(1);
    const ahead = { ...position, token: `ahead ${isThere}` };
    const told: typeof parts = {
      ...parts,
      source: {
        ...parts.source,
        verifyPosition: async (asked) => {
          if (asked.token !== ahead.token) return parts.source.verifyPosition(asked);
          return isThere ? { kind: 'valid' } : { kind: 'broken', reason: 'An older copy.' };
        },
      },
    };
    const opening = openTables(told, await openSchemaStore(parts.state, parts.config), {
      readPlace: async (epoch) => ({ position: ahead, completeTo: { epoch, seq } }),
      startCapture: async () => undefined,
    });
    await world.clock.run(opening.then(() => undefined));
    return (await opening).epoch;
  };
  const last = 2n ** 62n;
  deepEqual(await open(true, last), 1);
  deepEqual(await open(true, last), 1, 'there is a ledger now');
  deepEqual(await open(false, -1n), 1, 'behind a ledger it says nothing');
  deepEqual(await open(false, last), 2);
});

test('changes are kept before any mark is taken (spec: E9)', async () => {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  world.database.createTable('orders', [['id', 'long']], 1);
  const { parts } = world.start();
  const order: string[] = [];
  const told = {
    ...parts,
    source: {
      ...parts.source,
      lowMark: (epoch: number) => {
        order.push('mark');
        return parts.source.lowMark(epoch);
      },
    },
  };
  const schemas = await openSchemaStore(parts.state, parts.config);
  const opening = openTables(told, schemas, {
    readPlace: async () => null,
    startCapture: async (epoch, tables) => {
      order.push(`capture in epoch ${epoch}`);
      ok(tables.length > 0);
    },
  });
  await world.clock.run(opening.then(() => undefined));
  const opened = await opening;
  deepEqual(order, ['capture in epoch 1', 'mark']);
  ok(opened.ledgers.length > 0);
});

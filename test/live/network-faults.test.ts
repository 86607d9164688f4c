/**
 * Networks that are slow or dead, and servers that stand still: whatever waits ends within the
 * product's own bounds, by a name, and goes on exactly where it was when the other side is back.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { present } from '../../src/kernel/assert.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { TestRegistry, changesOf } from '../support/source-events.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import type { FaultProxy } from './support/fault-proxy.ts';
import { skipWithout } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';
import { openTestSource, sharedServer } from './support/mysql-world.ts';
import type { SourceSettings } from './support/mysql-world.ts';

/** Ten minutes of a product in three seconds. */
const HURRIED = hurriedClock(200);

interface Scene {
  readonly server: PrivateServer;
  readonly proxy: FaultProxy;
  readonly database: string;
  readonly schema: TableSchema;
  /** A source through the proxy. */
  readonly open: (more?: Partial<SourceSettings>) => ChangeSource;
}

let scenes = 0;

/** A table of so many rows of about 220 bytes, behind a proxy. */
async function makeScene(t: TestContext, server: PrivateServer, rows: number): Promise<Scene> {
  const database = `firn_n_faults_${++scenes}`;
  const digits = `(SELECT 0 AS d ${Array.from({ length: 9 }, (_, i) => `UNION SELECT ${i + 1}`).join(' ')})`;
  const number = `a.d + 10 * b.d + 100 * c.d + 1000 * e.d`;
  await server.run(
    `CREATE DATABASE ${database}`,
    `CREATE TABLE ${database}.t (id INT PRIMARY KEY, v VARCHAR(300))`,
    `INSERT INTO ${database}.t SELECT ${number}, REPEAT('x', 200)
       FROM ${digits} a, ${digits} b, ${digits} c, ${digits} e WHERE ${number} < ${rows}`,
  );
  const proxy = await startFaultProxy(t, server);
  const open = (more: Partial<SourceSettings> = {}): ChangeSource => {
    const { port } = proxy;
    const root = { host: '127.0.0.1', port, user: 'root', password: '' };
    const address = { ...root, tls: { kind: 'off' }, connectMsMax: 400 } as const;
    return openTestSource({ port, database, address, ...more });
  };
  const direct = openTestSource({ port: server.port, database });
  const [schema] = await new TestRegistry().discover(direct);
  return { server, proxy, database, schema: present(schema, 'the table'), open };
}

/**
 * Streams until so many rows came, each at a place of its own; `onFirst` runs when it has begun.
 */
async function streamRows(
  scene: Scene,
  source: ChangeSource,
  plan: { readonly rows: number; onFirst(): Promise<void>; onRows(count: number): Promise<void> },
): Promise<void> {
  const stop = new AbortController();
  const { position: from } = await openTestSource({
    port: scene.server.port,
    database: scene.database,
  }).lowMark(1);
  const request = { tables: [scene.schema], from, epoch: 1, beforeImages: false, once: false };
  const resolveSchema = new TestRegistry().resolve;
  const seen: string[] = [];
  let hasBegun = false;
  for await (const event of source.stream({ ...request, resolveSchema, signal: stop.signal })) {
    if (!hasBegun) await plan.onFirst();
    hasBegun = true;
    for (const { seq, row } of changesOf([event])) seen.push(`${seq}/${row}`);
    await plan.onRows(seen.length);
    if (seen.length >= plan.rows && event.kind !== 'changes') stop.abort();
  }
  equal(seen.length, plan.rows);
  equal(new Set(seen).size, plan.rows, 'no change came twice');
}

/** A failure with a name that is worth another try. */
function isGivenUp(error: unknown): true {
  ok(error instanceof FirnError, String(error));
  ok(['SOURCE-TIMEOUT', 'SOURCE-UNREACHABLE'].includes(error.code), error.message);
  equal(error.disposition, 'retry');
  return true;
}

async function bootstrapIds(source: ChangeSource, schema: TableSchema): Promise<number> {
  const { signal } = new AbortController();
  let rows = 0;
  const request = { schema, after: null, chunkRowsMax: 2000, signal };
  for await (const chunk of source.bootstrap(request)) rows += chunk.rows.rowCount;
  return rows;
}

async function verifyRows(source: ChangeSource, schema: TableSchema): Promise<number> {
  const { signal } = new AbortController();
  let rows = 0;
  const whole = await source.readAll({ schema, epoch: 1, batchRowsMax: 500, signal });
  for await (const batch of whole.batches) rows += batch.rowCount;
  return rows;
}

for (const flavour of SERVER_FLAVOURS) {
  const start = sharedServer(flavour);

  describe(`${flavour}: networks, and the stream`, { skip: skipWithout(flavour) }, () => {
    test('a slow one is only slow', async (t) => {
      const scene = await makeScene(t, await start(), 1000);
      const { server, proxy, database, schema, open } = scene;
      proxy.plan(() => ({ kind: 'slow', bytesPerSec: 400_000 }));
      equal(await bootstrapIds(open(), schema), 1000);
      equal(await verifyRows(open(), schema), 1000);
      await streamRows(scene, open(), {
        rows: 1000,
        onFirst: () => server.run(`UPDATE ${database}.t SET v = 'y'`),
        onRows: async () => undefined,
      });
    });

    test('one that dies in the middle of a transaction is left and replaced', async (t) => {
      const scene = await makeScene(t, await start(), 1000);
      const { server, proxy, database, open } = scene;
      let dead = 0;
      // Connection 0 asks for the log's end, 1 follows the log.
      proxy.plan((index) => {
        if (index !== 1 && index !== 4) return { kind: 'none' };
        dead++;
        return { kind: 'silent', afterBytes: 60_000 };
      });
      await streamRows(scene, open({ heartbeatIntervalMs: 250 }), {
        rows: 1000,
        onFirst: () => server.run(`UPDATE ${database}.t SET v = REPEAT('z', 200)`),
        onRows: async () => undefined,
      });
      ok(dead >= 1, 'a connection died');
    });

    test('a server that stands still is waited for', async (t) => {
      const scene = await makeScene(t, await start(), 100);
      const { server, proxy, database, open } = scene;
      let isStopped = false;
      t.after(() => process.kill(server.pid, 'SIGCONT'));
      await streamRows(scene, open({ heartbeatIntervalMs: 250 }), {
        rows: 200,
        onFirst: () => server.run(`UPDATE ${database}.t SET v = 'before'`),
        onRows: async (count) => {
          if (count < 100 || isStopped) return;
          isStopped = true;
          const made = proxy.connectionCount;
          process.kill(server.pid, 'SIGSTOP');
          void (async () => {
            // Two tries in vain.
            while (proxy.connectionCount < made + 2) await systemClock.sleep(20);
            process.kill(server.pid, 'SIGCONT');
            await server.run(`UPDATE ${database}.t SET v = 'after'`);
          })();
        },
      });
      ok(isStopped);
    });
  });

  describe(`${flavour}: networks, and reads`, { skip: skipWithout(flavour) }, () => {
    test('one that dies while rows are read ends the read by a name', async (t) => {
      const scene = await makeScene(t, await start(), 9000);
      const { proxy, schema, open } = scene;
      proxy.plan(() => ({ kind: 'silent', afterBytes: 300_000 }));
      const reads = [bootstrapIds, verifyRows].map((read) =>
        rejects(read(open({ clock: HURRIED }), schema), isGivenUp),
      );
      await Promise.all(reads);
      proxy.plan(() => ({ kind: 'none' }));
      deepEqual(
        [await bootstrapIds(open(), schema), await verifyRows(open(), schema)],
        [9000, 9000],
      );
    });

    test('one that dies anywhere in a low mark ends it by a name', async (t) => {
      const scene = await makeScene(t, await start(), 10);
      const { proxy, open } = scene;
      const before = proxy.connectionCount;
      const source = open({ clock: HURRIED });
      await source.lowMark(1);
      const connections = proxy.connectionCount - before;
      const places = [0, 30, 90, 200, 320, 450, 700];
      const cases = Array.from({ length: connections }, (_, index) => index).flatMap((index) =>
        places.map((afterBytes) => ({ index, afterBytes })),
      );
      let givenUp = 0;
      for (const { index, afterBytes } of cases) {
        const first = proxy.connectionCount;
        proxy.plan((connection) =>
          connection - first === index ? { kind: 'silent', afterBytes } : { kind: 'none' },
        );
        // Behind its last byte nothing is waited for.
        const outcome = await source.lowMark(1).catch((error: unknown) => isGivenUp(error));
        if (outcome === true) givenUp++;
      }
      ok(givenUp > connections * 3, `${givenUp} of ${cases.length}`);
      proxy.plan(() => ({ kind: 'none' }));
      ok((await source.lowMark(1)).completeTo.seq > 0n);
    });
  });
}

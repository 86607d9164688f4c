/** What the stream makes of the stranger things in a log, and of connections that end. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { present } from '../../src/kernel/assert.ts';
import type { SourceEvent } from '../../src/model/source-event.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ChangeSource, StreamRequest } from '../../src/ports/source.ts';
import { TestRegistry, changesOf, ofKind } from '../support/source-events.ts';
import { skipWithout } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';
import { openTestSource, sharedServer } from './support/mysql-world.ts';

interface Place {
  readonly server: PrivateServer;
  readonly source: ChangeSource;
  readonly database: string;
  readonly from: SourcePosition;
  read(more?: Partial<StreamRequest>): Promise<SourceEvent[]>;
  readonly request: (more?: Partial<StreamRequest>) => StreamRequest;
}

let places = 0;

/** Two tables `t` and `o` (id, v), captured from now on. */
async function makePlace(
  server: PrivateServer,
  more: Partial<Parameters<typeof openTestSource>[0]> = {},
): Promise<Place> {
  const database = `firn_d_stream_${++places}`;
  const columns = 'id BIGINT PRIMARY KEY, v BIGINT, note VARCHAR(20)';
  await server.run(
    `CREATE DATABASE ${database}`,
    `USE ${database}`,
    `CREATE TABLE t (${columns})`,
    `CREATE TABLE o (${columns})`,
  );
  const source = openTestSource({ port: server.port, database, ...more });
  const registry = new TestRegistry();
  const tables: readonly TableSchema[] = await registry.discover(source);
  const { position: from } = await source.lowMark(1);
  const request = (own: Partial<StreamRequest> = {}): StreamRequest => ({
    tables,
    from,
    epoch: 1,
    resolveSchema: registry.resolve,
    beforeImages: false,
    signal: new AbortController().signal,
    once: true,
    ...own,
  });
  const read = async (own: Partial<StreamRequest> = {}): Promise<SourceEvent[]> => {
    const events: SourceEvent[] = [];
    for await (const event of source.stream(request(own))) events.push(event);
    return events;
  };
  return { server, source, database, from, read, request };
}

function texts(events: readonly SourceEvent[]): string[] {
  return changesOf(events).map(({ table, op, values }) => `${table} ${op} ${values['id']}`);
}

function halts(events: readonly SourceEvent[]): string[] {
  return ofKind(events, 'table-halted').map(({ table, error }) => `${table.table} ${error.code}`);
}

for (const flavour of ['mysql', 'mariadb'] as const) {
  const start = sharedServer(flavour);
  const skip = skipWithout(flavour);

  describe(`${flavour}: stream`, { skip }, () => {
    test('XA on a captured table halts it, on another table nothing (spec: Y8)', async () => {
      const place = await makePlace(await start());
      await place.server.run(
        'CREATE TABLE mysql.firn_d_other (id INT PRIMARY KEY)',
        "XA START 'a'",
        'INSERT INTO mysql.firn_d_other VALUES (1)',
        "XA END 'a'",
        "XA PREPARE 'a'",
        "XA COMMIT 'a'",
        'INSERT INTO t VALUES (1, 1, NULL)',
        "XA START 'b'",
        'INSERT INTO o VALUES (2, 1, NULL)',
        "XA END 'b'",
        "XA PREPARE 'b'",
        "XA ROLLBACK 'b'",
        'INSERT INTO t VALUES (3, 1, NULL)',
        'DROP TABLE mysql.firn_d_other',
      );
      const events = await place.read();
      deepEqual(halts(events), ['o SOURCE-XA']);
      deepEqual(
        texts(events).filter((text) => text.startsWith('t')),
        ['t c 1', 't c 3'],
      );
    });

    test('statements and partial images halt what they touch (spec: Y7, Y13)', async () => {
      const place = await makePlace(await start());
      await place.server.run(
        'INSERT INTO t VALUES (1, 1, NULL)',
        "SET SESSION binlog_row_image = 'MINIMAL'",
        'UPDATE t SET v = 2 WHERE id = 1',
        "SET SESSION binlog_row_image = 'FULL'",
        "SET SESSION binlog_format = 'STATEMENT'",
        'INSERT INTO o VALUES (5, 5, NULL)',
        "SET SESSION binlog_format = 'ROW'",
        'TRUNCATE TABLE t',
      );
      const events = await place.read();
      deepEqual(halts(events), ['t LOG-ROW-IMAGE-PARTIAL', 'o SOURCE-STATEMENT-LOGGED']);
      const [first] = ofKind(events, 'table-halted');
      match(present(first, 'a halt').error.message, /\.t at \S+:\d+/);
      deepEqual(texts(events), ['t c 1', 't t null']);
    });

    test('a swap of tables halts with the tool’s name, or loads again (spec: Y14)', async () => {
      for (const onSwap of ['halt', 'bootstrap'] as const) {
        const place = await makePlace(await start(), { onSwap });
        await place.server.run(
          'CREATE TABLE _t_gho LIKE t',
          'RENAME TABLE t TO _t_del, _t_gho TO t',
          'INSERT INTO t VALUES (1, 1, NULL)',
        );
        const [halt] = ofKind(await place.read(), 'table-halted');
        equal(halt?.error.code, 'SOURCE-TABLE-SWAPPED');
        match(present(halt, 'a halt').error.message, /gh-ost/);
        equal(halt?.recovery, onSwap === 'bootstrap' ? 'bootstrap' : 'operator');
      }
    });
  });

  describe(`${flavour}: stream and server`, { skip }, () => {
    test('a lost connection costs nothing, in the middle of a transaction too', async () => {
      const { server, source, request, database } = await makePlace(await start());
      const rows = 60_000;
      await server.run(`CREATE TABLE ${database}.seed (id INT PRIMARY KEY)`);
      const numbers = Array.from({ length: 1000 }, (_, index) => `(${index})`).join();
      await server.run(`INSERT INTO ${database}.seed VALUES ${numbers}`);
      const stop = new AbortController();
      const seen: string[] = [];
      let kills = 0;
      let borders = 0;
      const insert = `INSERT INTO ${database}.t SELECT a.id * 60 + b.id, 0, REPEAT('x', 20) FROM ${database}.seed a JOIN ${database}.seed b ON b.id < 60`;
      for await (const event of source.stream(request({ once: false, signal: stop.signal }))) {
        if (borders++ === 0) await server.run(insert);
        for (const { seq, row } of changesOf([event])) seen.push(`${seq}/${row}`);
        if (kills < 2 && seen.length > 10_000 * (kills + 1)) {
          kills++;
          const list = await server.query('SHOW PROCESSLIST');
          for (const { Id, Command } of list) {
            if (String(Command).startsWith('Binlog Dump')) await server.run(`KILL ${String(Id)}`);
          }
        }
        if (event.kind === 'transaction-end' && seen.length >= rows) stop.abort();
      }
      equal(kills, 2);
      equal(seen.length, rows);
      equal(new Set(seen).size, rows);
    });

    test('the end of a log is reached where no transaction stands at it (spec: Y4)', async () => {
      const place = await makePlace(await start());
      const { server, source } = place;
      await server.run('INSERT INTO t VALUES (1, 1, NULL)', 'FLUSH BINARY LOGS');
      const { completeTo: high } = await source.highMark(1);
      const events = await place.read();
      const borders = [...ofKind(events, 'transaction-end'), ...ofKind(events, 'heartbeat')];
      ok(borders.some(({ completeTo }) => completeTo.seq >= high.seq));
    });

    test('a second reader with the same id is named', async () => {
      const server = await start();
      const id = present((await server.query('SELECT @@server_id AS id'))[0], 'a row')['id'];
      const place = await makePlace(server, { serverId: Number(id) });
      await rejects(place.read(), { code: 'SOURCE-DUPLICATE-READER' });
    });

    test('RESET is told as a broken position (spec: Y3)', async () => {
      const server = await start();
      const place = await makePlace(server);
      await server.run('INSERT INTO t VALUES (1, 1, NULL)');
      const events = await place.read();
      const end = present(ofKind(events, 'transaction-end').at(-1), 'a border').position;
      equal((await place.source.verifyPosition(end)).kind, 'valid');
      const isMysql = flavour === 'mysql';
      await server.run(isMysql ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
      await server.run('INSERT INTO t VALUES (2, 1, NULL)');
      const verdict = await place.source.verifyPosition(end);
      equal(verdict.kind, 'broken');
      await rejects(place.read({ from: end }), { code: 'SOURCE-POSITION-BROKEN' });
      ok((await place.source.lowMark(2)).completeTo.seq > 0n);
    });
  });
}

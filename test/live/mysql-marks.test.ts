/**
 * Marks beside writers that commit at every moment: what is in the log at or before a low mark must
 * be visible to a SELECT that starts after the mark was taken.
 */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type mysql from 'mysql2/promise';
import { present } from '../../src/kernel/assert.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { SourceMark } from '../../src/ports/source.ts';
import { openConnection } from '../../src/sources/mysql/connection.ts';
import type { MysqlConnection } from '../../src/sources/mysql/connection.ts';
import { lowPlace } from '../../src/sources/mysql/log/log-marks.ts';
import { markAt } from '../../src/sources/mysql/log/log-place.ts';
import type { LogPlace } from '../../src/sources/mysql/log/log-place.ts';
import { TestRegistry, changesOf } from '../support/source-events.ts';
import type { Change } from '../support/source-events.ts';
import { skipWithout } from './support/live-server.ts';
import { openTestSource, sharedServer } from './support/mysql-world.ts';

const WRITERS = 8;
const ROUNDS = 60;

/** Highest `n` of each writer. */
type Seen = ReadonlyMap<number, number>;

for (const flavour of ['mysql', 'mariadb'] as const) {
  const start = sharedServer(flavour);
  const skip = skipWithout(flavour);
  const name = `${flavour}: a low mark is never ahead of a SELECT, a high mark never behind (spec: Y4)`;
  test(name, { skip }, async () => {
    const server = await start();
    await server.run(
      'CREATE DATABASE firn_d_marks',
      'CREATE TABLE firn_d_marks.t (w INT, n INT, PRIMARY KEY (w, n))',
    );
    const source = openTestSource({ port: server.port, database: 'firn_d_marks' });
    const registry = new TestRegistry();
    const tables = await registry.discover(source);
    const begin = await source.lowMark(1);
    const stop = new AbortController();
    const write = async (writer: number): Promise<void> => {
      const connection = await server.connect();
      for (let n = 1; !stop.signal.aborted; n++) {
        await connection.query(`INSERT INTO firn_d_marks.t VALUES (${writer}, ${n})`);
      }
    };
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer));
    const reader = await server.connect();
    const lows: { readonly mark: SourceMark; readonly seen: Seen }[] = [];
    const highs: { readonly mark: SourceMark; readonly seen: Seen }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { place, seen } = await lowWithSelect(server.port, reader);
      lows.push({ mark: markAt(place, { sourceId: 'x', epoch: 1 }), seen });
      const later = await select(reader);
      highs.push({ mark: await source.highMark(1), seen: later });
    }
    stop.abort();
    await Promise.all(writers);
    const changes: Change[] = [];
    const stream = source.stream({
      tables,
      from: begin.position,
      epoch: 1,
      resolveSchema: registry.resolve,
      beforeImages: false,
      signal: new AbortController().signal,
      once: true,
    });
    for await (const event of stream) changes.push(...changesOf([event]));
    equal(changes.length, (await count(reader)) ?? -1);
    for (const { mark, seen } of lows) {
      for (const { seq, values } of changes) {
        if (seq > mark.completeTo.seq) break;
        ok(Number(values['n']) <= (seen.get(Number(values['w'])) ?? 0), 'the row was visible');
      }
    }
    for (const { mark, seen } of highs) {
      const after = changes.filter(({ seq }) => seq > mark.completeTo.seq);
      for (const { values } of after) {
        ok(Number(values['n']) > (seen.get(Number(values['w'])) ?? 0), 'the row was not seen yet');
      }
    }
    const last = present(lows.at(-1), 'a mark').mark;
    ok(last.completeTo.seq > begin.completeTo.seq, 'marks move on');
  });
}

/**
 * A low mark, and what a SELECT sees right behind the statement that decides it: later a row that
 * was in the log too early would have become visible.
 */
async function lowWithSelect(
  port: number,
  reader: mysql.Connection,
): Promise<{ readonly place: LogPlace; readonly seen: Seen }> {
  let seen: Seen | null = null;
  const connect = async (): Promise<MysqlConnection> => {
    const address = { host: '127.0.0.1', port, user: 'root', password: '' };
    const connection = await openConnection({ ...address, tls: { kind: 'off' } });
    const query = connection.query.bind(connection);
    connection.query = async (sql) => {
      const rows = await query(sql);
      if (/gtid_executed|binlog_snapshot_/.test(sql)) seen ??= await select(reader);
      return rows;
    };
    return connection;
  };
  const place = await lowPlace({ connect, clock: systemClock });
  return { place, seen: present<Seen>(seen, 'a statement that decides the mark') };
}

async function select(connection: mysql.Connection): Promise<Seen> {
  const sql = 'SELECT w, MAX(n) AS n FROM firn_d_marks.t GROUP BY w';
  const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
  return new Map(rows.map((row) => [Number(row['w']), Number(row['n'])]));
}

async function count(connection: mysql.Connection): Promise<number> {
  const sql = 'SELECT COUNT(*) AS n FROM firn_d_marks.t';
  const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
  return Number(rows[0]?.['n']);
}

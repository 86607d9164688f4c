/**
 * Marks beside writers that commit at every moment: what is in the log at or before a low mark must
 * be visible to a SELECT that starts after the mark was taken.
 */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type mysql from 'mysql2/promise';
import { present } from '../../src/kernel/assert.ts';
import type { SourceMark } from '../../src/ports/source.ts';
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
    let stopping = false;
    const write = async (writer: number): Promise<void> => {
      const connection = await server.connect();
      for (let n = 1; !stopping; n++) {
        await connection.query(`INSERT INTO firn_d_marks.t VALUES (${writer}, ${n})`);
      }
    };
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer));
    const reader = await server.connect();
    const lows: { readonly mark: SourceMark; readonly seen: Seen }[] = [];
    const highs: { readonly mark: SourceMark; readonly seen: Seen }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const mark = await source.lowMark(1);
      const seen = await select(reader);
      lows.push({ mark, seen });
      highs.push({ mark: await source.highMark(1), seen });
    }
    stopping = true;
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

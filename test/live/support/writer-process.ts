/**
 * The process of a random writer: several sessions write at once to the three tables of a database,
 * with inserts, updates, deletes, changes of keys and rollbacks, over a bounded range of keys. It
 * goes on through lost connections until its input ends, then says how much was committed.
 *
 * Arguments: one JSON object, see `WriterWish`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { WriterOrder } from './live-writer.ts';

const KEYS = 2000;

type Statement = readonly [sql: string, ...values: readonly (string | number | null)[]];
type Draw = (limit: number) => number;

/** Whole numbers from a seed (linear congruence; the high bits are used). */
function drawsFrom(seed: number): Draw {
  let state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** A text with characters of one to four bytes, quotes and backslashes. */
function textOf(draw: Draw): string {
  const letters = ['a', 'Z', 'é', '桜', '🚚', "'", '\\', '"', ' ', '%'];
  return Array.from({ length: draw(20) }, () => letters[draw(letters.length)]).join('');
}

function statement(draw: Draw): Statement {
  const id = draw(KEYS);
  const pair = [draw(40), `k${draw(50)}`] as const;
  switch (draw(12)) {
    case 0:
    case 1:
    case 2:
      return [
        'INSERT IGNORE INTO items VALUES (?, ?, ?, ?, NOW(6))',
        id,
        draw(1000),
        textOf(draw),
        `${draw(1_000_000)}.${draw(90) + 10}`,
      ];
    case 3:
      return ['UPDATE items SET n = n + 1 WHERE id BETWEEN ? AND ?', id, id + draw(20)];
    case 4:
      return ['UPDATE items SET note = ?, amount = amount + 0.01 WHERE id = ?', textOf(draw), id];
    case 5:
      return ['DELETE FROM items WHERE id BETWEEN ? AND ?', id, id + draw(3)];
    case 6:
      return ['UPDATE IGNORE items SET id = ? WHERE id = ?', draw(KEYS), id];
    case 7:
      return ['REPLACE INTO pairs VALUES (?, ?, ?)', ...pair, draw(2) === 0 ? null : textOf(draw)];
    case 8:
      return ['UPDATE IGNORE pairs SET b = ? WHERE a = ? AND b = ?', `k${draw(50)}`, ...pair];
    case 9:
      return ['DELETE FROM pairs WHERE a = ? AND b = ?', ...pair];
    case 10:
      return ['INSERT INTO events (kind, body) VALUES (?, ?)', draw(5), textOf(draw)];
    default:
      return ['UPDATE events SET body = ? ORDER BY id DESC LIMIT 3', textOf(draw)];
  }
}

async function transaction(connection: mysql.Connection, draw: Draw): Promise<boolean> {
  await connection.query('BEGIN');
  const count = 1 + draw(8);
  for (let index = 0; index < count; index++) {
    const [sql, ...values] = statement(draw);
    await connection.query(sql, values);
  }
  const keeps = draw(20) !== 0;
  await connection.query(keeps ? 'COMMIT' : 'ROLLBACK');
  return keeps;
}

const order = JSON.parse(process.argv[2] ?? '{}') as WriterOrder;
const state = { stopped: false, committed: 0 };
process.stdin.on('end', () => (state.stopped = true)).resume();

function goesOn(): boolean {
  return !state.stopped && state.committed < order.transactionsMax;
}

async function session(index: number): Promise<void> {
  const draw = drawsFrom(order.seed * 1000 + index);
  while (goesOn()) {
    let connection: mysql.Connection | null = null;
    try {
      const target = { host: order.host, port: order.port, user: 'root', database: order.database };
      connection = await mysql.createConnection({ ...target, charset: 'utf8mb4' });
      connection.on('error', () => undefined);
      while (goesOn()) {
        if (await transaction(connection, draw)) state.committed += 1;
        if (order.pauseMs > 0) await sleep(order.pauseMs);
      }
    } catch {
      // A deadlock, or a server that is being killed: a new connection goes on.
      await sleep(20);
    } finally {
      connection?.destroy();
    }
  }
}

const report = setInterval(() => process.stdout.write(`${state.committed}\n`), 100);
await Promise.all(Array.from({ length: order.sessions }, async (_, index) => session(index)));
clearInterval(report);
process.stdout.write(`${state.committed}\n`);
process.exit(0);

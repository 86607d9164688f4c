/** The SQLite source passes the suite every source passes. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { sourceConformance } from '../../../test/conformance/source.ts';
import type { SourceUnderTest, WriteStep } from '../../../test/conformance/source-under-test.ts';
import type { Cell, Row } from '../../../test/support/source-events.ts';
import { SqliteWorld } from '../../../test/support/sqlite-world.ts';
import { quoteName } from './sql-text.ts';
import type { SqliteValue } from './sqlite-value.ts';

const TYPES = { long: 'INTEGER', double: 'REAL', string: 'TEXT', binary: 'BLOB' } as const;

const WRITER = `
  const { DatabaseSync } = require('node:sqlite');
  const [, path, table, rows] = process.argv;
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec('PRAGMA synchronous = OFF');
  const update = db.prepare('UPDATE "' + table + '" SET v = v + 1 WHERE id = ?');
  let turn = 0;
  process.stdout.write('ready');
  process.on('SIGTERM', () => process.exit(0));
  const work = () => {
    for (let step = 0; step < 5; step++) update.run(1 + (turn++ % Number(rows)));
    setTimeout(work, 1);
  };
  work();`;

function valueOf(cell: Cell): SqliteValue {
  if (typeof cell === 'boolean') return cell ? 1n : 0n;
  if (typeof cell !== 'string' || !cell.startsWith('0x')) return cell;
  return new Uint8Array(Buffer.from(cell.slice(2), 'hex'));
}

function terms(row: Row, from: number): string[] {
  return Object.keys(row).map((name, index) => `${quoteName(name)} = ?${from + index + 1}`);
}

function run(world: SqliteWorld, step: WriteStep): void {
  const table = quoteName(step.table);
  const [sql, values] = ((): [string, Cell[]] => {
    switch (step.op) {
      case 'insert': {
        const names = Object.keys(step.row).map(quoteName).join(', ');
        const places = Object.keys(step.row)
          .map(() => '?')
          .join(', ');
        return [`INSERT INTO ${table}(${names}) VALUES(${places})`, Object.values(step.row)];
      }
      case 'update': {
        const set = terms(step.set, 0).join(', ');
        const where = terms(step.key, Object.keys(step.set).length).join(' AND ');
        const values = [...Object.values(step.set), ...Object.values(step.key)];
        return [`UPDATE ${table} SET ${set} WHERE ${where}`, values];
      }
      default: {
        const where = terms(step.key, 0).join(' AND ');
        return [`DELETE FROM ${table} WHERE ${where}`, Object.values(step.key)];
      }
    }
  })();
  world.writer.prepare(sql).run(...values.map(valueOf));
}

async function makeWorld(): Promise<SourceUnderTest> {
  const world = new SqliteWorld();
  const copy = join(world.folder, 'backup.db');
  return {
    get source() {
      return world.source;
    },
    registry: world.registry,
    reopen: () => world.reopen(),
    async createTable({ name, columns, key }) {
      const declared = Object.entries(columns).map(
        ([column, kind]) =>
          `${quoteName(column)} ${TYPES[kind]}${key.includes(column) ? ' NOT NULL' : ''}`,
      );
      const primary = `PRIMARY KEY(${key.map(quoteName).join(', ')})`;
      world.exec(`CREATE TABLE ${quoteName(name)}(${[...declared, primary].join(', ')})`);
    },
    async write(steps) {
      world.exec('BEGIN');
      for (const step of steps) run(world, step);
      world.exec('COMMIT');
    },
    async addColumn(table, name, kind) {
      world.exec(`ALTER TABLE ${quoteName(table)} ADD COLUMN ${quoteName(name)} ${TYPES[kind]}`);
    },
    async dropTable(table) {
      world.exec(`DROP TABLE ${quoteName(table)}`);
    },
    async startWriter(table, rows) {
      const child = spawn(process.execPath, ['-e', WRITER, world.path, table, String(rows)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      return {
        async stop() {
          const ended = once(child, 'exit');
          child.kill('SIGTERM');
          await ended;
        },
      };
    },
    async backUp() {
      world.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      copyFileSync(world.path, copy);
    },
    async restore() {
      await world.source.close();
      world.writer.close();
      for (const end of ['-wal', '-shm'])
        if (existsSync(world.path + end)) rmSync(world.path + end);
      rmSync(world.path);
      copyFileSync(copy, world.path);
      world.writer.open();
    },
    async traces() {
      const rows = world.writer.prepare('SELECT name FROM sqlite_master ORDER BY name').all();
      return rows
        .map((row) => String(row['name']))
        .filter((name) => !/^(items|others)$/.test(name));
    },
    close: () => world.close(),
  };
}

sourceConformance('sqlite', makeWorld);

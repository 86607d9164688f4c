/** Databases that cannot be used, or not yet: each a coded error, and nothing changed. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Clock } from '../../kernel/clock.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { ChangeSource } from '../../ports/source.ts';
import { inSqliteWorld, tableRule } from '../../../test/support/sqlite-world.ts';
import { createSqliteSource } from './source.ts';
import { sourceError } from './sqlite-database.ts';

const SCHEMA = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)';

/** Time that passes only in sleep. */
function simulatedClock(): Clock & { onSleep: () => void } {
  let now = 0;
  return {
    onSleep: () => undefined,
    nowMs: () => now,
    monotonicMs: () => now,
    async sleep(ms) {
      now += ms;
      this.onSleep();
    },
  };
}

function sourceAt(path: string, clock: Clock = simulatedClock()): ChangeSource {
  const tables = [tableRule('*')];
  const random = systemRandom;
  return createSqliteSource({ path, tables, namespace: 'app', clock, random, pollIntervalMs: 5 });
}

async function failsWith(code: ErrorCode, run: () => Promise<unknown>): Promise<void> {
  await rejects(run, (error) => {
    ok(isFirnError(error, code), String(error));
    ok(error.where?.startsWith('sqlite:') === true, 'the error names the database');
    return true;
  });
}

test('a path without a database (spec: S15)', () =>
  inSqliteWorld({ schema: SCHEMA }, async (world) => {
    const at = (name: string): string => join(world.folder, name);
    mkdirSync(at('folder'));
    writeFileSync(
      at('text'),
      'this is no database, but long enough to be read as one\n'.repeat(30),
    );
    for (const act of [
      (source: ChangeSource) => source.check(),
      (source: ChangeSource) => source.discover(),
      (source: ChangeSource) => source.identify(),
      (source: ChangeSource) => source.prepare([]),
    ]) {
      await failsWith('SOURCE-MISSING', () => act(sourceAt(at('missing.db'))));
      await failsWith('SOURCE-MISSING', () => act(sourceAt(at('no/folder.db'))));
      await failsWith('SOURCE-NOT-A-DATABASE', () => act(sourceAt(at('folder'))));
      await failsWith('SOURCE-NOT-A-DATABASE', () => act(sourceAt(at('text'))));
    }
  }));

test('reading before anything is installed says what to do', () =>
  inSqliteWorld({ schema: SCHEMA }, async (world) => {
    await failsWith('SOURCE-NOT-PREPARED', () => world.source.lowMark(1));
    await failsWith('SOURCE-NOT-PREPARED', () => world.read(null, []));
  }));

test('SQLite’s result codes have codes of ours', () =>
  inSqliteWorld({ schema: SCHEMA }, async (world) => {
    const reader = new DatabaseSync(world.path, { readOnly: true });
    try {
      reader.exec('CREATE TABLE x(a)');
    } catch (error) {
      ok(isFirnError(sourceError(error, 'sqlite:x'), 'SOURCE-READ-ONLY'));
    }
    reader.close();
    const other = new Error('not of SQLite');
    equal(sourceError(other, 'sqlite:x'), other);
  }));

test('another writer is waited for, but not for ever', () =>
  inSqliteWorld({ schema: SCHEMA }, async (world) => {
    const clock = simulatedClock();
    const source = sourceAt(world.path, clock);
    world.exec('BEGIN IMMEDIATE');
    await failsWith('SOURCE-BUSY', () => source.prepare([]));
    let turns = 0;
    clock.onSleep = () => {
      if (++turns === 3) world.exec('COMMIT');
    };
    await source.prepare([]);
    await source.close();
    equal(turns, 3);
  }));

test('a database in another journal mode is switched, and back when Firn leaves (spec: S16)', () =>
  inSqliteWorld({ schema: SCHEMA, journalMode: 'delete' }, async (world) => {
    world.writer.close();
    const found = (await world.source.check()).find(({ code }) => code === 'journal-mode');
    deepEqual([found?.severity, found?.fix], ['warning', 'PRAGMA journal_mode = WAL;']);
    await world.prepare();
    equal((await world.source.check()).find(({ code }) => code === 'journal-mode')?.severity, 'ok');
    ok((await world.source.uninstallPlan()).includes('PRAGMA journal_mode = delete'));
    await world.source.uninstall();
    world.writer.open();
    deepEqual(
      world.writer
        .prepare('PRAGMA journal_mode')
        .all()
        .map((row) => row['journal_mode']),
      ['delete'],
    );
  }));

test('a database that cannot be switched is refused, with the statement', () =>
  inSqliteWorld({ schema: SCHEMA, journalMode: 'delete' }, async (world) => {
    world.exec('BEGIN IMMEDIATE');
    const source = sourceAt(world.path);
    await failsWith('SOURCE-WAL-REQUIRED', () => source.prepare([]));
    await source.close();
    world.exec('ROLLBACK');
    deepEqual(
      world.writer
        .prepare('PRAGMA journal_mode')
        .all()
        .map((row) => row['journal_mode']),
      ['delete'],
    );
  }));

test('one database feeds one pipeline', () =>
  inSqliteWorld({ schema: SCHEMA }, async (world) => {
    const { tables } = await world.prepare();
    const other = world.open({ namespace: 'another' });
    await failsWith('SOURCE-OTHER-PIPELINE', () => other.prepare(tables));
    const errors = (await other.check()).filter(({ severity }) => severity === 'error');
    deepEqual(
      errors.map(({ code }) => code),
      ['SOURCE-OTHER-PIPELINE'],
    );
    await other.uninstall();
    await other.prepare(tables);
    await other.close();
  }));

test('a database made anew at the same path has another identity (spec: S10)', () =>
  inSqliteWorld({ schema: SCHEMA }, async (world) => {
    const { mark } = await world.prepare();
    const before = await world.source.identify();
    await world.source.close();
    world.writer.close();
    for (const end of ['', '-wal', '-shm']) rmSync(world.path + end, { force: true });
    world.writer.open();
    world.exec(`PRAGMA journal_mode = wal; ${SCHEMA}`);
    const source = await world.reopen();
    equal((await source.verifyPosition(mark.position)).kind, 'broken');
    const fresh = await source.identify();
    ok(fresh.sourceId !== before.sourceId);
    const { mark: again } = await world.prepare();
    equal(again.position.sourceId, fresh.sourceId);
    equal((await source.verifyPosition(mark.position)).kind, 'broken');
    equal(source.newest(mark.position, again.position), again.position);
    equal(source.oldest(mark.position, again.position), mark.position);
  }));

/**
 * Storage in trouble, through the real program: a full disk, a lake that can only be read, a second
 * owner, another pipeline. Each is told by its code; nothing is lost or doubled, and what can go on
 * does. File systems of their own need the rights to mount one.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LakePlace } from '../support/lake-place.ts';

const TABLES = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB);
  CREATE TABLE u (id INTEGER PRIMARY KEY, v BLOB);
  INSERT INTO t VALUES (1, NULL), (2, x'00')`;

/** Rows of random bytes, which do not get smaller by compression. */
function fill(from: number, to: number): string {
  return `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to})
    INSERT INTO t SELECT i, randomblob(100) FROM n`;
}

function run(command: string, ...words: readonly string[]): boolean {
  return spawnSync(command, words).status === 0;
}

function mountSkip(): string | false {
  if (process.getuid?.() !== 0) return 'only root may mount a file system';
  using place = new LakePlace();
  mkdirSync(place.lake);
  if (!run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place.lake)) {
    return 'this machine lets nobody mount a file system';
  }
  run('umount', '--lazy', place.lake);
  return false;
}

const skip = mountSkip();

/** A place whose lake is a file system of this size. */
class SmallLake extends LakePlace {
  constructor(size: string) {
    super();
    mkdirSync(this.lake);
    ok(run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', this.lake));
  }

  /** Fills the disk but for a few kilobytes. */
  fillDisk(): void {
    const { bavail, bsize } = statfsSync(this.lake);
    writeFileSync(join(this.lake, 'ballast'), Buffer.alloc(bavail * bsize - 8192));
  }

  freeDisk(): void {
    rmSync(join(this.lake, 'ballast'));
  }

  override [Symbol.dispose](): void {
    run('umount', '--lazy', this.lake);
    super[Symbol.dispose]();
  }
}

async function assertEqualCopy(place: LakePlace): Promise<void> {
  const { code, out, err } = await place.run('verify', '.');
  equal(code, 0, `${out}${err}`);
}

/** Each identity of the ledger is there once. */
async function assertOnce(place: LakePlace, rows: number): Promise<void> {
  const [[count, distinct] = []] = await place.rows(
    'SELECT count(*), count(DISTINCT (_firn_epoch, _firn_seq, _firn_row, id)) FROM t_ledger',
  );
  deepEqual([count, distinct], [rows, rows]);
}

/** Between two attempts the status says why; while one is going on it cannot know yet. */
async function saysFull(place: LakePlace): Promise<void> {
  const full = /halted STORAGE-FULL: [^\n]+\nnext: Free space or raise the quota/;
  let { out } = await place.run('status', '.');
  for (let asked = 1; asked < 20 && !full.test(out); asked++) {
    ({ out } = await place.run('status', '.'));
  }
  match(out, full);
}

test('spec: P13, L4 a full disk stops nothing for good and loses nothing', { skip }, async () => {
  using place = new SmallLake('1m');
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  place.fillDisk();
  place.exec(fill(10, 400));
  const running = place.start('run', '.');
  await running.saw('[STORAGE-FULL]');
  await running.saw('next: Free space');
  await saysFull(place);
  deepEqual(await place.rows('SELECT count(*) FROM t'), [[2]], 'reading goes on');
  place.freeDisk();
  await running.saw('391 changes');
  running.child.kill('SIGTERM');
  equal((await running.ended).code, 130);
  await place.catchUp();
  await assertEqualCopy(place);
  await assertOnce(place, 391);
  const names = readdirSync(place.lake, { recursive: true, encoding: 'utf8' });
  deepEqual(
    names.filter((name) => /tmp|stage\/./.test(name)),
    [],
    'nothing half-written is left',
  );
});

test('spec: P13, P15 a disk that stays full ends --once with 3, by name', { skip }, async () => {
  using place = new SmallLake('1m');
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  place.fillDisk();
  place.exec(fill(10, 400));
  const ended = await place.run('run', '.', '--once');
  equal(ended.code, 3);
  match(ended.err, /error (?:STORAGE|CATALOG)-FULL: [^\n]+\(\S+\)\nnext: Free space/);
  place.freeDisk();
  await place.catchUp();
  await assertEqualCopy(place);
  await assertOnce(place, 391);
});

test('spec: P13 a lake that can only be read is queried, and says so', { skip }, async () => {
  using place = new SmallLake('4m');
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  ok(run('mount', '-o', 'remount,ro', place.lake));
  deepEqual(await place.rows('SELECT count(*) FROM t'), [[2]]);
  await assertEqualCopy(place);
  equal((await place.run('status', '.')).code, 0);
  place.exec(fill(10, 20));
  const check = await place.run('check', '.');
  equal(check.code, 1, check.out);
  const ended = await place.run('run', '.', '--once');
  equal(ended.code, 3);
  match(ended.err, /error (?:STORAGE|CATALOG)-READ-ONLY: [^\n]+\(\S+\)\nnext: \S/);
  ok(run('mount', '-o', 'remount,rw', place.lake));
  await place.catchUp();
  await assertEqualCopy(place);
});

test('spec: P1, P2 a second owner stops with a name, and nothing is doubled', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  const first = place.start('run', '.');
  await first.saw('u: existing rows copied');
  for (const words of [
    ['run', '.'],
    ['run', '.', '--once'],
    ['uninstall', '.', '--yes'],
  ]) {
    const second = await place.run(...words);
    equal(second.code, 3, second.out);
    match(second.err, /error PIPELINE-OWNED: .*pipeline app\. \(\S+firn\.yaml\)\nnext: Stop/);
  }
  place.exec(fill(10, 60));
  await place.documents('merge', '.');
  await first.saw('51 changes');
  first.child.kill('SIGKILL');
  await first.ended;
  // The lock went with its process, whatever it left behind.
  await place.catchUp();
  await assertEqualCopy(place);
  await assertOnce(place, 51);
});

test('spec: P4 a second pipeline over one database or one lake table is refused', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t']);
  await place.catchUp();
  const file = readFileSync(place.file, 'utf8');
  place.write('other.yaml', file.replace('name: app', 'name: other'));
  const ended = await place.run('run', 'other.yaml', '--once');
  equal(ended.code, 2, ended.out);
  match(ended.err, /error SOURCE-OTHER-PIPELINE: .*feeds the pipeline app[^\n]*\nnext: /);
  const check = await place.run('check', 'other.yaml');
  equal(check.code, 1);
  match(check.out, /\[SOURCE-OTHER-PIPELINE\]/);
  await assertEqualCopy(place);
});

/**
 * `npm pack` gives a package that installs into an empty folder and runs there on a plain Node 24.
 */
import { equal, match } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { systemNpmEnvironment } from '../../tools/system-npm.mjs';

const folder = mkdtempSync(join(tmpdir(), 'firn-pack-'));
const app = join(folder, 'app');
const system = systemNpmEnvironment(process.env);
const env = { ...system, PATH: `${dirname(process.execPath)}${delimiter}${system.PATH}` };

function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync('npm', ['--loglevel=error', ...args], {
    cwd,
    env: system,
    encoding: 'utf8',
  });
}

function firn(...args: readonly string[]): {
  readonly status: number | null;
  readonly out: string;
} {
  const run = spawnSync(join(app, 'node_modules', '.bin', 'firn'), args, {
    cwd: app,
    env,
    encoding: 'utf8',
  });
  return { status: run.status, out: `${run.stdout}${run.stderr}` };
}

before(() => {
  npm('.', 'pack', '--pack-destination', folder);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true}\n');
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  npm(app, 'install', '--omit=dev', '--prefer-offline', join(folder, archive));
});

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('the installed command answers', () => {
  const help = firn('--help');
  equal(help.status, 0, help.out);
  match(help.out, /usage: firn/i);
});

test('the installed command copies a database', () => {
  const source = new DatabaseSync(join(app, 'shop.db'));
  source.exec('PRAGMA journal_mode = WAL');
  source.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)');
  source.exec("INSERT INTO item VALUES (1, 'one'), (2, 'two')");
  source.close();
  const run = firn('run', 'shop.db', '--into', 'lake', '--once');
  equal(run.status, 0, run.out);
  const query = firn('query', 'lake', 'SELECT count(*) AS n FROM item', '--format', 'csv');
  equal(query.status, 0, query.out);
  match(query.out, /^"?n"?\r?\n2\r?$/m);
});

test('the package holds the program and no TypeScript, test or tool', () => {
  const inside = join(app, 'node_modules', 'firn');
  equal(existsSync(join(inside, 'dist', 'cli', 'main.js')), true);
  for (const name of ['src', 'test', 'tools']) equal(existsSync(join(inside, name)), false, name);
  equal(existsSync(join(inside, 'dist', 'kernel', 'integers.test.js')), false);
});

test('an older Node gets a sentence', () => {
  const launcher = join(app, 'node_modules', 'firn', 'bin', 'firn.js');
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.1.0' });`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  const run = spawnSync(process.execPath, ['--import', preload, launcher], { encoding: 'utf8' });
  equal(run.status, 2, run.stderr);
  match(run.stderr, /needs Node 24/);
});

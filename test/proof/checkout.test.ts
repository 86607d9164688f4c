/**
 * `./firn` in a fresh copy of the project: installs by itself, once, and leaves development alone.
 */
import { equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemNpmEnvironment } from '../../tools/system-npm.mjs';

const folder = mkdtempSync(join(tmpdir(), 'firn-checkout-'));
const copy = join(folder, 'a copy with spaces');
function firn(
  program: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  // What a user has: the system's Node and npm, nothing of this checkout.
  const env: NodeJS.ProcessEnv = systemNpmEnvironment(process.env);
  delete env['NODE_COMPILE_CACHE'];
  return spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
}

before(() => {
  for (const name of ['firn', 'package.json', 'package-lock.json', '.npmrc', 'src', 'tools']) {
    cpSync(name, join(copy, name), { recursive: true });
  }
});

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('the first run installs the program without development packages and says so', () => {
  const first = firn(join(copy, 'firn'), '--help');
  equal(first.status, 0, first.stderr);
  match(first.stdout, /usage: firn/i);
  match(first.stderr, /^firn: installing \d+ packages .*\nfirn: installed in \d+ s\n$/);
  equal(existsSync(join(copy, 'node_modules', 'oxlint')), false);
});

test('later runs say nothing, through a link and after npm touched the folder too', () => {
  const link = join(folder, 'link');
  symlinkSync(join(copy, 'firn'), link);
  equal(firn(link, '--help').stderr, '');
  const soon = new Date(Date.now() + 60_000);
  utimesSync(join(copy, 'node_modules', '.package-lock.json'), soon, soon);
  equal(firn(link, '--help').stderr, '');
  writeFileSync(join(copy, 'node_modules', '.firn-lock'), 'of another time');
  equal(firn(link, '--help').stderr, '');
});

test('a package that is gone from the record is installed again', () => {
  rmSync(join(copy, 'node_modules', '.package-lock.json'));
  rmSync(join(copy, 'node_modules', '.firn-lock'));
  const again = firn(join(copy, 'firn'), '--help');
  equal(again.status, 0, again.stderr);
  match(again.stderr, /installed in/);
});

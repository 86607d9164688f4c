/** Help texts are a contract: pinned as one page (`npm run reference` writes it). */
import { equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { helpPages } from '../../tools/help-pages.ts';
import { Workplace } from './firn-process.ts';

test('help says what it said: test/golden/help.txt', async () => {
  const pinned = readFileSync(new URL('../golden/help.txt', import.meta.url), 'utf8');
  equal(await helpPages(), pinned);
});

test('the program shows its help and version, and a bare call is wrong usage', async () => {
  using place = new Workplace();
  const shown = await place.run('--help');
  equal(shown.code, 0);
  match(shown.out, /^Usage: firn COMMAND/);
  match((await place.run('--version')).out, /^\d+\.\d+\.\d+\n$/);
  const bare = await place.run();
  equal(bare.code, 2);
  match(bare.err, /^Usage: firn COMMAND/);
});

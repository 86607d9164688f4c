/** Help texts are a contract: pinned as one page (`npm run reference` writes it). */
import { equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMMAND_GROUPS } from '../../src/cli/declarations.ts';
import { parseLine } from '../../src/cli/program.ts';
import { Workplace } from './firn-process.ts';

async function help(...words: readonly string[]): Promise<string> {
  let text = '';
  const output = {
    out: (part: string): void => {
      text += part;
    },
    error: (part: string): void => {
      text += part;
    },
  };
  await parseLine([...words, '--help'], output, '0');
  return text;
}

test('help says what it said: test/golden/help.txt', async () => {
  const names = COMMAND_GROUPS.flatMap(([, commands]) => commands)
    .filter(({ hidden }) => hidden !== true)
    .map(({ name }) => name);
  const pages = [await help()];
  for (const name of names) pages.push(`$ firn ${name} --help\n${await help(name)}`);
  equal(pages.join('\n'), readFileSync(new URL('../golden/help.txt', import.meta.url), 'utf8'));
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

/**
 * `npm run bench [name...] [-- --option value...]`: runs the benchmarks of `bench/` one after
 * another, each in a process of its own, which gets the options. A benchmark prints its figures
 * itself, as ratios of things measured side by side.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename } from 'node:path';

const words = process.argv.slice(2);
const optionsAt = words.findIndex((word) => word.startsWith('--'));
const wanted = optionsAt < 0 ? words : words.slice(0, optionsAt);
const options = optionsAt < 0 ? [] : words.slice(optionsAt);
const files = globSync('bench/*.ts', { exclude: ['bench/*.test.ts'] })
  .toSorted()
  .filter((file) => wanted.length === 0 || wanted.includes(basename(file, '.ts')));

for (const file of files) {
  process.stdout.write(`\n${basename(file, '.ts')}\n`);
  const run = spawnSync(process.execPath, ['--expose-gc', file, ...options], { stdio: 'inherit' });
  if (run.status !== 0) process.exitCode = 1;
}
if (files.length === 0) {
  process.stderr.write('no such benchmark\n');
  process.exitCode = 2;
}

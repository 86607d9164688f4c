/**
 * `npm run bench [name...]`: runs the benchmarks of `bench/` one after another, each in a process
 * of its own. A benchmark prints its figures itself, as ratios of things measured side by side.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename } from 'node:path';

const wanted = process.argv.slice(2);
const files = globSync('bench/*.ts', { exclude: ['bench/*.test.ts'] })
  .toSorted()
  .filter((file) => wanted.length === 0 || wanted.includes(basename(file, '.ts')));

for (const file of files) {
  process.stdout.write(`\n${basename(file, '.ts')}\n`);
  const run = spawnSync(process.execPath, ['--expose-gc', file], { stdio: 'inherit' });
  if (run.status !== 0) process.exitCode = 1;
}
if (files.length === 0) {
  process.stderr.write('no such benchmark\n');
  process.exitCode = 2;
}

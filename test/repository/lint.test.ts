/** The linter's own gates are seen to fail: a rule that is off by mistake would pass in silence. */
import { match, notEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = 'test/repository/.violations';

const BAD = `/** Every line breaks a rule. */
export default function bad(value: any): number {
  return value!.length;
}
async function answer(): Promise<number> {
  return 42;
}
export function forget(): void {
  answer();
  console.log('forgotten');
}
export function long(): void {
${'  answer().catch(() => 0);\n'.repeat(70)}}
`;

test('strict rules are on', () => {
  mkdirSync(FOLDER, { recursive: true });
  try {
    writeFileSync(`${FOLDER}/bad.ts`, BAD);
    const run = spawnSync('oxlint', ['--no-ignore', FOLDER], { encoding: 'utf8' });
    notEqual(run.status, 0);
    for (const rule of [
      'no-default-export',
      'no-explicit-any',
      'no-non-null-assertion',
      'no-floating-promises',
      'no-console',
      'max-lines-per-function',
    ]) {
      match(run.stdout, new RegExp(rule), rule);
    }
  } finally {
    rmSync(FOLDER, { recursive: true, force: true });
  }
});

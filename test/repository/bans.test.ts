/** Every ban is seen to fail, has its home, and ignores strings and comments. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { banViolations } from './bans.ts';
import { projectOf, report } from './project.ts';

/** Violations of one file that starts with `code`. */
function bansIn(path: string, code: string): string {
  return report(banViolations(projectOf({ [path]: code })));
}

const CLOCK = 'take a Clock';

test('time, randomness, the process and numbers outside their home', () => {
  const cases: readonly (readonly [code: string, message: string])[] = [
    ['const a = Date.now();', `Date.now: ${CLOCK}`],
    ['const a = new Date();', `new Date() without arguments: ${CLOCK}`],
    ['const a = performance.now();', `performance.now: ${CLOCK}`],
    ['setTimeout(a, 1);', 'a timer: clock.sleep'],
    ['const a = Math.random();', 'Math.random: take a Random'],
    ['const a = randomUUID();', 'randomness of node:crypto: take a Random'],
    ["const a = process.env['A'];", 'process.env: hand the value in'],
    ['process.exit(1);', 'the process: return or throw; only cli knows the process'],
    ['console.log(a);', 'console: a log that is handed in'],
    ['const a = Number(big);', 'Number() of a variable: toSafeNumber, or keep the bigint'],
    ['const a = JSON.parse(text);', 'JSON.parse: parseJson, which keeps 64-bit integers'],
    ["eval('1');", 'eval: a function'],
  ];
  for (const [code, message] of cases) {
    equal(bansIn('src/lake/a.ts', `\n${code}\n`), `src/lake/a.ts:2 uses ${message}`);
    equal(bansIn('src/lake/a.test.ts', `${code}\n`), '', 'tests are free');
    equal(bansIn('src/lake/a.ts', `const a = '${code.replaceAll("'", '')}';\n`), '', 'a string');
    equal(bansIn('src/lake/a.ts', `/* ${code} */\n`), '', 'a comment');
  }
});

test('the homes', () => {
  equal(bansIn('src/kernel/clock.ts', 'const a = Date.now();\n'), '');
  equal(bansIn('src/cli/a.ts', "console.log(process.env['A']);\n"), '');
  equal(bansIn('src/lake/a.ts', 'const a = new Date(0);\nconst b = Number(1);\n'), '');
});

test('code inside a template is code', () => {
  equal(
    bansIn('src/lake/a.ts', 'const a = `Date.now ${Date.now()} ${`x${1}`} Date.now`;\n'),
    `src/lake/a.ts:1 uses Date.now: ${CLOCK}`,
  );
});

test('a regular expression does not hide what follows it', () => {
  const code = 'const quote = /[\'"`]/;\nconst a = b / c; const d = e / Date.now();\n';
  equal(bansIn('src/lake/a.ts', code), `src/lake/a.ts:2 uses Date.now: ${CLOCK}`);
});

test('a pure folder that waits or reaches out', () => {
  equal(
    bansIn('src/merge/a.ts', 'async function a() {}\n'),
    'src/merge/a.ts:1 waits for something: this folder is synchronous and does no I/O',
  );
  equal(
    bansIn('src/sql/a.ts', "import { readFileSync } from 'node:fs';\n"),
    'src/sql/a.ts:1 imports node:fs: this folder is synchronous and does no I/O',
  );
});

test('comments that leave work, silence a check, or are code', () => {
  const path = 'tools/a.ts';
  equal(bansIn(path, '// TODO later\n'), `${path}:1 leaves work behind in a comment`);
  equal(bansIn(path, '// @ts-ignore\n'), `${path}:1 silences the compiler`);
  equal(
    bansIn(path, '// oxlint-disable-next-line no-console\n'),
    `${path}:1 silences the linter without a reason (-- reason)`,
  );
  equal(bansIn(path, '// oxlint-disable-next-line no-console -- prints\n'), '');
  equal(bansIn(path, '// const a = 1;\n'), `${path}:1 is commented-out code`);
});

test('an error ignored without a reason', () => {
  const path = 'tools/a.ts';
  equal(bansIn(path, 'try { a(); } catch {}\n'), `${path}:1 ignores an error without saying why`);
  equal(bansIn(path, 'try { a(); } catch {\n  // It may be gone.\n}\n'), '');
});

/** Missing headers, docstrings and uses are found. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { deadCodeViolations } from './dead-code.ts';
import { documentationViolations } from './documentation.ts';
import { projectOf, report } from './project.ts';

function documentationOf(text: string): string {
  return report(documentationViolations(projectOf({ 'src/lake/a.ts': text })));
}

test('a file without a header, an export without a docstring', () => {
  equal(documentationOf('const a = 1;\n'), 'src/lake/a.ts:1 does not say what it holds (a header)');
  equal(documentationOf('/** Holds a. */\n\n/** A. */\nexport const a = 1;\n'), '');
  equal(
    documentationOf('/** Holds a. */\n\nexport async function a() {}\n'),
    'src/lake/a.ts:3 exports a without a docstring of its own',
  );
  equal(
    documentationOf('/** Holds a. */\nexport interface A {}\n'),
    'src/lake/a.ts:2 exports A without a docstring of its own',
    'the header is not the docstring',
  );
});

function deadIn(texts: Readonly<Record<string, string>>): string {
  return report(deadCodeViolations(projectOf(texts)));
}

const MAIN = { 'src/cli/main.ts': "import { a } from '../lake/a.ts';\na();\n" };

test('an export that only a test uses', () => {
  const file = 'export function a() {}\nexport function b() {}\n';
  const tested = { 'src/lake/a.test.ts': "import { b } from './a.ts';\nb();\n" };
  equal(
    deadIn({ ...MAIN, ...tested, 'src/lake/a.ts': file }),
    'src/lake/a.ts:2 exports b, which no other file uses (tests do not count)',
  );
});

test('a type of a signature is alive, a lonely one is not', () => {
  const file = 'export interface B {}\nexport interface C {}\nexport function a(b: B) {}\n';
  equal(
    deadIn({ ...MAIN, 'src/lake/a.ts': file }),
    'src/lake/a.ts:2 exports C, which no other file uses (tests do not count)',
  );
});

test('a file nobody reaches, although another dead one imports it', () => {
  equal(
    deadIn({
      ...MAIN,
      'src/lake/a.ts': 'export function a() {}\n',
      'src/lake/b.ts': "import { c } from './c.ts';\n",
      'src/lake/c.ts': 'export const c = 1;\n',
    }),
    'src/lake/b.ts:1 is reached from no entry point\nsrc/lake/c.ts:1 is reached from no entry point',
  );
});

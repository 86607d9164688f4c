/** The budgets of size and naming are seen to fail. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { budgetViolations } from './budgets.ts';
import { projectOf, report } from './project.ts';

function budgetsOf(texts: Readonly<Record<string, string>>): string {
  return report(budgetViolations(projectOf(texts)));
}

test('a long file and a long line', () => {
  equal(budgetsOf({ 'src/kernel/a.ts': 'x;\n'.repeat(400) }), '');
  equal(
    budgetsOf({ 'src/kernel/a.ts': 'x;\n'.repeat(401) }),
    'src/kernel/a.ts:401 has 401 lines, more than 400: split it',
  );
  equal(budgetsOf({ 'src/kernel/a.ts': `${'x'.repeat(100)}\n` }), '');
  equal(
    budgetsOf({ 'test/a.test.ts': `\n${'x'.repeat(101)}\n` }),
    'test/a.test.ts:2 has 101 columns, more than 100',
  );
});

test('a line may be long by a text literal; other code and comments may not', () => {
  const sentence = 'word '.repeat(30);
  equal(budgetsOf({ 'src/kernel/a.ts': `  remedy: '${sentence}',\n  '${sentence}',\n` }), '');
  equal(budgetsOf({ 'src/kernel/a.ts': `call('${sentence}');\n` }), '');
  equal(
    budgetsOf({ 'src/kernel/a.ts': `// ${sentence}\n` }),
    'src/kernel/a.ts:1 has 153 columns, more than 100',
  );
});

test('a folder with too many files; tests are not counted', () => {
  const numbered = (count: number, suffix: string): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`src/lake/a${index}${suffix}`, '']),
    );
  equal(budgetsOf({ ...numbered(20, '.ts'), ...numbered(20, '.test.ts') }), '');
  equal(
    budgetsOf(numbered(21, '.ts')),
    'src/lake:1 holds 21 files, more than 20: make a folder of them',
  );
});

test('names that say nothing, other spellings, deep folders', () => {
  equal(
    budgetsOf({ 'src/kernel/utils.ts': '' }),
    'src/kernel/utils.ts:1 utils.ts says nothing: name the thing',
  );
  equal(budgetsOf({ 'src/sources/sqlite/types.ts': '' }), '');
  equal(
    budgetsOf({ 'src/kernel/errorSpec.ts': '' }),
    'src/kernel/errorSpec.ts:1 errorSpec.ts is not kebab-case',
  );
  equal(
    budgetsOf({ 'src/sources/sqlite/deep/er/a.ts': '' }),
    'src/sources/sqlite/deep/er/a.ts:1 lies 4 folders deep, more than 3',
  );
});

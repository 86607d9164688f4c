/** The layer and cycle rules find what they must find, and say it in words one can act on. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { cycleViolations, layerViolations } from './layers.ts';
import { projectOf, report } from './project.ts';

function layersOf(texts: Readonly<Record<string, string>>): string {
  return report(layerViolations(projectOf(texts)));
}

test('an import that points up', () => {
  const upward = "import { a } from '../model/a.ts';\n";
  equal(
    layersOf({ 'src/kernel/x.ts': `\n${upward}` }),
    'src/kernel/x.ts:2 imports src/model/a.ts: kernel may not import model',
  );
  equal(layersOf({ 'src/merge/x.ts': upward, 'src/model/y.ts': "import './a.ts';\n" }), '');
});

test('an adapter that imports another, also as a type and also dynamically', () => {
  const told = 'imports src/storage/a.ts: engines/embedded may not import storage';
  const typed = "import type { A } from '../../storage/a.ts';\n";
  equal(layersOf({ 'src/engines/embedded/x.ts': typed }), `src/engines/embedded/x.ts:1 ${told}`);
  const dynamic = "const a = await import('../../storage/a.ts');\n";
  equal(layersOf({ 'src/engines/embedded/x.ts': dynamic }), `src/engines/embedded/x.ts:1 ${told}`);
});

test('a driver outside its home, and a package without one', () => {
  equal(
    layersOf({ 'src/lake/x.ts': "import { DuckDBInstance } from '@duckdb/node-api';\n" }),
    'src/lake/x.ts:1 imports @duckdb/node-api, whose home is engines/embedded',
  );
  equal(
    layersOf({ 'src/cli/x.ts': "import pad from 'left-pad/deep';\n" }),
    'src/cli/x.ts:1 imports left-pad, which has no home in HOMES',
  );
  equal(
    layersOf({ 'src/model/x.ts': "import { readFileSync } from 'node:fs';\n" }),
    'src/model/x.ts:1 imports node:fs, whose home is sources/sqlite, storage, engines/embedded, ' +
      'pipeline, devcluster, cli, config',
  );
});

test('a barrel, a folder outside the table, a test as a dependency', () => {
  equal(
    layersOf({ 'src/kernel/x.ts': "export * from './y.ts';\n" }),
    'src/kernel/x.ts:1 re-exports ./y.ts: import it where it is used (no barrels)',
  );
  equal(
    layersOf({ 'src/things/x.ts': '' }),
    'src/things/x.ts:1 is in no folder of ALLOWED_IMPORTS',
  );
  equal(
    layersOf({ 'src/kernel/x.ts': "import { a } from './a.test.ts';\n" }),
    'src/kernel/x.ts:1 imports the test src/kernel/a.test.ts',
  );
});

test('an import over several lines counts; one inside a string or a comment does not', () => {
  equal(
    layersOf({ 'src/kernel/x.ts': "import {\n  a,\n  b,\n} from '../model/a.ts';\n" }),
    'src/kernel/x.ts:1 imports src/model/a.ts: kernel may not import model',
  );
  const quoted = "const text = `import { a } from '../model/a.ts'`;\n// import '../cli/a.ts';\n";
  equal(layersOf({ 'src/kernel/x.ts': quoted }), '');
});

test('a cycle of files is told once, with its whole path', () => {
  const project = projectOf({
    'src/kernel/a.ts': "import { b } from './b.ts';\n",
    'src/kernel/b.ts': "import type { c } from './c.ts';\n",
    'src/kernel/c.ts': "import { a } from './a.ts';\n",
    'src/kernel/d.ts': "import { a } from './a.ts';\n",
  });
  equal(
    report(cycleViolations(project)),
    'src/kernel/a.ts:1 is in an import cycle: ' +
      'src/kernel/a.ts -> src/kernel/b.ts -> src/kernel/c.ts -> src/kernel/a.ts',
  );
});

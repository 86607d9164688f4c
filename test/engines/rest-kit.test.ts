/**
 * The Java REST Compatibility Kit against Firn's REST catalog: all of its tests of tables and
 * namespaces pass, but for those that the kit itself leaves out, each of which is named here.
 *
 * The kit asks for tables in `file:/tmp`, and the server refuses places outside the warehouse: so
 * the warehouse of this lake is `/tmp`, and its catalog lies elsewhere.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureRestKit } from '../../tools/rest-kit.ts';
import { ServedLakePlace } from '../support/served-lake.ts';

const WAREHOUSE = '/tmp';
const CLASS = 'org.apache.iceberg.rest.RESTCompatibilityKitCatalogTests';
const TESTS_MIN = 106;

/** Folders in which the kit's tables lie, by the names of its namespaces. */
const KIT_FOLDERS = ['newdb', 'ns', 'ns1', 'ns2', 'ns_1', 'ns_2', 'other_ns'];

/** Tests that the kit does not run, with the reason. */
const SKIPPED: Readonly<Record<string, string>> = {
  createAndDropEmptyNamespace: 'the kit: only for catalogs with a namespace without a name',
  namespacePropertiesOnEmptyNamespace: 'the kit: only for catalogs with a namespace without a name',
  listTablesInEmptyNamespace: 'the kit: only for catalogs with a namespace without a name',
  listNamespacesWithEmptyNamespace: 'the kit: only for catalogs with a namespace without a name',
  createTableInUniqueLocation: 'the kit: needs a server that it starts itself',
  testListNestedNamespaces: 'the kit has it off for REST; our own tests nest namespaces',
  testDropNamespaceWithNestedNamespace: 'the kit has it off for REST; our own tests cover it',
  testNamespaceWithDot: 'rck.supports-names-with-dot: a dot joins levels in the SQL catalog',
  testTableNameWithDot: 'rck.supports-names-with-dot, one switch for namespaces and tables',
  testNamespaceWithSlash: 'the kit has it off for REST',
  testTableNameWithSlash: 'the kit has it off for REST; our own tests have such names',
};

const kit = ensureRestKit();
const skip = kit.kind === 'absent' ? kit.reason : false;

/** One test of the report. */
interface KitTest {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly text: string;
}

function readReport(folder: string): readonly KitTest[] {
  const xml = readFileSync(join(folder, 'TEST-junit-jupiter.xml'), 'utf8');
  const cases = xml.matchAll(/<testcase name="([^"(]+)[^>]*>(.*?)<\/testcase>/gs);
  return [...cases].map(([, name = '', body = '']) => {
    const failed = /<(?:failure|error)[ >]/.test(body);
    const outcome = failed ? 'failed' : /<skipped[ />]/.test(body) ? 'skipped' : 'passed';
    return { name, outcome, text: body.slice(0, 1000) };
  });
}

async function runKit(url: string, folder: string): Promise<void> {
  if (kit.kind === 'absent') throw new Error(kit.reason);
  const child = spawn(
    'java',
    [
      '-Xmx768m',
      `-Duri=${url}`,
      '-Drck.local=false',
      '-Drck.requires-namespace-create=true',
      '-Drck.supports-serverside-retry=true',
      '-Drck.purge-test-namespaces=true',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      kit.classPath,
      'org.junit.platform.console.ConsoleLauncher',
      'execute',
      `--select-class=${CLASS}`,
      '--config',
      'rck.local=false',
      `--reports-dir=${folder}`,
      '--details=none',
      '--disable-banner',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await once(child, 'exit');
}

test('the REST Compatibility Kit passes on tables and namespaces', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-rest-kit-'));
  const before = new Set(readdirSync(WAREHOUSE));
  const place = await ServedLakePlace.open({ folder, warehouse: WAREHOUSE });
  try {
    await runKit(`${place.url}/`, folder);
    const tests = readReport(folder);
    ok(tests.length >= TESTS_MIN, `${tests.length} tests ran`);
    const names = (outcome: KitTest['outcome']): readonly string[] =>
      tests.filter((item) => item.outcome === outcome).map(({ name }) => name);
    const failed = tests.filter(({ outcome }) => outcome === 'failed');
    equal(failed.map(({ name, text }) => `${name}\n${text}`).join('\n'), '');
    deepEqual(new Set(names('skipped')), new Set(Object.keys(SKIPPED)));
    deepEqual(
      place.served.filter(({ status }) => status >= 500),
      [],
    );
    process.stdout.write(
      `REST Compatibility Kit: ${names('passed').length} passed, ${names('skipped').length} ` +
        `skipped, 0 failed; ${place.served.length} requests\n`,
    );
    for (const name of names('skipped')) process.stdout.write(`  ${name}: ${SKIPPED[name]}\n`);
  } finally {
    await place.close();
    rmSync(folder, { recursive: true, force: true });
    for (const name of KIT_FOLDERS) {
      if (!before.has(name)) rmSync(join(WAREHOUSE, name), { recursive: true, force: true });
    }
  }
});

/** Folders of clusters: made, known again, and nobody else's. */
import { deepEqual, equal, match, notEqual, throws } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parsePipelineFile } from '../config/parse-pipeline-file.ts';
import { seededRandom, systemRandom } from '../kernel/random.ts';
import {
  isSameCluster,
  portOf,
  readSettings,
  settingsFor,
  writeSettings,
} from './cluster-settings.ts';
import { mavenProject } from './maven-project.ts';
import { pipelineSections } from './pipeline-sections.ts';
import { startProblem } from './start-failure.ts';
import { FLINK_JARS, KAFKA_JARS, SPARK_JARS } from './version-table.ts';

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'firn-settings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('settings stay as they were where nothing else is said', (t) => {
  const folder = join(newFolder(t), 'mine');
  equal(readSettings(folder), null);
  const first = settingsFor(folder, { heapMib: { spark: 3072 } }, systemRandom);
  match(first.clusterId, /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
  writeSettings(first, { note: 'for people' });
  deepEqual(readSettings(folder), first);
  writeSettings({ ...first, cacheFolder: '/fetched' }, {});
  equal(settingsFor(folder, {}, systemRandom).cacheFolder, '/fetched');
  writeSettings(first, {});
  const next = settingsFor(folder, { portBase: 21_000 }, systemRandom);
  deepEqual(next, { ...first, portBase: 21_000 });
  equal(isSameCluster(first, next), false);
  equal(isSameCluster(first, settingsFor(folder, {}, systemRandom)), true);
  equal(portOf(next, 'catalog'), 21_008);
  const other = settingsFor(join(folder, '..', 'other'), {}, seededRandom(7));
  notEqual(other.clusterId, first.clusterId);
});

test('a folder with something else in it, or that programs cannot name, is refused', (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'letter.txt'), 'mine');
  const refused = { code: 'DEVCLUSTER-FOLDER' };
  throws(() => settingsFor(folder, {}, systemRandom), refused);
  for (const name of ['with space', 'a:b', 'ü', 'a,b', '${x}']) {
    throws(() => settingsFor(join(folder, name), {}, systemRandom), refused, name);
  }
  const made = join(folder, 'made');
  mkdirSync(made);
  writeSettings(settingsFor(made, {}, systemRandom), {});
  throws(() => settingsFor(made, { s3: true }, systemRandom), refused);
  const file = join(made, 'cluster.json');
  for (const damaged of ['', '{}', readFileSync(file, 'utf8').replace('portBase', 'x')]) {
    writeFileSync(file, damaged);
    throws(() => readSettings(made), refused, damaged);
  }
});

test('the sections for a pipeline file are taken as they are', (t) => {
  const folder = join(newFolder(t), 'mine');
  for (const s3 of [false, true]) {
    const settings = settingsFor(folder, { s3 }, systemRandom);
    const head = 'name: x\nsource: {type: mysql, host: h, user: u}\ntables: ["shop.*"]\n';
    const config = parsePipelineFile(`${head}${pipelineSections(settings)}`, '/tmp/firn.yaml');
    equal(config.engine, 'cluster');
    equal(config.cluster?.kafka.bootstrapServers, `127.0.0.1:${portOf(settings, 'kafka')}`);
    equal(config.cluster?.spark.tls, 'off');
    equal(config.lake.s3 === null, !s3);
    const { catalog } = config.lake;
    equal(catalog.type === 'sqlite' && catalog.path.startsWith(`${folder}/`), true);
  }
});

test('each package of Maven has an exact version; equal sets give equal projects', () => {
  for (const set of [KAFKA_JARS, FLINK_JARS, SPARK_JARS]) {
    const text = mavenProject(set);
    equal(mavenProject({ ...set }), text);
    for (const { name, version } of [...set.jars, ...set.connectors]) {
      match(version, /^\d[\w.-]*$/);
      const [group, artifact] = name.split(':');
      const wanted = `<groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}<`;
      equal(text.includes(wanted), true, name);
    }
  }
});

test('the last lines of a log tell the class of the problem', (t) => {
  const log = join(newFolder(t), 'x.log');
  equal(startProblem(log), null);
  const lines: readonly (readonly [line: string, problem: RegExp | null])[] = [
    ['java.net.BindException: Address already in use', /ports is taken/],
    ['java.lang.OutOfMemoryError: Java heap space', /not enough memory/],
    ['Error: Could not find or load main class kafka.Kafka', /class is missing/],
    ['INFO all is well', null],
  ];
  for (const [line, problem] of lines) {
    writeFileSync(log, `${'x'.repeat(30_000)}\n${line}\n`);
    if (problem === null) equal(startProblem(log), null);
    else match(startProblem(log) ?? '', problem);
  }
});

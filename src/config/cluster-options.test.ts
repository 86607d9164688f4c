/**
 * Pipeline files for the cluster engine: what they need, what is refused, and that none holds a
 * secret.
 */
import { deepEqual, doesNotMatch, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import { parsePipelineFile } from './parse-pipeline-file.ts';

const FILE = '/data/firn.yaml';
const GOOD = [
  'name: shop',
  'source: {type: sqlite, path: ./app.db}',
  'tables: [orders]',
  'lake: {warehouse: lake}',
];

/** The problems of a file, one line each, `line:column  path: message`. */
function problemsOf(text: string): readonly string[] {
  try {
    parsePipelineFile(text, FILE);
    return [];
  } catch (error) {
    ok(isFirnError(error, 'CONFIG-INVALID'));
    return error.what
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace('firn.yaml:', ''));
  }
}

const CLUSTER =
  'cluster: {kafka: {bootstrapServers: "a:9092,[::1]:9093"}, connect: {url: "http://c:8083"},' +
  ' flink: {gateway: "https://g/flink", jobManager: "http://j:8081"}, spark: {address: "s:15002"}}';
const MYSQL = 'source: {type: mysql, host: db, user: u}';

/** A file for the cluster engine, with lines put after it. */
function clusterFile(...lines: readonly string[]): string {
  const kept = GOOD.map((line) => (line.startsWith('source:') ? MYSQL : line));
  const tables = kept.map((line) => (line.startsWith('tables:') ? 'tables: [shop.*]' : line));
  return [...tables, 'engine: cluster', ...lines].join('\n');
}

test('the cluster engine needs its services, and refuses what it cannot do', () => {
  const { engine, cluster, base } = parsePipelineFile(clusterFile(CLUSTER), FILE);
  equal(engine, 'cluster');
  equal(base.mergeIntervalMs, 900_000);
  equal(cluster?.kafka.retentionMs, 604_800_000);
  deepEqual(cluster?.connect, {
    url: 'http://c:8083',
    connector: 'mysql',
    passwordReference: null,
  });
  const embedded = parsePipelineFile([...GOOD, CLUSTER].join('\n'), FILE);
  equal(embedded.engine, 'embedded');
  deepEqual(problemsOf(clusterFile()), ['5:9  cluster: is required with engine: cluster']);
  const alone = CLUSTER.replace(' connect: {url: "http://c:8083"},', '');
  deepEqual(problemsOf(clusterFile(alone)), [
    '6:10  cluster.connect: is required for a source of type mysql with engine: cluster',
  ]);
  const sqlite = parsePipelineFile([...GOOD, 'engine: cluster', alone].join('\n'), FILE);
  equal(sqlite.cluster?.connect, null);
  const bySpark = alone.replace(/\}$/, ', bootstrap: spark}');
  deepEqual(problemsOf([...GOOD, 'engine: cluster', bySpark].join('\n')), [
    '6:165  cluster.bootstrap: must be firn for a source of type sqlite with engine: cluster',
  ]);
  const ledger = clusterFile(CLUSTER, 'ledger: {raw: true, beforeImages: full}');
  deepEqual(problemsOf(ledger), [
    '7:15  ledger.raw: must be false with engine: cluster',
    '7:35  ledger.beforeImages: must be key in this version with engine: cluster',
  ]);
});

test('spec: E4 — no address of the cluster holds a user or a secret', () => {
  for (const [from, to] of [
    ['http://c:8083', 'http://u:canary@c:8083'],
    ['http://c:8083', 'http://c:8083?token=canary'],
    ['s:15002', 'sc://s:15002/;token=canary'],
    ['a:9092,', 'u:canary@a:9092,'],
  ] as const) {
    const problems = problemsOf(clusterFile(CLUSTER.replace(from, to)));
    equal(problems.length, 1, to);
    doesNotMatch(problems.join(''), /canary/);
  }
  const literal = CLUSTER.replace('"http://c:8083"', '"http://c:8083", passwordReference: canary');
  const problems = problemsOf(clusterFile(literal));
  equal(problems.length, 1);
  doesNotMatch(problems.join(''), /canary/);
});

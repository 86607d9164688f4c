/**
 * The layers of the program, as a table. Imports point down or stay in the folder; adapters
 * (`sources/*`, `storage`, `engines/*`) never import one another; a driver has one home.
 */
import type { Import } from './module-links.ts';
import { importsOf } from './module-links.ts';
import type { Project, Violation } from './project.ts';

const PURE = ['kernel', 'model', 'schema', 'merge', 'sql', 'iceberg'] as const;
const MYSQL = ['mysql', 'binlog'] as const;
const STAGE = [...PURE, 'config', 'ports', 'lake'] as const;

/** What each folder of `src/` may import besides itself. No other folder may exist. */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  // L0: no word of the domain
  kernel: [],
  // L1: data and codecs
  model: ['kernel'],
  // L2: pure cores, and the contracts as types
  iceberg: ['kernel'],
  schema: ['kernel', 'model', 'iceberg'],
  merge: ['kernel', 'model', 'schema', 'iceberg'],
  sql: ['kernel', 'model', 'schema', 'merge', 'iceberg'],
  // MySQL's types, values and statements; the events of its log: bytes in, columns out
  mysql: ['kernel', 'model'],
  binlog: ['kernel', 'model', 'mysql'],
  config: ['kernel', 'model', 'schema'],
  ports: ['kernel', 'model', 'schema', 'merge', 'iceberg', 'config'],
  // L3: Iceberg tables over the ports
  lake: ['kernel', 'model', 'schema', 'iceberg', 'ports'],
  // L3: adapters
  'sources/sqlite': [...PURE, 'config', 'ports'],
  'sources/mysql': [...PURE, ...MYSQL, 'config', 'ports'],
  'sources/debezium': [...PURE, 'mysql', 'config', 'ports', 'kafka'],
  storage: [...PURE, 'config', 'ports'],
  'engines/embedded': [...PURE, 'config', 'ports'],
  // L3: the client of Kafka; no word of tables
  kafka: ['kernel'],
  // L3: clients of Connect, Flink and Spark; no word of tables
  'engines/cluster': ['kernel'],
  // L3: stages, each over the ones before it
  ledger: STAGE,
  base: [...STAGE, 'ledger'],
  bootstrap: [...STAGE, 'ledger', 'base'],
  maintenance: [...STAGE, 'ledger', 'base'],
  // L3: what a cluster is told, as text and data
  cluster: [...STAGE, 'mysql', 'ledger', 'base'],
  // L4: the lake's catalog for other engines, over the ports
  'catalog-server': ['kernel', 'iceberg', 'ports', 'lake'],
  // L4: servers for development and tests on this machine; no word of tables
  devcluster: ['kernel', 'engines/cluster'],
  // L4: monitor shows, pipeline wires everything
  monitor: ['kernel', 'model', 'config', 'ports'],
  pipeline: [
    ...STAGE,
    'sources/sqlite',
    'sources/mysql',
    'sources/debezium',
    'storage',
    'engines/embedded',
    'engines/cluster',
    'kafka',
    'ledger',
    'base',
    'bootstrap',
    'maintenance',
    'cluster',
    'monitor',
  ],
  // L5: knows the process
  cli: [...STAGE, 'cluster', 'monitor', 'pipeline', 'catalog-server', 'devcluster'],
};

const FILES = [
  'sources/sqlite',
  'storage',
  'engines/embedded',
  'pipeline',
  'devcluster',
  'cli',
  'config',
];

/** The folders that may import a package or a Node module; a module not named here has no home. */
export const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@duckdb/node-api': ['engines/embedded'],
  '@duckdb/node-bindings': ['engines/embedded'],
  '@platformatic/kafka': ['kafka'],
  commander: ['cli'],
  // The demo's shop is an application of its own.
  mysql2: ['sources/mysql', 'cli'],
  pino: ['cli'],
  'prom-client': ['monitor'],
  yaml: ['config'],
  'node:buffer': [
    'kernel',
    'model',
    'iceberg',
    'storage',
    'engines/embedded',
    'engines/cluster',
    'sources/sqlite',
    'mysql',
    'binlog',
    'sources/mysql',
    'sources/debezium',
  ],
  'node:child_process': ['devcluster', 'cli'],
  'node:crypto': [
    'kernel',
    'model',
    'iceberg',
    'storage',
    'catalog-server',
    'pipeline',
    'devcluster',
    'sources/sqlite',
    'sources/mysql',
  ],
  'node:events': ['catalog-server', 'pipeline', 'cli', 'sources/mysql'],
  'node:fs': FILES,
  'node:fs/promises': FILES,
  'node:http': ['catalog-server', 'monitor', 'cli', 'storage', 'engines/cluster'],
  'node:http2': ['engines/cluster'],
  'node:https': ['storage', 'engines/cluster'],
  'node:net': ['pipeline', 'devcluster', 'cli', 'sources/mysql'],
  'node:os': ['pipeline', 'cli'],
  'node:path': FILES,
  'node:process': ['devcluster', 'cli'],
  'node:readline': ['cli', 'pipeline'],
  'node:sqlite': ['sources/sqlite', 'storage', 'pipeline', 'cli'],
  'node:timers/promises': ['kernel'],
  'node:url': ['cli', 'config', 'storage', 'pipeline'],
  'node:util': ['cli'],
  'node:v8': ['cli'],
  'node:worker_threads': ['pipeline', 'engines/embedded'],
  'node:zlib': ['iceberg', 'storage', 'binlog', 'mysql'],
};

/** The row of the table a path of `src/` belongs to, or `null`. */
export function folderOf(path: string): string | null {
  const inside = /^src\/(.+)\/[^/]+$/.exec(path)?.[1];
  if (inside === undefined) return null;
  const folders = Object.keys(ALLOWED_IMPORTS);
  return folders.find((folder) => inside === folder || inside.startsWith(`${folder}/`)) ?? null;
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function problem(folder: string, link: Import): string | null {
  if (link.reExport) return `re-exports ${link.specifier}: import it where it is used (no barrels)`;
  if (link.target === null) {
    const name = packageOf(link.specifier);
    const homes = HOMES[name];
    if (homes === undefined) return `imports ${name}, which has no home in HOMES`;
    return homes.includes(folder) ? null : `imports ${name}, whose home is ${homes.join(', ')}`;
  }
  const target = folderOf(link.target);
  if (target === null) return `imports ${link.target}, which is outside the layers`;
  if (link.target.endsWith('.test.ts')) return `imports the test ${link.target}`;
  if (target === folder || ALLOWED_IMPORTS[folder]?.includes(target) === true) return null;
  return `imports ${link.target}: ${folder} may not import ${target}`;
}

/** Imports that the tables do not allow. Tests may import anything. */
export function layerViolations(project: Project): readonly Violation[] {
  const found: Violation[] = [];
  for (const file of project.files) {
    if (!file.path.startsWith('src/') || file.isTest) continue;
    const folder = folderOf(file.path);
    if (folder === null) {
      found.push({ path: file.path, line: 1, message: 'is in no folder of ALLOWED_IMPORTS' });
      continue;
    }
    for (const link of importsOf(file)) {
      const message = problem(folder, link);
      if (message !== null) found.push({ path: file.path, line: link.line, message });
    }
  }
  return found;
}

/** Import cycles between files; each is reported once, with its whole path. */
export function cycleViolations(project: Project): readonly Violation[] {
  const links = new Map(
    project.files.map((file) => [file.path, importsOf(file).flatMap(({ target }) => target ?? [])]),
  );
  const found: Violation[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const back = trail.indexOf(path);
    if (back >= 0) {
      const cycle = [...trail.slice(back), path].join(' -> ');
      found.push({ path, line: 1, message: `is in an import cycle: ${cycle}` });
      return;
    }
    if (done.has(path)) return;
    for (const target of links.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of links.keys()) visit(path, []);
  return found;
}

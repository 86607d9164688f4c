/**
 * The pipeline file, from text to what runs. A file with a problem is refused as a whole, with all
 * its problems at once (docs/spec/pipeline.md P12).
 */
import { basename, dirname, join } from 'node:path';
import { FirnError } from '../kernel/firn-error.ts';
import { formatProblem } from './config-problem.ts';
import type { ConfigProblem } from './config-problem.ts';
import type { Resolved } from './option.ts';
import type { CatalogConfig, LakeConfig, PipelineConfig, TableRule } from './pipeline-config.ts';
import { PIPELINE_OPTIONS } from './pipeline-options.ts';
import { resolveSection } from './resolve/resolve-value.ts';
import { fail } from './resolve/resolving.ts';
import type { Resolving } from './resolve/resolving.ts';
import { readYamlTree } from './yaml-tree.ts';
import type { YamlNode } from './yaml-tree.ts';

/** Time between merges where the file says none: a merge of the cluster costs seconds of Spark. */
const MERGE_INTERVAL_MS = { embedded: 60_000, cluster: 900_000 } as const;

/** Problems written out at most; the rest is counted. */
const PROBLEMS_SHOWN_MAX = 50;

/**
 * Reads a pipeline file.
 *
 * @param text the whole file
 * @param fileName its absolute path: relative paths in it start at its folder
 * @throws {FirnError} CONFIG-INVALID with every problem, its line and column
 */
export function parsePipelineFile(text: string, fileName: string): PipelineConfig {
  const { tree, problems } = readYamlTree(text);
  const context: Resolving = { path: '', folder: dirname(fileName), problems: [...problems] };
  const config = tree === null ? undefined : resolvePipeline(context, tree, fileName);
  if (context.problems.length > 0 || config === undefined) {
    throw invalidFile(context.problems, fileName);
  }
  return config;
}

function invalidFile(problems: readonly ConfigProblem[], fileName: string): FirnError {
  const ordered = problems.toSorted(
    (left, right) => left.line - right.line || left.column - right.column,
  );
  const lines = ordered
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map((problem) => `\n  ${formatProblem(problem, basename(fileName))}`);
  const more = problems.length - lines.length;
  const rest = more > 0 ? `\n  and ${more} more` : '';
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new FirnError('CONFIG-INVALID', {
    what: `${count} in the pipeline file:${lines.join('')}${rest}`,
    where: fileName,
  });
}

function resolvePipeline(
  context: Resolving,
  tree: YamlNode,
  fileName: string,
): PipelineConfig | undefined {
  const section = resolveSection(context, PIPELINE_OPTIONS, tree);
  const tablesNode = childOf(tree, 'tables');
  if (section === undefined || context.problems.length > 0) return undefined;
  // No problem was found, so the section has the type that its declaration gives it.
  const declared = section as Resolved<typeof PIPELINE_OPTIONS>;
  const tables = declared.tables.map(({ table, ...rest }): TableRule => ({
    ...rest,
    pattern: table,
  }));
  checkTables({ ...context, path: 'tables' }, tables, tablesNode);
  if (declared.source.type !== 'sqlite') {
    checkQualified(context, tables, tablesNode);
    checkServer(context, declared.source, childOf(tree, 'source'));
  }
  if (declared.source.type === 'debezium') checkDebezium(context, declared, tree);
  if (declared.engine === 'cluster') checkCluster(context, declared, tree);
  const lake = completeLake(context, declared, childOf(tree, 'lake'));
  const mergeIntervalMs = declared.base.mergeIntervalMs ?? MERGE_INTERVAL_MS[declared.engine];
  return { ...declared, fileName, tables, lake, base: { ...declared.base, mergeIntervalMs } };
}

/** What a server's certificates need. */
function checkServer(
  context: Resolving,
  source: Exclude<Resolved<typeof PIPELINE_OPTIONS>['source'], { readonly type: 'sqlite' }>,
  node: YamlNode,
): void {
  const { tls, tlsCa } = source.type === 'mysql' ? source : source.database;
  if (tls !== 'verify-ca' || tlsCa !== null) return;
  const path = source.type === 'mysql' ? 'source.tlsCa' : 'source.database.tlsCa';
  fail({ ...context, path }, node.at, 'is required with tls: verify-ca');
}

/** What topics do not have, and what a login needs. */
function checkDebezium(
  context: Resolving,
  { source, ledger }: Resolved<typeof PIPELINE_OPTIONS>,
  tree: YamlNode,
): void {
  const refuse = (path: string, node: YamlNode, message: string): void => {
    fail({ ...context, path }, node.at, message);
  };
  const node = childOf(tree, 'source');
  if (source.type === 'debezium' && source.kafka.user !== null && source.kafka.password === null) {
    refuse('source.kafka.password', childOf(node, 'kafka'), 'is required with a user');
  }
  const ledgerNode = childOf(tree, 'ledger');
  if (ledger.raw) {
    const what = 'must be false with a source of type debezium';
    refuse('ledger.raw', childOf(ledgerNode, 'raw'), what);
  }
  if (ledger.beforeImages === 'full') {
    const what = 'must be key with a source of type debezium';
    refuse('ledger.beforeImages', childOf(ledgerNode, 'beforeImages'), what);
  }
}

/** What the cluster engine needs, and what it cannot do in this version. */
function checkCluster(
  context: Resolving,
  { cluster, source, ledger }: Resolved<typeof PIPELINE_OPTIONS>,
  tree: YamlNode,
): void {
  const refuse = (path: string, node: YamlNode, message: string): void => {
    fail({ ...context, path }, node.at, `${message} with engine: cluster`);
  };
  if (cluster === null) refuse('cluster', childOf(tree, 'engine'), 'is required');
  if (source.type === 'debezium') {
    refuse('source.type', childOf(tree, 'source'), 'must be mysql or sqlite');
  }
  if (source.type === 'sqlite' && cluster?.bootstrap === 'spark') {
    const at = childOf(childOf(tree, 'cluster'), 'bootstrap');
    refuse('cluster.bootstrap', at, 'must be firn for a source of type sqlite');
  }
  if (source.type === 'mysql' && cluster?.connect === null) {
    const what = 'is required for a source of type mysql';
    refuse('cluster.connect', childOf(tree, 'cluster'), what);
  }
  const ledgerNode = childOf(tree, 'ledger');
  if (ledger.raw) {
    refuse('ledger.raw', childOf(ledgerNode, 'raw'), 'must be false');
  }
  if (ledger.beforeImages === 'full') {
    const node = childOf(ledgerNode, 'beforeImages');
    refuse('ledger.beforeImages', node, 'must be key in this version');
  }
}

/** Fills in what follows from other options. */
function completeLake(
  context: Resolving,
  { name, lake }: Resolved<typeof PIPELINE_OPTIONS>,
  node: YamlNode,
): LakeConfig {
  const { warehouse, s3 } = lake;
  const catalog = completeCatalog(context, lake, node);
  if (warehouse.startsWith('s3:')) {
    const beside = catalog.type === 'sqlite' ? dirname(catalog.path) : context.folder;
    const stage = s3.stage ?? join(beside, '.firn-stage');
    return { ...lake, catalog, s3: { ...s3, stage: join(stage, name) } };
  }
  const given = childOf(node, 's3');
  if (given !== node) {
    fail({ ...context, path: 'lake.s3' }, given.at, 'is only for a warehouse on s3://');
  }
  return { ...lake, catalog, s3: null };
}

function completeCatalog(
  context: Resolving,
  { catalog, warehouse }: Resolved<typeof PIPELINE_OPTIONS>['lake'],
  node: YamlNode,
): CatalogConfig {
  const place = { ...context, path: 'lake.catalog' };
  if (catalog.type === 'rest') {
    const { at } = childOf(node, 'catalog');
    const uris = [catalog.uri, catalog.auth.type === 'oauth2' ? catalog.auth.tokenUri : null];
    if (!catalog.allowPlainHttp && uris.some((uri) => uri !== null && isPlainElsewhere(uri))) {
      fail(place, at, 'must be asked over https://, or allowPlainHttp must be true');
    }
    if (catalog.storageKeys === 'vended' && !warehouse.startsWith('s3:')) {
      fail(place, at, 'gives out keys (storageKeys: vended) only for a warehouse on s3://');
    }
    return catalog;
  }
  if (!warehouse.startsWith('s3:')) {
    return { ...catalog, path: catalog.path ?? join(warehouse, 'catalog.db') };
  }
  if (catalog.path === null) {
    const path = 'lake.catalog.path';
    fail({ ...context, path }, node.at, 'is required where the warehouse is on S3');
  }
  return { ...catalog, path: catalog.path ?? '' };
}

/** Whether an address is one where others could read what is sent. */
function isPlainElsewhere(uri: string): boolean {
  const host = /^http:\/\/(\[[^\]]*\]|[^:/]*)/i.exec(uri)?.[1] ?? null;
  return host !== null && !/^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/i.test(host);
}

function childOf(node: YamlNode, key: string): YamlNode {
  const entry = node.kind === 'map' ? node.entries.find((item) => item.key === key) : undefined;
  return entry?.value ?? node;
}

/** What single options cannot see: rules that never apply, and two columns with one name. */
function checkTables(context: Resolving, rules: readonly TableRule[], list: YamlNode): void {
  const seen = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const node = list.kind === 'list' ? list.items[index] : undefined;
    const at = (node ?? list).at;
    const place = { ...context, path: `tables[${index}]` };
    if (seen.has(rule.pattern)) fail(place, at, 'this table is listed twice');
    seen.add(rule.pattern);
    const targets = Object.values(rule.rename);
    if (new Set(targets).size < targets.length) {
      fail({ ...place, path: `${place.path}.rename` }, at, 'two columns get the same name');
    }
    if (targets.some((target) => target.startsWith('_firn_'))) {
      const message = 'names that start with `_firn_` are Firn’s own; choose another';
      fail({ ...place, path: `${place.path}.rename` }, at, message);
    }
  }
}

/** A server has many databases: a table's name alone could mean several tables, or another one. */
function checkQualified(context: Resolving, rules: readonly TableRule[], list: YamlNode): void {
  for (const [index, { pattern }] of rules.entries()) {
    if (/^[^.]+\..+$/s.test(pattern)) continue;
    const node = list.kind === 'list' ? list.items[index] : undefined;
    const place = { ...context, path: `tables[${index}]` };
    fail(place, (node ?? list).at, 'must be written with its database: shop.orders, shop.*');
  }
}

/** `firn demo`: a whole pipeline on generated data, told as a story. Ends by itself. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { optionalArgument, textOption } from '../command.ts';
import type { Command, CommandContext, CommandInput } from '../command.ts';
import type { DemoCluster } from '../demo/demo-cluster.ts';
import { prepareDemoFolder } from '../demo/demo-folder.ts';
import type { DemoPaths } from '../demo/demo-folder.ts';
import { tellProof, tellQueries } from '../demo/demo-proof.ts';
import { DemoStory } from '../demo/demo-story.ts';
import { createDice } from '../demo/dice.ts';
import { PASSWORD_VARIABLE } from '../demo/demo-shop.ts';
import type { DemoShop } from '../demo/demo-shop.ts';
import { fillShop } from '../demo/shop-database.ts';
import { sqliteShop } from '../demo/sqlite-shop.ts';
import { createStoryTeller } from '../demo/story-teller.ts';
import type { StoryTeller } from '../demo/story-teller.ts';
import { EXIT } from '../exit-code.ts';
import { withPipeline } from '../open-pipeline.ts';
import { formatCount, formatElapsed } from '../output/human-text.ts';
import { isServerAddress } from '../server-address.ts';

/** Made in a second, copied in a few. */
const SHOP = { customers: 1000, orders: 12_000 };

/** The demo's pipeline. Its intervals are short: there is something to see. */
function pipelineFile(shop: DemoShop, cluster: DemoCluster | null): string {
  const tables = ['customers', 'orders', 'order_lines'].map((name) => `${shop.prefix}${name}`);
  const source =
    cluster === null
      ? shop.source
      : // Where Connect reads it, too.
        shop.source.map((line) => line.replace(/^password: .*$/, 'password: {file: ./password}'));
  return [
    "# The demo's pipeline. Its intervals are short: there is something to see.",
    `name: ${cluster?.pipeline ?? 'shop'}`,
    'source:',
    ...source.map((line) => `  ${line}`),
    `tables: [${tables.join(', ')}]`,
    ...(cluster?.sections(shop.connector) ?? ['lake:', '  warehouse: ./lake']),
    'ledger:',
    `  commitInterval: ${cluster === null ? '1s' : '3s'}`,
    'base:',
    `  mergeInterval: ${cluster === null ? '3s' : '20s'}`,
    '',
  ].join('\n');
}

/** The shop in the database that was asked for; a folder is made, a server perhaps started. */
async function openDemoShop(
  context: CommandContext,
  asked: { readonly source: string; readonly paths: DemoPaths },
): Promise<DemoShop> {
  const { source, paths } = asked;
  if (source === 'sqlite') return sqliteShop(paths.database);
  const { mysqlShop } = await import('../demo/mysql-shop.ts');
  if (isServerAddress(source)) {
    return mysqlShop({ address: source, end: () => Promise.resolve() });
  }
  const { startLocalServer } = await import('../demo/local-server.ts');
  const server = await startLocalServer(context, paths.server);
  try {
    return await mysqlShop(server);
  } catch (error) {
    await server.end();
    throw error;
  }
}

/** What the words and options ask for. */
function askedFor(input: CommandInput): { readonly source: string; readonly onCluster: boolean } {
  const first = optionalArgument(input, 0) ?? 'sqlite';
  const server = optionalArgument(input, 1);
  const onCluster = first === 'cluster';
  const source = onCluster ? (server ?? 'mysql') : first;
  const isKnown = source === 'mysql' || isServerAddress(source);
  if (!(isKnown || (source === 'sqlite' && !onCluster)) || (server !== null && !onCluster)) {
    const what = 'the demo takes sqlite, mysql, the address of a server, or cluster and an address';
    throw new FirnError('CONFIG-USAGE', { what });
  }
  if (!onCluster && textOption(input, 'cluster') !== null) {
    throw new FirnError('CONFIG-USAGE', { what: '--cluster goes with firn demo cluster' });
  }
  return { source, onCluster };
}

/** What has to do with a cluster is loaded by demos that do. */
function importClusters() {
  return import('../demo/demo-cluster.ts');
}

/** Exit code 1 when the lake does not equal the shop at the end. */
export const demo: Command = async (context, input) => {
  const { source, onCluster } = askedFor(input);
  const startMs = context.clock.monotonicMs();
  const folder = resolve('firn-demo');
  const given = textOption(input, 'cluster');
  if (onCluster) (await importClusters()).checkDemoCluster(given);
  const paths = await prepareDemoFolder(folder, async (place) => {
    await (await importClusters()).endOldCluster(context, place);
  });
  const story = createStoryTeller(context.terminal);
  const shop = await openDemoShop(context, { source, paths });
  let cluster: DemoCluster | null = null;
  let chapters: DemoStory | null = null;
  try {
    greet(context, shop, onCluster);
    if (onCluster) {
      const { openDemoCluster } = await importClusters();
      cluster = await openDemoCluster(context, story, { own: paths.cluster, given });
    }
    const told = { paths, shop, story, cluster };
    await fill(context, told);
    chapters = new DemoStory(context, told);
    await chapters.tell();
    const environment = { ...context.environment, ...shop.environment };
    return await prove({ ...context, environment }, { ...told, startMs });
  } catch (error) {
    if (context.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    await chapters?.close();
    await cluster?.end();
    await shop.close();
  }
};

interface Told {
  readonly paths: DemoPaths;
  readonly shop: DemoShop;
  readonly story: StoryTeller;
  readonly cluster: DemoCluster | null;
}

function greet({ terminal }: CommandContext, shop: DemoShop, onCluster: boolean): void {
  const how = onCluster ? ' through a cluster' : '';
  terminal.line(`A shop keeps its orders in ${shop.kind}. Firn copies them to Apache Iceberg`);
  terminal.line(
    `tables${how} while it is open, is killed on the way, and proves that nothing is missing.`,
  );
}

async function fill(context: CommandContext, told: Told): Promise<void> {
  const { shop, paths, story, cluster } = told;
  const { random } = context;
  const store = await shop.open();
  try {
    for (const statement of shop.schema) await store.run(statement);
    const { rows } = await fillShop(store, SHOP, createDice(random));
    writeFileSync(paths.pipelineFile, pipelineFile(shop, cluster));
    const password = shop.environment[PASSWORD_VARIABLE];
    if (cluster !== null && password !== undefined) {
      writeFileSync(paths.passwordFile, password, { mode: 0o600 });
    }
    const count = formatCount(rows);
    story.headline(`A shop: ${shop.where}, ${count} rows in customers, orders, order_lines`);
  } finally {
    await store.close();
  }
}

async function prove(
  context: CommandContext,
  demo: Told & { readonly startMs: number },
): Promise<0 | 1> {
  const { terminal, clock, program } = context;
  const config = loadPipelineFile(demo.paths.pipelineFile);
  return withPipeline(context, { config }, async (service) => {
    const report = await tellProof(service, demo.story, terminal);
    await tellQueries(service, demo.story);
    const tookMs = clock.monotonicMs() - demo.startMs;
    terminal.document({ equal: report.equal, tookMs: Math.round(tookMs), tables: report.tables });
    terminal.line();
    terminal.line(`That was all, in ${formatElapsed(tookMs)}; it is all in firn-demo. Go on with:`);
    terminal.line(`    ${program} query firn-demo "SELECT * FROM orders LIMIT 5"`);
    terminal.line(`    ${program} status firn-demo`);
    terminal.line(`    ${program} ${demo.shop.advice}`);
    return report.equal ? EXIT.done : EXIT.no;
  });
}

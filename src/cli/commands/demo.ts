/** `firn demo`: a whole pipeline on generated data, told as a story. Ends by itself. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { optionalArgument } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { prepareDemoFolder } from '../demo/demo-folder.ts';
import type { DemoPaths } from '../demo/demo-folder.ts';
import { tellProof, tellQueries } from '../demo/demo-proof.ts';
import { DemoStory } from '../demo/demo-story.ts';
import { createDice } from '../demo/dice.ts';
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
function pipelineFile(shop: DemoShop): string {
  const tables = ['customers', 'orders', 'order_lines'].map((name) => `${shop.prefix}${name}`);
  return `# The demo's pipeline. Its intervals are short: there is something to see.
name: shop
source:
${shop.source.map((line) => `  ${line}`).join('\n')}
tables: [${tables.join(', ')}]
lake:
  warehouse: ./lake
ledger:
  commitInterval: 1s
base:
  mergeInterval: 3s
`;
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

/** Exit code 1 when the lake does not equal the shop at the end. */
export const demo: Command = async (context, input) => {
  const source = optionalArgument(input, 0) ?? 'sqlite';
  if (source !== 'sqlite' && source !== 'mysql' && !isServerAddress(source)) {
    const what = 'the demo takes sqlite, mysql, or the address of a server';
    throw new FirnError('CONFIG-USAGE', { what });
  }
  const startMs = context.clock.monotonicMs();
  const paths = prepareDemoFolder(resolve('firn-demo'));
  const story = createStoryTeller(context.terminal);
  const shop = await openDemoShop(context, { source, paths });
  const chapters = new DemoStory(context, { paths, shop, story });
  try {
    await fill(context, { shop, paths, story });
    await chapters.tell();
    const environment = { ...context.environment, ...shop.environment };
    return await prove({ ...context, environment }, { paths, shop, story, startMs });
  } catch (error) {
    if (context.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    await chapters.close();
    await shop.close();
  }
};

interface Told {
  readonly paths: DemoPaths;
  readonly shop: DemoShop;
  readonly story: StoryTeller;
}

async function fill(context: CommandContext, { shop, paths, story }: Told): Promise<void> {
  const { terminal, random } = context;
  terminal.line(`A shop keeps its orders in ${shop.kind}. Firn copies them to Apache Iceberg`);
  terminal.line(
    'tables while it is open, is killed on the way, and proves that nothing is missing.',
  );
  const store = await shop.open();
  try {
    for (const statement of shop.schema) await store.run(statement);
    const { rows } = await fillShop(store, SHOP, createDice(random));
    writeFileSync(paths.pipelineFile, pipelineFile(shop));
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

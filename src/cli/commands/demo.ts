/** `firn demo`: a whole pipeline on generated data, told as a story. Ends by itself. */
import { writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { optionalArgument } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { prepareDemoFolder } from '../demo/demo-folder.ts';
import type { DemoPaths } from '../demo/demo-folder.ts';
import { tellProof, tellQueries } from '../demo/demo-proof.ts';
import { DemoStory } from '../demo/demo-story.ts';
import { createDice } from '../demo/dice.ts';
import { createShop } from '../demo/shop-database.ts';
import { createStoryTeller } from '../demo/story-teller.ts';
import type { StoryTeller } from '../demo/story-teller.ts';
import { EXIT } from '../exit-code.ts';
import { withPipeline } from '../open-pipeline.ts';
import { formatCount, formatElapsed } from '../output/human-text.ts';

/** Made in a second, copied in a few. */
const SHOP = { customers: 1000, orders: 12_000 };

const PIPELINE_FILE = `# The demo's pipeline. Its intervals are short: there is something to see.
name: shop
source:
  type: sqlite
  path: ./shop.db
tables: [customers, orders, order_lines]
lake:
  warehouse: ./lake
ledger:
  commitInterval: 1s
base:
  mergeInterval: 3s
`;

/** Exit code 1 when the lake does not equal the shop at the end. */
export const demo: Command = async (context, input) => {
  const source = optionalArgument(input, 0) ?? 'sqlite';
  if (source !== 'sqlite') {
    const what = `the demo of ${source.slice(0, 20)} is not in this version; firn demo sqlite is`;
    throw new FirnError('CONFIG-NOT-SUPPORTED', { what });
  }
  const startMs = context.clock.monotonicMs();
  const paths = prepareDemoFolder(resolve('firn-demo'));
  const story = createStoryTeller(context.terminal);
  makeShop(context, paths, story);
  const chapters = new DemoStory(context, paths, story);
  try {
    await chapters.tell();
  } catch (error) {
    if (context.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    await chapters.close();
  }
  return prove(context, { paths, story, startMs });
};

function makeShop(context: CommandContext, paths: DemoPaths, story: StoryTeller): void {
  const { terminal, random } = context;
  terminal.line('A shop keeps its orders in SQLite. Firn copies them to Apache Iceberg tables');
  terminal.line('while it is open, is killed on the way, and proves that nothing is missing.');
  const { rows } = createShop(paths.shop, SHOP, createDice(random));
  writeFileSync(paths.pipelineFile, PIPELINE_FILE);
  const path = relative('.', paths.shop);
  story.headline(`A shop: ${path}, ${formatCount(rows)} rows in customers, orders, order_lines`);
}

async function prove(
  context: CommandContext,
  demo: { readonly paths: DemoPaths; readonly story: StoryTeller; readonly startMs: number },
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
    terminal.line(`    ${program} run app.db --into lake     your own SQLite database`);
    return report.equal ? EXIT.done : EXIT.no;
  });
}

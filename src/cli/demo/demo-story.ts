/**
 * The first part of the demo's story: a shop writes, Firn copies, is killed, goes on, and meets a
 * new column. Everything told is what the pipeline's process really said.
 */
import { relative } from 'node:path';
import { FirnError } from '../../kernel/firn-error.ts';
import type { CommandContext } from '../command.ts';
import { formatAmount, formatCount, formatElapsed } from '../output/human-text.ts';
import { startFirn } from './child.ts';
import type { Child, ChildEnd } from './child.ts';
import type { DemoCluster } from './demo-cluster.ts';
import type { DemoPaths } from './demo-folder.ts';
import type { DemoShop } from './demo-shop.ts';
import { PipelineWatch } from './pipeline-watch.ts';
import { GIFT_NOTES } from './shop-writer.ts';
import type { StoryTeller } from './story-teller.ts';

/** Tables of the shop. */
const TABLES = 3;

/** Longest wait for something that takes a second or two on a small machine. */
const PATIENCE_MS = 60_000;
/** On a cluster it takes up to a minute, and longer while its programs are cold. */
const CLUSTER_PATIENCE_MS = 600_000;

/** The processes of a demo and what becomes of them. */
export class DemoStory {
  readonly #context: CommandContext;
  readonly #paths: DemoPaths;
  readonly #shop: DemoShop;
  readonly #story: StoryTeller;
  readonly #cluster: DemoCluster | null;
  readonly #children = new Set<Child>();
  #watch = new PipelineWatch();
  #shopReport = '';

  constructor(
    context: CommandContext,
    told: {
      readonly paths: DemoPaths;
      readonly shop: DemoShop;
      readonly story: StoryTeller;
      /** `null`: Firn does all of the work itself. */
      readonly cluster: DemoCluster | null;
    },
  ) {
    this.#context = context;
    this.#paths = told.paths;
    this.#shop = told.shop;
    this.#story = told.story;
    this.#cluster = told.cluster;
  }

  /** Tells the part in which other processes work; they have ended when it ends. */
  async tell(): Promise<void> {
    this.#story.headline('The shop opens: another process writes, about 80 transactions a second');
    const shop = this.#start(['demo-shop', this.#shop.address], (line) => {
      this.#shopReport = line;
    });
    const first = await this.#copy();
    const second = await this.#killAndResume(first);
    if (this.#cluster !== null) await this.#killWriter(this.#cluster, second);
    await this.#addColumn(shop, second);
    await this.#closeShop(shop, second);
  }

  /** Ends every process that is still there. */
  async close(): Promise<void> {
    for (const child of this.#children) child.signal('SIGKILL');
    await Promise.all([...this.#children].map(({ ended }) => ended));
  }

  async #copy(): Promise<Child> {
    this.#story.headline(`firn run ${relative('.', this.#paths.pipelineFile)}`);
    const pipeline = this.#startPipeline();
    const known = new Set<string>();
    await this.#until(pipeline, () => {
      for (const [table, rows] of this.#watch.published) {
        if (known.has(table)) continue;
        known.add(table);
        const count = formatCount(rows).padStart(7);
        this.#story.detail(`${table.padEnd(12)} ${count} existing rows copied`);
      }
      return known.size === TABLES;
    });
    await this.#showChanges(pipeline, 3);
    return pipeline;
  }

  async #killAndResume(pipeline: Child): Promise<Child> {
    const { clock, signal } = this.#context;
    this.#story.headline(`kill -9 ${pipeline.processId}: Firn dies in the middle of its work`);
    pipeline.signal('SIGKILL');
    await this.#endOf(pipeline);
    this.#story.detail('the shop has not noticed, and goes on writing');
    await clock.sleep(1500, signal);
    this.#watch = new PipelineWatch();
    const startMs = clock.monotonicMs();
    const next = this.#startPipeline();
    await this.#until(next, () => this.#watch.total > 0);
    const took = formatElapsed(clock.monotonicMs() - startMs);
    this.#story.detail(`firn run again: goes on where it was, first commit after ${took}`);
    await this.#showChanges(next, 2);
    return next;
  }

  async #killWriter(cluster: DemoCluster, pipeline: Child): Promise<void> {
    const { clock } = this.#context;
    this.#story.headline('kill -9 of Flink’s TaskManager: what writes the ledgers dies as well');
    const startMs = clock.monotonicMs();
    await cluster.killWriter();
    const before = this.#watch.commits;
    await cluster.startWriter();
    await this.#until(pipeline, () => this.#watch.commits > before);
    const took = formatElapsed(clock.monotonicMs() - startMs);
    this.#story.detail(`started again; the job goes on, changes arrive after ${took}`);
  }

  async #addColumn(shop: Child, pipeline: Child): Promise<void> {
    const { clock } = this.#context;
    this.#story.headline('ALTER TABLE orders ADD COLUMN gift_note TEXT');
    const startMs = clock.monotonicMs();
    const store = await this.#shop.open();
    await store.run('ALTER TABLE orders ADD COLUMN gift_note TEXT');
    await store.close();
    shop.tell(GIFT_NOTES);
    await this.#until(pipeline, () => this.#watch.schemaChanges > 0);
    const took = formatElapsed(clock.monotonicMs() - startMs);
    this.#story.detail(`the lake has the column after ${took}, nothing was stopped`);
    await this.#showChanges(pipeline, 2);
  }

  async #closeShop(shop: Child, pipeline: Child): Promise<void> {
    const { clock } = this.#context;
    shop.endInput();
    await this.#endOf(shop);
    const made = Number.parseInt(/\d+/.exec(this.#shopReport)?.[0] ?? '0', 10);
    this.#story.headline(`The shop closes after ${formatAmount(made, 'transaction')}`);
    pipeline.signal('SIGTERM');
    await this.#endOf(pipeline);
    const startMs = clock.monotonicMs();
    const last = this.#start(['run', this.#paths.pipelineFile, '--once', '--json'], () => {});
    const { code, complaint } = await this.#endOf(last);
    if (code !== 0) throw endedEarly(complaint);
    const took = formatElapsed(clock.monotonicMs() - startMs);
    this.#story.detail(`firn run --once: the rest read and everything merged in ${took}`);
  }

  /** Shows what arrives in the lake, a line for each second or so. */
  async #showChanges(pipeline: Child, lines: number): Promise<void> {
    for (let shown = 0; shown < lines; shown++) {
      const before = this.#watch.commits;
      await this.#until(pipeline, () => this.#watch.commits > before);
      const changes = [...this.#watch.takeChanges()].toSorted(([a], [b]) => (a < b ? -1 : 1));
      const tables = changes.map(([table, rows]) => `${table} ${formatCount(rows)}`);
      const lag = this.#watch.lagMs;
      const behind = lag === null ? '' : ` - ${formatElapsed(lag)} behind`;
      this.#story.detail(`into the lake: ${tables.join(', ')}${behind}`);
    }
  }

  #startPipeline(): Child {
    return this.#start(['run', this.#paths.pipelineFile, '--json'], (line) =>
      this.#watch.take(line),
    );
  }

  #start(words: readonly string[], onLine: (line: string) => void): Child {
    const { environment } = this.#shop;
    const child = startFirn(words, { onLine, environment });
    this.#children.add(child);
    return child;
  }

  async #endOf(child: Child): Promise<ChildEnd> {
    const end = await child.ended;
    this.#children.delete(child);
    return end;
  }

  /** Waits for something the pipeline is about to do; fails when its process ends instead. */
  async #until(pipeline: Child, done: () => boolean): Promise<void> {
    const { clock, signal } = this.#context;
    const patienceMs = this.#cluster === null ? PATIENCE_MS : CLUSTER_PATIENCE_MS;
    const untilMs = clock.monotonicMs() + patienceMs;
    while (!done()) {
      signal.throwIfAborted();
      const end = pipeline.endedAs();
      if (end !== null) throw endedEarly(end.complaint);
      if (clock.monotonicMs() > untilMs)
        throw endedEarly(`it took longer than ${formatElapsed(patienceMs)}`);
      await clock.sleep(50, signal);
    }
  }
}

function endedEarly(complaint: string): FirnError {
  return new FirnError('PIPELINE-REQUEST-FAILED', {
    what: `the demo’s pipeline did not do its part: ${complaint.trim()}`,
    remedy: 'This is a bug in Firn unless the machine is out of space or memory. Please report it.',
  });
}

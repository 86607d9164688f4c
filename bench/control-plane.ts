/**
 * What looking after many cluster pipelines costs in one process: 500 of them, of 10 tables each,
 * are planned, compared with what is there and mended, first from nothing, then when nothing is to
 * be done, then when somebody has changed every connector by hand.
 *
 * Connect and Flink are stubs over real HTTP in a process of their own. Kafka's protocol has no
 * stub: its topics are held in this process, behind the three calls that reconciling makes; with
 * `--kafka host:port` a real broker is asked, with topics of this benchmark that stay there.
 *
 * `npm run bench control-plane`: the goals are 10 s for each round and 300 MB of memory.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { planCluster } from '../src/cluster/cluster-plan.ts';
import type { ClusterPlan } from '../src/cluster/cluster-plan.ts';
import { desiredCapture } from '../src/cluster/reconcile-plan.ts';
import type { KafkaTopic, TopicRequest } from '../src/kafka/kafka-admin.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { systemRandom } from '../src/kernel/random.ts';
import { ServicePool } from '../src/pipeline/cluster/cluster-services.ts';
import type { ClusterServices } from '../src/pipeline/cluster/cluster-services.ts';
import { reconcileCapture } from '../src/pipeline/cluster/reconcile-capture.ts';
import { openStateFolder } from '../src/pipeline/state/state-folder.ts';
import { createLocalObjectStore } from '../src/storage/local-object-store.ts';
import { planCase } from '../tools/cluster-cases.ts';

const { values } = parseArgs({
  options: { kafka: { type: 'string' }, pipelines: { type: 'string', default: '500' } },
});
const PIPELINES = Number.parseInt(values.pipelines, 10);
const TABLES = 10;
const GOAL_MS = 10_000;
const GOAL_BYTES = 300 * 1024 * 1024;
const SAMPLE_MS = 20;
const [clock, random] = [systemClock, systemRandom];

/** Topics held in this process. */
class HeldTopics {
  readonly #topics = new Map<string, KafkaTopic>();

  async describe(names: readonly string[]): Promise<ReadonlyMap<string, KafkaTopic>> {
    return new Map(
      names.flatMap((name) => {
        const topic = this.#topics.get(name);
        return topic === undefined ? [] : [[name, topic] as const];
      }),
    );
  }

  async create(requests: readonly TopicRequest[]): Promise<void> {
    for (const { name, partitions, replicas, settings } of requests) {
      const topicId = `00000000-0000-4000-8000-${String(this.#topics.size).padStart(12, '0')}`;
      const known = new Map(Object.entries(settings));
      this.#topics.set(name, { topicId, partitions, replicas, settings: known });
    }
  }

  async setSettings(): Promise<void> {
    throw new Error('nobody changes a topic here');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'firn-control-'));
const stub = spawn(process.execPath, [join(import.meta.dirname, 'support', 'connect-stub.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const port = await new Promise<string>((resolve) => {
  createInterface({ input: stub.stdout }).once('line', resolve);
});
const url = `http://127.0.0.1:${port}`;
const bootstrap = values.kafka ?? '127.0.0.1:1';
const cluster =
  `cluster: {kafka: {bootstrapServers: "${bootstrap}", replicas: 1}, connect: {url: "${url}"},` +
  ` flink: {gateway: "${url}", jobManager: "${url}"}, spark: {address: "127.0.0.1:1", tls: off}}`;
const example = planCase({
  flavour: 'mysql',
  tables: Array.from({ length: TABLES }, (_, index) => ({
    name: ['shop', `table_${index}`],
    columns: { id: 'int(11) not null', name: 'varchar(100)', at: 'datetime(6)' },
    key: ['id'],
  })),
  lines: { cluster },
});

function planOf(index: number): ClusterPlan {
  const config = { ...example.config, name: `shop_${index}` };
  const { cluster: services, source, epoch, tables } = example;
  return planCluster({ config, cluster: services, source, epoch, tables, refused: [] });
}

const pool = new ServicePool({ clock, random });
const held = new HeldTopics();
const store = createLocalObjectStore({ folder, clock, random });

async function servicesOf(plan: ClusterPlan): Promise<ClusterServices> {
  const services = await pool.of(plan.cluster);
  if (values.kafka !== undefined) return services;
  // The three calls that reconciling makes are all that is asked of it.
  return { ...services, kafka: held as unknown as ClusterServices['kafka'] };
}

/** One look at a pipeline, as a run makes it at each interval; actions that were carried out. */
async function look(index: number): Promise<number> {
  const plan = planOf(index);
  const services = await servicesOf(plan);
  const state = openStateFolder(store, plan.config.name);
  const parts = { services, state, clock, onLost: async () => undefined };
  const options = { resumes: false, restarts: true };
  const report = await reconcileCapture(parts, desiredCapture(plan), options);
  if ((await services.jobs.job(plan.name)) === null) throw new Error('the job is gone');
  return report.actions.length;
}

interface Round {
  readonly actions: number;
  readonly ms: number;
  readonly cpuMs: number;
}

async function round(): Promise<Round> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  const all = Array.from({ length: PIPELINES }, (_, index) => pool.looking(() => look(index)));
  const counts = await Promise.all(all);
  const { user, system } = process.cpuUsage(before);
  const actions = counts.reduce((sum, count) => sum + count, 0);
  return { actions, ms: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}

let rssMax = 0;
const sampling = setInterval(() => {
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}, SAMPLE_MS);

function show(what: string, { actions, ms, cpuMs }: Round): void {
  const seconds = (value: number): string => (value / 1000).toFixed(2).padStart(6);
  const line = `${what.padEnd(34)} ${seconds(ms)} s ${seconds(cpuMs)} CPU s ${actions} actions`;
  process.stdout.write(`${line}  ${(rssMax / 1024 / 1024).toFixed(0)} MB\n`);
  if (ms <= GOAL_MS) return;
  process.stdout.write(`missed: the goal is ${GOAL_MS / 1000} s\n`);
  process.exitCode = 1;
}

try {
  show(`${PIPELINES} pipelines from nothing`, await round());
  let settling = await round();
  for (; settling.actions > 0; settling = await round()) show('until they run', settling);
  show('nothing to do', await round());
  for (let index = 0; index < PIPELINES; index++) {
    const { connect } = await pool.of(example.cluster);
    await connect?.put(planOf(index).name, { 'topic.prefix': 'changed by hand' });
  }
  show('every connector changed by hand', await round());
  const megabytes = (rssMax / 1024 / 1024).toFixed(0);
  process.stdout.write(`memory at most ${megabytes} MB\n`);
  if (rssMax > GOAL_BYTES) {
    process.stdout.write('missed: the goal is 300 MB\n');
    process.exitCode = 1;
  }
} finally {
  clearInterval(sampling);
  stub.kill();
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
}

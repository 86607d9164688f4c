/**
 * Takes away what a pipeline made in the cluster: jobs, connectors, topics. Each test does so with
 * its own, for all tests share one Connect, whose connectors would read every later test's changes.
 */
import { ConnectClient } from '../../../src/engines/cluster/connect-client.ts';
import { createFlinkJobs } from '../../../src/engines/cluster/flink-jobs.ts';
import { KafkaAdmin } from '../../../src/kafka/kafka-admin.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { openStateFolder } from '../../../src/pipeline/state/state-folder.ts';
import { createLocalObjectStore } from '../../../src/storage/local-object-store.ts';

/** A pipeline that does not run any more. */
export interface PipelineRemains {
  readonly name: string;
  /** Folder of its lake, which has its list of topics. */
  readonly lake: string;
  readonly services: {
    readonly kafka: string;
    readonly connect: string;
    readonly jobManager: string;
  };
}

/** Takes them away. */
export async function removePipeline({ name, lake, services }: PipelineRemains): Promise<void> {
  const [clock, random] = [systemClock, systemRandom];
  const isOurs = (other: string): boolean => other.startsWith(`firn.${name}.`);
  const flink = createFlinkJobs({ url: services.jobManager, clock, random });
  for (const job of await flink.jobs()) {
    if (isOurs(job.name)) await flink.cancel(job.id, 60_000);
  }
  flink.close();
  const connectors = new ConnectClient({ url: services.connect, clock, random });
  for (const connector of await connectors.connectors()) {
    if (isOurs(connector)) await connectors.remove(connector);
  }
  connectors.close();
  const store = createLocalObjectStore({ folder: lake, clock, random });
  const text = await openStateFolder(store, name).read('cluster.json');
  // Written by the pipeline's own code.
  const made = JSON.parse(text ?? '{"topics":{}}') as { readonly topics: object };
  const admin = new KafkaAdmin({ address: { bootstrapServers: services.kafka }, clock, random });
  await admin.remove(Object.keys(made.topics));
  await admin.close();
}

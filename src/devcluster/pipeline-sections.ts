/** What a pipeline file says to run on a development cluster, ready to be pasted. */
import { addressesOf } from './cluster-parts.ts';
import type { ClusterSettings } from './cluster-settings.ts';
import { lakeSection } from './servers/lake-servers.ts';

/** The sections `lake`, `engine` and `cluster`; without a connector they say how to choose it. */
export function pipelineSections(
  settings: ClusterSettings,
  connector: 'mysql' | 'mariadb' | null = null,
): string {
  const { kafka, connect, jobManager, gateway, spark, catalog } = addressesOf(settings);
  return [
    ...lakeSection(settings),
    'engine: cluster',
    'cluster:',
    `  kafka: {bootstrapServers: "${kafka}", partitions: 2, replicas: 1}`,
    connector === null
      ? `  connect: {url: "${connect}"}   # for MariaDB: connector: mariadb`
      : `  connect: {url: "${connect}", connector: ${connector}}`,
    `  flink: {gateway: "${gateway}", jobManager: "${jobManager}"}`,
    `  spark: {address: "${spark}", tls: "off"}`,
    `  catalogUri: "${catalog}"`,
    '',
  ].join('\n');
}

/** Puts the source `debezium` together: its topics, its connector and the database behind it. */
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { ConnectClient } from '../../engines/cluster/connect-client.ts';
import type { KafkaAddress } from '../../kafka/kafka-address.ts';
import { present } from '../../kernel/assert.ts';
import type { ChangeSource } from '../../ports/source.ts';
import type { MysqlChangeSource } from '../../sources/mysql/source.ts';
import { createDebeziumSource } from '../../sources/debezium/source.ts';
import { readCertificates } from '../secrets/mysql-address.ts';
import type { StoreParts } from '../open-store.ts';

type DebeziumConfig = Extract<PipelineConfig['source'], { readonly type: 'debezium' }>;

/** Opens the source; nothing is connected yet. */
export function openDebezium(
  parts: StoreParts,
  source: DebeziumConfig,
  database: MysqlChangeSource,
): ChangeSource {
  const { config, clock, random } = parts;
  const { url, connector: name, server } = source.connect;
  const { host, port, onSwap } = source.database;
  return createDebeziumSource({
    kafka: () => kafkaAddress(parts, source),
    connector: {
      service: new ConnectClient({ url, clock, random }),
      name,
      server: server ?? `${host}:${port}`,
    },
    database,
    label: `debezium:${name}`,
    tables: config.tables,
    namespace: config.name,
    onSwap,
    clock,
    random,
  });
}

/** Read anew by each client: a rotated password or certificate is taken up. */
async function kafkaAddress(
  { readSecret }: StoreParts,
  { kafka }: DebeziumConfig,
): Promise<KafkaAddress> {
  const { bootstrapServers, tls, tlsCa, user, password: reference, mechanism } = kafka;
  const ca = tlsCa === null ? null : readCertificates(tlsCa);
  const password =
    reference === null ? '' : await present(readSecret, 'a reader of secrets')(reference);
  return {
    bootstrapServers,
    ...(tls === 'off' ? {} : { tls: { ca } }),
    ...(user === null ? {} : { sasl: { mechanism, username: user, password } }),
  };
}

/**
 * Names of everything that a pipeline has in a cluster. They follow from the pipeline's name, the
 * epoch and the table alone, so that each run finds what an earlier one made. A new epoch has new
 * names: nothing of an old one can write into it.
 */

/** Topic names that Kafka takes. */
const TOPIC_LENGTH_MAX = 249;

/** Prefix of an epoch's topics; also the name of its connector, its job and its consumer group. */
export function epochName(pipeline: string, epoch: number): string {
  return `firn.${pipeline}.${epoch}`;
}

/** Topic of a connector's own record of table definitions. */
export function schemaHistoryTopic(epoch: string): string {
  return `${epoch}.schema-history`;
}

/** Topic in which Firn keeps how far its own reader has written a source's changes. */
export function placesTopic(epoch: string): string {
  return `${epoch}.places`;
}

/** Topic in which a connector says that it is alive. */
export function heartbeatTopic(epoch: string): string {
  return `__debezium-heartbeat.${epoch}`;
}

/**
 * Topic of a table's changes, by Debezium's rule: what Kafka does not take in a name becomes `_`.
 * Different tables can have one topic by it, and a name can be too long: see {@link isTopicName}.
 */
export function tableTopic(
  epoch: string,
  { namespace, table }: { readonly namespace: string; readonly table: string },
): string {
  // By UTF-16 unit, as Java does.
  return `${epoch}.${namespace}.${table}`.replaceAll(/[^A-Za-z0-9._-]/g, '_');
}

/** Whether Kafka takes the name. */
export function isTopicName(topic: string): boolean {
  return topic.length <= TOPIC_LENGTH_MAX;
}

/**
 * Name of a table's files: readable, of harmless characters, and different for different tables, on
 * file systems that do not tell capital letters apart too.
 */
export function tableLabel({
  namespace,
  table,
}: {
  readonly namespace: string;
  readonly table: string;
}): string {
  const isPlain = /^[a-z0-9_-]{1,64}$/.test(namespace) && /^[a-z0-9_-]{1,64}$/.test(table);
  if (isPlain) return `${namespace}.${table}`;
  const readable = [namespace, table].map((part) => {
    return part
      .toLowerCase()
      .replaceAll(/[^a-z0-9_-]+/g, '_')
      .slice(0, 40);
  });
  const hash = stableHash(JSON.stringify([namespace, table]))
    .toString(16)
    .padStart(16, '0');
  return `${readable.join('.')}~${hash}`;
}

/** FNV-1a of 64 bits: the same in every process, and nothing that anybody must not guess. */
export function stableHash(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

/** Under which number and uuid the server knows the reader of a pipeline. */
import { createHash } from 'node:crypto';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import type { MysqlConnection } from '../connection.ts';
import type { TextRow } from '../text-answer.ts';

/** Version of MySQL from which on `SHOW REPLICAS` is the name. */
const REPLICAS_RENAMED = 80_022;

/** Numbers tried before the pipeline gives up finding a free one. */
const CANDIDATES = 32;

/** The host name under which readers of Firn are listed. */
const OWN_HOST = 'firn';

/**
 * The uuid of a pipeline's reader: the same after a restart, so that the server ends a connection
 * that the last process left behind, and another one for a pipeline elsewhere.
 */
export function replicaUuid(reader: string): string {
  const hex = createHash('sha256').update(`firn-reader:${reader}`).digest('hex');
  const [first, second] = [hex.slice(0, 8), hex.slice(8, 12)];
  return `${first}-${second}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The server id to read under: the one that was asked for, or a free one that is the same at every
 * start.
 *
 * @throws {FirnError} SOURCE-DUPLICATE-READER when the one asked for is taken
 */
export async function readerId(
  connection: MysqlConnection,
  wanted: { readonly serverId: number | 'auto'; readonly reader: string },
): Promise<number> {
  const { serverId, reader } = wanted;
  const taken = await takenIds(connection, replicaUuid(reader));
  if (serverId !== 'auto') {
    if (!taken.has(serverId)) return serverId;
    throw new FirnError('SOURCE-DUPLICATE-READER', {
      what: `The server id ${serverId} belongs to the server itself or to one of its replicas`,
      where: connection.where,
    });
  }
  for (let candidate = 0; candidate < CANDIDATES; candidate++) {
    const hash = createHash('sha256').update(`firn-server-id:${reader}:${candidate}`).digest();
    // The upper half of the range: people number their servers from below.
    const id = 2 ** 31 + (hash.readUInt32LE(0) % 2 ** 31);
    if (!taken.has(id)) return id;
  }
  throw new FirnError('SOURCE-DUPLICATE-READER', {
    what: 'No free server id was found',
    where: connection.where,
  });
}

/** Ids of the server and of everybody who reads its log, but for this pipeline's own reader. */
async function takenIds(connection: MysqlConnection, ownUuid: string): Promise<Set<number>> {
  const { flavour, version } = connection.server;
  const [server] = await connection.query('SELECT @@server_id');
  const taken = new Set([Number.parseInt(server?.[0] ?? '0', 10)]);
  const isNew = flavour === 'mysql' && version >= REPLICAS_RENAMED;
  let replicas: readonly TextRow[];
  try {
    replicas = await connection.query(isNew ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS');
  } catch (error) {
    // Not allowed to look: a clash then ends the stream by name.
    if (!isFirnError(error, 'SOURCE-PRIVILEGE')) throw error;
    return taken;
  }
  for (const [id, host, , , uuid] of replicas) {
    const isOwn = uuid === undefined ? host === OWN_HOST : uuid === ownUuid;
    if (!isOwn) taken.add(Number.parseInt(id ?? '0', 10));
  }
  return taken;
}

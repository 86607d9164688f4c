/**
 * What a development cluster is asked to be, and where everything of it lies: `cluster.json` in its
 * folder, which makes the folder the cluster's own.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { numberAt, objectOf, textAt, valueAt } from '../engines/cluster/json-answer.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import type { Random } from '../kernel/random.ts';

/** The servers, in the order in which they are shown. */
export const SERVER_NAMES = [
  's3',
  'catalog',
  'kafka',
  'connect',
  'jobmanager',
  'taskmanager',
  'gateway',
  'spark',
] as const;

/** One server. */
export type ServerName = (typeof SERVER_NAMES)[number];

/** Servers that are Java programs. */
export type JavaServer = Exclude<ServerName, 's3' | 'catalog'>;

/** Heap of each Java program, MiB: enough for a few tables of tens of thousands of rows. */
const HEAP_MIB: Readonly<Record<JavaServer, number>> = {
  kafka: 384,
  connect: 512,
  jobmanager: 384,
  taskmanager: 768,
  gateway: 384,
  spark: 1024,
};

/** First port of a cluster that is not told another: below those of outgoing connections. */
const PORT_BASE = 27_300;

/** Ports by their distance from the first one. */
const PORT_OFFSETS = {
  kafka: 0,
  kafkaController: 1,
  connect: 2,
  jobManager: 3,
  jobManagerRpc: 4,
  blobServer: 5,
  gateway: 6,
  spark: 7,
  catalog: 8,
  s3: 9,
  s3Master: 10,
  s3MasterGrpc: 11,
  s3Volume: 12,
  s3VolumeGrpc: 13,
  s3Filer: 14,
  s3FilerGrpc: 15,
  s3Grpc: 16,
} as const;

/** Ports that a cluster has for itself, from its first one on. */
export const PORTS_COUNT = 20;

/** What a port is for. */
export type PortName = keyof typeof PORT_OFFSETS;

/** A cluster as it is asked for. */
export interface ClusterSettings {
  /** Absolute. */
  readonly folder: string;
  /** Kafka's id of the cluster: 22 letters and digits of base64url. */
  readonly clusterId: string;
  readonly portBase: number;
  /** Whether the lake lies on an S3 server and not in a folder. */
  readonly s3: boolean;
  readonly heapMib: Readonly<Record<JavaServer, number>>;
  /** Folder in which its programs were looked for last; `null`: it was not brought up yet. */
  readonly cacheFolder: string | null;
}

/** What may be said when a cluster is brought up; what is left out stays as it was. */
export interface ClusterWish {
  readonly portBase?: number;
  readonly s3?: boolean;
  readonly heapMib?: Readonly<Partial<Record<JavaServer, number>>>;
}

const FILE = 'cluster.json';
const PATH_PATTERN = /^[A-Za-z0-9/._+@=-]+$/;

/** Port of a cluster. */
export function portOf({ portBase }: Pick<ClusterSettings, 'portBase'>, name: PortName): number {
  return portBase + PORT_OFFSETS[name];
}

/** Whether a name is that of a server. */
export function isServerName(name: string): name is ServerName {
  return (SERVER_NAMES as readonly string[]).includes(name);
}

/** Whether a name is that of a Java program. */
export function isJavaServer(name: string): name is JavaServer {
  return Object.hasOwn(HEAP_MIB, name);
}

/**
 * Settings of the cluster of a folder; `null`: none was made there.
 *
 * @throws {FirnError} DEVCLUSTER-FOLDER when its file cannot be understood
 */
export function readSettings(folder: string): ClusterSettings | null {
  const file = join(folder, FILE);
  if (!existsSync(file)) return null;
  const found = valueAt(parseSafely(readFileSync(file, 'utf8')), 'settings');
  const clusterId = textAt(found, 'clusterId');
  const portBase = numberAt(found, 'portBase');
  if (clusterId === null || portBase === null) {
    throw new FirnError('DEVCLUSTER-FOLDER', { what: 'cluster.json is damaged', where: file });
  }
  const heapMib = { ...HEAP_MIB };
  for (const [name, mib] of Object.entries(objectOf(valueAt(found, 'heapMib')) ?? {})) {
    if (isJavaServer(name) && typeof mib === 'number') heapMib[name] = mib;
  }
  const s3 = valueAt(found, 's3') === true;
  return { folder, clusterId, portBase, s3, heapMib, cacheFolder: textAt(found, 'cacheFolder') };
}

/**
 * Settings of a cluster that is to be brought up: those of its folder with the wishes, or new ones.
 *
 * @throws {FirnError} DEVCLUSTER-FOLDER when the folder holds something else, cannot be used by the
 *   programs, or has a lake of the other kind
 */
export function settingsFor(folder: string, wish: ClusterWish, random: Random): ClusterSettings {
  if (!PATH_PATTERN.test(folder)) {
    const what = 'the programs of the cluster do not all understand this path';
    throw new FirnError('DEVCLUSTER-FOLDER', { what, where: folder });
  }
  const known = readSettings(folder);
  if (known === null && existsSync(folder) && readdirSync(folder).length > 0) {
    const what = 'the folder is not empty, and holds no development cluster; nothing was touched';
    throw new FirnError('DEVCLUSTER-FOLDER', { what, where: folder });
  }
  if (known !== null && wish.s3 !== undefined && wish.s3 !== known.s3) {
    const what = `the cluster's lake is ${known.s3 ? 'on its S3 server' : 'in a folder'} already`;
    throw new FirnError('DEVCLUSTER-FOLDER', { what, where: folder });
  }
  return {
    folder,
    clusterId: known?.clusterId ?? newClusterId(random),
    portBase: wish.portBase ?? known?.portBase ?? PORT_BASE,
    s3: wish.s3 ?? known?.s3 ?? false,
    heapMib: { ...HEAP_MIB, ...known?.heapMib, ...wish.heapMib },
    cacheFolder: known?.cacheFolder ?? null,
  };
}

/** A UUID as Kafka writes it; one that begins with a dash would be taken for an option. */
function newClusterId(random: Random): string {
  return Buffer.from(random.bytes(16)).toString('base64url').replace(/^-/, 'a');
}

/** Whether two settings ask for the same servers. */
export function isSameCluster(one: ClusterSettings, other: ClusterSettings): boolean {
  return stringifyJson(documentOf(one)) === stringifyJson(documentOf(other));
}

function documentOf({ clusterId, portBase, s3, heapMib }: ClusterSettings) {
  const heaps = Object.fromEntries(
    Object.entries(heapMib).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { clusterId, portBase, s3, heapMib: heaps };
}

/** Keeps the settings, and what else `cluster.json` tells its readers. */
export function writeSettings(settings: ClusterSettings, more: Readonly<JsonObject>): void {
  const { folder } = settings;
  mkdirSync(folder, { recursive: true });
  const { cacheFolder } = settings;
  const own = { ...documentOf(settings), ...(cacheFolder !== null && { cacheFolder }) };
  const text = `${stringifyJson({ ...more, settings: own }, 2)}\n`;
  replaceFile(join(folder, FILE), text);
}

/** Writes a file so that a reader sees the old one or the new one. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function parseSafely(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    // Damaged: the caller says so.
    return null;
  }
}

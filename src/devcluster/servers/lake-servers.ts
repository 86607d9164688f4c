/**
 * Where the lake of the cluster is: its catalog, which this program serves over REST, and, where it
 * is asked for, the S3 server with the files. Without one the files lie in a folder.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textAt } from '../../engines/cluster/json-answer.ts';
import { parseJson, stringifyJson } from '../../kernel/lossless-json.ts';
import { addressesOf } from '../cluster-parts.ts';
import type { ClusterParts, ServerPlan } from '../cluster-parts.ts';
import { portOf, replaceFile } from '../cluster-settings.ts';
import type { ClusterSettings } from '../cluster-settings.ts';
import { ensureSeaweed } from '../part-cache.ts';
import { answersHttp, speaksHttp } from '../ready-checks.ts';
import { VERSIONS } from '../version-table.ts';
import { askWeed, weedWords } from './weed-command.ts';
import type { WeedWish } from './weed-command.ts';

const BUCKET = 'lake';

/** The keys of the S3 server, made by chance for each cluster. */
interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Path of the file with the keys, which `lake.s3.credentials` reads. */
function keysFile({ folder }: ClusterSettings): string {
  return join(folder, 's3', 'keys.json');
}

function keysOf({ settings, random }: ClusterParts): S3Keys {
  const path = keysFile(settings);
  if (!existsSync(path)) {
    mkdirSync(join(settings.folder, 's3'), { recursive: true });
    const text = (bytes: number): string => Buffer.from(random.bytes(bytes)).toString('hex');
    const made = { AccessKeyId: `firn${text(8)}`, SecretAccessKey: text(20) };
    replaceFile(path, `${stringifyJson({ Version: 1, ...made })}\n`);
  }
  const found = parseJson(readFileSync(path, 'utf8'));
  return {
    accessKeyId: textAt(found, 'AccessKeyId') ?? '',
    secretAccessKey: textAt(found, 'SecretAccessKey') ?? '',
  };
}

/** What programs that read and write the lake's files find in their environment. */
export function lakeEnvironment(parts: ClusterParts): Readonly<Record<string, string>> {
  const { s3 } = addressesOf(parts.settings);
  if (s3 === null) return {};
  const { accessKeyId, secretAccessKey } = keysOf(parts);
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: s3,
  };
}

/** The lines `lake:` of a pipeline file. */
export function lakeSection(settings: ClusterSettings): readonly string[] {
  const { s3 } = addressesOf(settings);
  if (s3 === null) return ['lake:', `  warehouse: ${join(settings.folder, 'lake')}`];
  return [
    'lake:',
    `  warehouse: s3://${BUCKET}/lake`,
    '  s3:',
    `    endpoint: ${s3}`,
    `    credentials: {file: ${keysFile(settings)}}`,
    '  catalog:',
    '    type: sqlite',
    `    path: ${join(settings.folder, 'catalog', 'catalog.db')}`,
  ];
}

/** The catalog: `firn catalog serve`. */
export function catalogServer(parts: ClusterParts): ServerPlan {
  const { settings, firn, firnVersion } = parts;
  const folder = join(settings.folder, 'catalog');
  const port = portOf(settings, 'catalog');
  return {
    name: 'catalog',
    version: firnVersion,
    stage: 1,
    ports: [port],
    // It answers what is under way for up to 15 s.
    graceMs: 17_000,
    prepare: () => {
      mkdirSync(folder, { recursive: true });
      const file = join(folder, 'firn.yaml');
      replaceFile(file, catalogFile(settings));
      const command = [...firn, 'catalog', 'serve', file, '--port', `${port}`];
      return Promise.resolve({ command, environment: parts.environment, workFolder: folder });
    },
    isReady: () => answersHttp(parts, addressesOf(settings).catalog, '/v1/config'),
  };
}

/** A pipeline file that says where the lake is; its source is never opened. */
function catalogFile(settings: ClusterSettings): string {
  const source = ['name: catalog', 'source: {type: sqlite, path: ./no-source.db}', "tables: ['*']"];
  return `${[...source, ...lakeSection(settings)].join('\n')}\n`;
}

/** SeaweedFS. */
export function s3Server(parts: ClusterParts): ServerPlan {
  const { settings } = parts;
  const folder = join(settings.folder, 's3');
  const address = addressesOf(settings).s3 ?? '';
  // Written once the bucket is there: whoever made it may have been killed before.
  const mark = join(folder, 'bucket-made');
  return {
    name: 's3',
    version: VERSIONS.seaweedfs,
    stage: 0,
    ports: [portOf(settings, 's3'), portOf(settings, 's3Master')],
    graceMs: 5000,
    prepare: async () => {
      const weed = await ensureSeaweed(parts);
      const keys = keysOf(parts);
      const words = weedWords({ folder, keys, ports: weedPorts(settings), tablesPort: null });
      return { command: [weed, ...words], environment: parts.environment, workFolder: folder };
    },
    isReady: async () => existsSync(mark) && (await speaksHttp(parts, address)),
    complete: async () => {
      if (existsSync(mark) || !(await speaksHttp(parts, address))) return;
      if (hasBucket(settings, await ensureSeaweed(parts))) writeFileSync(mark, '');
    },
  };
}

/** The ports of the S3 server, as its options name them. */
function weedPorts(settings: ClusterSettings): WeedWish['ports'] {
  return {
    's3.port': portOf(settings, 's3'),
    's3.port.grpc': portOf(settings, 's3Grpc'),
    'master.port': portOf(settings, 's3Master'),
    'master.port.grpc': portOf(settings, 's3MasterGrpc'),
    'volume.port': portOf(settings, 's3Volume'),
    'volume.port.grpc': portOf(settings, 's3VolumeGrpc'),
    'filer.port': portOf(settings, 's3Filer'),
    'filer.port.grpc': portOf(settings, 's3FilerGrpc'),
  };
}

/** Makes the lake's bucket, which may be there. */
function hasBucket(settings: ClusterSettings, weed: string): boolean {
  const lines = `s3.bucket.create -name ${BUCKET}\ns3.bucket.list\n`;
  const { stdout } = askWeed(weed, weedPorts(settings), lines);
  return stdout.includes(`  ${BUCKET}\t`) || new RegExp(`^\\s+${BUCKET}\\b`, 'm').test(stdout);
}

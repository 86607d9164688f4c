/**
 * SeaweedFS as one process that listens on loopback alone and answers as S3 does: how it is called,
 * and how its shell is.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stringifyJson } from '../../kernel/lossless-json.ts';
import { replaceFile } from '../cluster-settings.ts';

const ASK_MS = 30_000;

/** A port as its options name it; two of them are free to its clients: S3's and the master's. */
export type WeedPort =
  | 's3.port'
  | 's3.port.grpc'
  | 'master.port'
  | 'master.port.grpc'
  | 'volume.port'
  | 'volume.port.grpc'
  | 'filer.port'
  | 'filer.port.grpc';

/** What it is started with. */
export interface WeedWish {
  /** Of this server alone; its data and its keys are written there. */
  readonly folder: string;
  /** The only ones that it takes. */
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly ports: Readonly<Record<WeedPort, number>>;
  /** Of its own catalog of tables; `null`: it has none. */
  readonly tablesPort: number | null;
}

/** The words of its command, after the program's path; writes what they name. */
export function weedWords({ folder, keys, ports, tablesPort }: WeedWish): readonly string[] {
  const { accessKeyId: accessKey, secretAccessKey: secretKey } = keys;
  const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging'];
  const identity = { name: 'firn', credentials: [{ accessKey, secretKey }], actions };
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const config = join(folder, 's3.json');
  replaceFile(config, stringifyJson({ identities: [identity] }));
  return [
    '-logtostderr=true',
    'server',
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    `-dir=${data}`,
    '-master.volumeSizeLimitMB=128',
    '-volume.max=100',
    '-s3',
    '-s3.autoCreateBucket=false',
    `-s3.port.iceberg=${tablesPort ?? 0}`,
    '-s3.port.lance=0',
    `-s3.config=${config}`,
    ...Object.entries(ports).map(([word, port]) => `-${word}=${port}`),
  ];
}

/** What its shell says to lines of input: nothing, where it cannot reach the server. */
export function askWeed(
  weed: string,
  ports: Readonly<Record<'master.port' | 'master.port.grpc', number>>,
  input: string,
): { readonly stdout: string; readonly stderr: string } {
  const master = `127.0.0.1:${ports['master.port']}.${ports['master.port.grpc']}`;
  const words = ['shell', `-master=${master}`];
  return spawnSync(weed, words, { input, encoding: 'utf8', timeout: ASK_MS });
}

/** `firn cluster up|down|status DIR`: a cluster for development on this machine. */
import { resolve } from 'node:path';
import { bringUp, lookAt, takeDown } from '../../devcluster/dev-cluster.ts';
import type { ServerEvent, ServerStatus } from '../../devcluster/dev-cluster.ts';
import { addressesOf } from '../../devcluster/cluster-parts.ts';
import type { ClusterParts } from '../../devcluster/cluster-parts.ts';
import {
  PORTS_COUNT,
  SERVER_NAMES,
  isJavaServer,
  isServerName,
  settingsFor,
} from '../../devcluster/cluster-settings.ts';
import type {
  ClusterSettings,
  ClusterWish,
  JavaServer,
  ServerName,
} from '../../devcluster/cluster-settings.ts';
import { pipelineSections } from '../../devcluster/pipeline-sections.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { flagOption, listArgument, listOption, textArgument, textOption } from '../command.ts';
import type { Command, CommandContext, CommandInput } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { formatBytes, formatElapsed } from '../output/human-text.ts';
import { textTable } from '../output/text-table.ts';
import { clusterParts, ownCluster, settingsOf } from './cluster-world.ts';

/** What is done with the cluster. */
export const cluster: Command = async (context, input) => {
  const action = textArgument(input, 0);
  const folder = resolve(textArgument(input, 1));
  switch (action) {
    case 'up':
      return alone(context, folder, () => up(context, input, folder));
    case 'down':
      return alone(context, folder, () => down(context, input, folder));
    case 'status':
      return status(context, partsOf(context, input, settingsOf(folder)));
    default:
      throw usage(`firn cluster knows up, down and status, not ${JSON.stringify(action)}`);
  }
};

function usage(what: string): FirnError {
  return new FirnError('CONFIG-USAGE', { what });
}

/** Works while no other program starts and ends servers of the folder. */
async function alone(
  context: CommandContext,
  folder: string,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  const ownership = ownCluster(context, folder);
  try {
    return await work();
  } finally {
    ownership.release();
  }
}

function partsOf(
  context: CommandContext,
  input: CommandInput,
  settings: ClusterSettings,
): ClusterParts {
  return clusterParts(context, settings, textOption(input, 'cache'));
}

function wishOf(input: CommandInput): ClusterWish {
  const base = textOption(input, 'portBase');
  const heaps = listOption(input, 'heap');
  return {
    ...(base === null ? {} : { portBase: portBaseOf(base) }),
    ...(flagOption(input, 's3') ? { s3: true } : {}),
    ...(heaps === null ? {} : { heapMib: Object.fromEntries(heaps.map(heapOf)) }),
  };
}

/** The servers that the command names; `null`: all. */
function serversOf(input: CommandInput, { s3 }: ClusterSettings): readonly ServerName[] | null {
  const names = listArgument(input, 2);
  if (names.length === 0) return null;
  return names.map((name) => {
    if (isServerName(name) && (s3 || name !== 's3')) return name;
    const known = SERVER_NAMES.filter((server) => s3 || server !== 's3').join(', ');
    throw usage(`the cluster has no server ${JSON.stringify(name)}; it has ${known}`);
  });
}

function portBaseOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number.parseInt(text, 10) : 0;
  if (port >= 1024 && port <= 65_536 - PORTS_COUNT) return port;
  throw usage(`--port-base takes a number from 1024 to ${65_536 - PORTS_COUNT}`);
}

function heapOf(text: string): readonly [name: JavaServer, mib: number] {
  const [, name = '', digits = ''] = /^([a-z]+)=(\d{3,5})$/.exec(text) ?? [];
  if (isJavaServer(name)) return [name, Number.parseInt(digits, 10)];
  throw usage('--heap takes a Java server and its heap in MiB, such as spark=3072');
}

async function up(context: CommandContext, input: CommandInput, folder: string): Promise<ExitCode> {
  const { clock, random, terminal } = context;
  const startMs = clock.monotonicMs();
  const settings = settingsFor(folder, wishOf(input), random);
  const parts = partsOf(context, input, settings);
  await bringUp(parts, {
    names: serversOf(input, settings),
    onServer: (event) => tell(context, event),
  });
  const tookMs = clock.monotonicMs() - startMs;
  terminal.document({ folder, tookMs: Math.round(tookMs), addresses: addressesOf(settings) });
  terminal.line(`the cluster is up after ${formatElapsed(tookMs)}; for a pipeline file:`);
  terminal.line();
  terminal.line(pipelineSections(settings).trimEnd());
  return EXIT.done;
}

async function down(
  context: CommandContext,
  input: CommandInput,
  folder: string,
): Promise<ExitCode> {
  const parts = partsOf(context, input, settingsOf(folder));
  const ended: string[] = [];
  await takeDown(parts, {
    names: serversOf(input, parts.settings),
    isKilled: flagOption(input, 'kill'),
    onServer: (event) => {
      tell(context, event);
      if (event.kind === 'ended') ended.push(event.name);
    },
  });
  context.terminal.document({ folder, ended });
  if (ended.length === 0) context.terminal.line('nothing was running');
  return EXIT.done;
}

function tell({ terminal }: CommandContext, event: ServerEvent): void {
  const name = event.name.padEnd(11);
  switch (event.kind) {
    case 'starting':
      terminal.progress(event.name, [`${name} starting`]);
      return;
    case 'found':
      terminal.line(`${name} runs already, process ${event.pid}`);
      return;
    case 'ready':
      terminal.progress(event.name, []);
      terminal.line(`${name} ready after ${formatElapsed(event.tookMs)}, process ${event.pid}`);
      return;
    case 'ended':
      terminal.line(`${name} ended after ${formatElapsed(event.tookMs)}, process ${event.pid}`);
      return;
    default:
      event satisfies never;
  }
}

/** Exit code 1 when a server is not ready. */
async function status({ terminal, clock }: CommandContext, parts: ClusterParts): Promise<ExitCode> {
  const servers = await lookAt(parts);
  const { folder } = parts.settings;
  terminal.document({ folder, servers, addresses: addressesOf(parts.settings) });
  const nowMs = clock.nowMs();
  const rows = servers.map((server) => statusRow(server, nowMs));
  const left = (title: string) => ({ title, align: 'left' as const });
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    left('server'),
    left('state'),
    right('process'),
    left('ports'),
    right('memory'),
    right('up'),
    left('version'),
  ];
  for (const line of textTable(columns, rows)) terminal.line(line);
  return servers.every(({ state }) => state === 'ready') ? EXIT.done : EXIT.no;
}

function statusRow(server: ServerStatus, nowMs: number): readonly string[] {
  const { name, state, pid, ports, rssBytes, version, startedAtMs } = server;
  return [
    name,
    state,
    pid === null ? '' : String(pid),
    ports.join(', '),
    rssBytes === null ? '' : formatBytes(rssBytes),
    startedAtMs === null ? '' : formatElapsed(nowMs - startedAtMs),
    version,
  ];
}

/**
 * Plays a share of the sweep in a process of its own: `node sweep-worker.ts '{"engine": ...}'`.
 * Prints one JSON document.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedEngine } from '../../src/engines/embedded/embedded-engine.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import { createFileEngine } from './file-engine.ts';
import { playScenario } from './reference-scenario.ts';
import type { RowFileContext } from './row-files.ts';
import type { WorldOptions } from './simulated-world.ts';
import { faultAt, pointText, pointsOf } from './sweep-points.ts';
import type { SweepPoint } from './sweep-points.ts';
import { timedEngine } from './timed-engine.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What a worker is asked to do. */
export interface SweepShare {
  readonly engine: 'files' | 'embedded';
  /** Of the bases. */
  readonly formatVersion: 2 | 3;
  /** Of the chosen points those whose number is `share` modulo `shares`. */
  readonly share: number;
  readonly shares: number;
  /** Takes every so manieth point that changes something, and every so manieth that reads. */
  readonly every: number;
  readonly everyRead: number;
  /** Only points with this in their text; absent: all. */
  readonly only?: string;
}

/** What came of it. */
export interface SweepResult {
  /** Operations of the scenario. */
  readonly operations: number;
  /** Points there are, and points that were played. */
  readonly points: number;
  readonly played: Readonly<Record<string, number>>;
  readonly starts: number;
  readonly crashes: number;
  readonly stops: Readonly<Record<string, number>>;
  readonly snapshots: number;
  readonly rows: number;
  readonly failures: readonly string[];
}

function choose(points: readonly SweepPoint[], share: SweepShare): readonly SweepPoint[] {
  const isRead = ({ name, variant }: SweepPoint): boolean =>
    variant === 'answer-lost' && /\.(?:read|load|list|materialise)/.test(name);
  const some = (list: readonly SweepPoint[], every: number): readonly SweepPoint[] =>
    list.filter((_, index) => index % every === 0);
  const reads = some(points.filter(isRead), share.everyRead);
  const changes = some(
    points.filter((point) => !isRead(point)),
    share.every,
  );
  const { only } = share;
  return [...changes, ...reads]
    .filter((point) => only === undefined || pointText(point).includes(only))
    .filter((_, index) => index % share.shares === share.share);
}

/** DuckDB over the world's store; time stands still while it works. */
function embedded(folder: string): WorldOptions {
  const stageFolder = join(folder, 'store');
  const engineOf = (context: RowFileContext, clock: VirtualClock): RowEngine => {
    const own = join(folder, uuidV7(context.clock, context.random));
    const parts = { ...context, stageFolder: own, readFolders: [stageFolder] };
    return timedEngine(createEmbeddedEngine(parts), clock);
  };
  return { engineOf, stageFolder };
}

async function sweep(share: SweepShare, options: WorldOptions): Promise<SweepResult> {
  const reference = await playScenario(options, () => null);
  const [first, second] = reference.operations;
  const points = [...pointsOf(first, 0), ...pointsOf(second, 1)];
  const played: Record<string, number> = {};
  const stops: Record<string, number> = {};
  const failures: string[] = [];
  const sums = { starts: 0, crashes: 0, snapshots: 0, rows: 0 };
  for (const point of choose(points, share)) {
    played[point.variant] = (played[point.variant] ?? 0) + 1;
    try {
      const { watch, audit } = await playScenario(options, (world) => faultAt(world, point));
      for (const code of watch.stops) stops[code] = (stops[code] ?? 0) + 1;
      sums.starts += watch.starts;
      sums.crashes += watch.crashes;
      sums.snapshots += audit.snapshots;
      sums.rows += audit.ledgerRows + audit.baseRows;
    } catch (error) {
      failures.push(`${pointText(point)}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  const operations = first.length + second.length;
  return { operations, points: points.length, played, stops, failures, ...sums };
}

async function main(share: SweepShare): Promise<SweepResult> {
  const { formatVersion } = share;
  const files = { engineOf: createFileEngine, formatVersion };
  if (share.engine === 'files') return sweep(share, files);
  const folder = await mkdtemp(join(tmpdir(), 'firn-sweep-'));
  try {
    return await sweep(share, { ...embedded(folder), formatVersion });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  // The only caller is the sweep's test.
  const share = JSON.parse(process.argv[2] ?? '{}') as SweepShare;
  process.stdout.write(JSON.stringify(await main(share)));
}

/**
 * The crash sweep: the reference scenario is played once for every operation of store, catalog and
 * source, and every way in which it can fail; afterwards the lake must be as if nothing had been.
 * `FIRN_SWEEP_ONLY` plays the points with that text only, as a failure names them.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SweepResult, SweepShare } from '../simulation/sweep-worker.ts';

const WORKER = fileURLToPath(new URL('../simulation/sweep-worker.ts', import.meta.url));

/** Processes side by side: the machines of CI have two cores. */
const SHARES = 2;

/** Errors that may end a process when an operation of its was disturbed. */
const EXPECTED_STOPS = new Set([
  'STORAGE-IO',
  'CATALOG-IO',
  'CATALOG-CREATE-UNKNOWN',
  'LEDGER-LATE-COMMIT',
  'SOURCE-BUSY',
]);

async function runShare(share: SweepShare): Promise<SweepResult> {
  const worker = spawn(process.execPath, [WORKER, JSON.stringify(share)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  worker.stdout.setEncoding('utf8');
  worker.stdout.on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(worker, 'close')) as [number | null];
  equal(code, 0, 'a worker of the sweep');
  return JSON.parse(output) as SweepResult;
}

async function sweep(share: Omit<SweepShare, 'share' | 'shares'>): Promise<SweepResult> {
  const only = process.env['FIRN_SWEEP_ONLY'];
  const chosen = only === undefined ? share : { ...share, every: 1, everyRead: 1, only };
  const results = await Promise.all(
    Array.from({ length: SHARES }, (_, index) =>
      runShare({ ...chosen, share: index, shares: SHARES }),
    ),
  );
  return results.reduce((left, right) => ({
    operations: left.operations,
    points: left.points,
    played: added(left.played, right.played),
    starts: left.starts + right.starts,
    crashes: left.crashes + right.crashes,
    stops: added(left.stops, right.stops),
    snapshots: left.snapshots + right.snapshots,
    rows: left.rows + right.rows,
    failures: [...left.failures, ...right.failures],
  }));
}

type Counts = Readonly<Record<string, number>>;

function added(left: Counts, right: Counts): Counts {
  const sum: Record<string, number> = { ...left };
  for (const [name, count] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function judge(result: SweepResult): string {
  const { failures, ...counts } = result;
  const again = 'FIRN_SWEEP_ONLY=<point> node --test test/proof/crash-sweep.test.ts';
  deepEqual(
    failures.slice(0, 10),
    [],
    `${failures.length} points failed; repeat one with ${again}`,
  );
  for (const code of Object.keys(counts.stops)) ok(EXPECTED_STOPS.has(code), code);
  return JSON.stringify(counts);
}

test('every operation survives every fault (spec: L4, L8, L9, C4, C5, C6, C8, C10, C16, B5, B9, M1, M3, P6)', async (t) => {
  // A read that fails only has to be stood: one in nine of them is made to.
  const result = await sweep({ engine: 'files', formatVersion: 2, every: 1, everyRead: 9 });
  t.diagnostic(judge(result));
});

test('some of them over the embedded engine too (spec: L4, M1, P6)', async (t) => {
  const formatVersion = 2;
  const result = await sweep({ engine: 'embedded', formatVersion, every: 71, everyRead: 301 });
  t.diagnostic(judge(result));
});

test('and in format version 3 (spec: L4, M1, M21, P6)', async (t) => {
  const formatVersion = 3;
  const files = await sweep({ engine: 'files', formatVersion, every: 11, everyRead: 101 });
  t.diagnostic(judge(files));
  const some = await sweep({ engine: 'embedded', formatVersion, every: 301, everyRead: 1201 });
  t.diagnostic(judge(some));
});

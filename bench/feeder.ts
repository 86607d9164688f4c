/**
 * Rows per second from column vectors to a Parquet file, by feeder. Ratios count: both feeders run
 * in turn on the same data in one process.
 *
 * `npm run bench feeder [rows]`: 8 columns (bigint, int, double, decimal(18,2), timestamp, 3
 * texts).
 */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBulkFeeder } from '../src/engines/embedded/bulk-feeder.ts';
import { openDuckdb } from '../src/engines/embedded/duckdb-instance.ts';
import type { DuckdbInstance } from '../src/engines/embedded/duckdb-instance.ts';
import { openStageTable } from '../src/engines/embedded/stage-table.ts';
import { createPlainFeeder, createTableFeeder } from '../src/engines/embedded/vector-feeder.ts';
import type { ByteRunFeeder, FedColumn } from '../src/engines/embedded/vector-feeder.ts';
import { ColumnBuilder } from '../src/model/column-builder.ts';
import type { ColumnType } from '../src/model/column-type.ts';
import { copyToParquet } from '../src/sql/parquet-statements.ts';

const TYPES: readonly ColumnType[] = [
  { kind: 'long' },
  { kind: 'int' },
  { kind: 'double' },
  { kind: 'decimal', precision: 18, scale: 2 },
  { kind: 'timestamp' },
  { kind: 'string' },
  { kind: 'string' },
  { kind: 'string' },
];
const STATES = ['new', 'paid', 'shipped', 'returned', 'cancelled', 'on hold'];
const BATCH_ROWS = 50_000;
const REPEATS = 3;

interface Batch {
  readonly columns: readonly FedColumn[];
  readonly rowCount: number;
}

interface Timing {
  readonly loadMs: number;
  readonly totalMs: number;
  readonly sizeBytes: number;
}

function makeBatches(rowCount: number): readonly Batch[] {
  const builders = TYPES.map((type) => new ColumnBuilder(type));
  const batches: Batch[] = [];
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  for (let row = 0; row < rowCount; row++) {
    const [pk, count, score, price, time, code, mail, status] = builders;
    pk?.appendBigInt(BigInt(row) * 3n);
    count?.appendNumber(random() % 1_000_000);
    score?.appendNumber(random() / 1e4);
    price?.appendBigInt(BigInt(random() % 100_000_000));
    time?.appendBigInt(1_767_225_600_000_000n + BigInt(random()) * 5000n);
    code?.appendString(`u${(random() % 10_000_000).toString(36)}`);
    mail?.appendString(`customer-${random().toString(16)}-${random().toString(36)}@example.org`);
    status?.appendString(STATES[random() % STATES.length] ?? '');
    if ((row + 1) % BATCH_ROWS === 0 || row + 1 === rowCount) {
      const columns = builders.map((builder, index) => {
        return { type: TYPES[index] ?? { kind: 'int' as const }, vector: builder.finish() };
      });
      batches.push({ columns, rowCount: (row % BATCH_ROWS) + 1 });
    }
  }
  return batches;
}

async function measure(
  instance: DuckdbInstance,
  feedRuns: ByteRunFeeder,
  work: { readonly batches: readonly Batch[]; readonly path: string },
): Promise<Timing> {
  const engine = { instance, feed: createTableFeeder(instance.driver, feedRuns) };
  const columns = TYPES.map((type, index) => ({ name: `c${index}`, type }));
  const start = performance.now();
  const table = await openStageTable(engine, columns);
  for (const batch of work.batches) await table.append(batch.columns, batch.rowCount);
  await table.flush();
  const loaded = performance.now();
  const copy = copyToParquet({
    columns: columns.map(({ name }, index) => {
      return { expression: name, name, fieldId: index + 1, children: null };
    }),
    source: `FROM ${table.name}`,
    path: work.path,
    rowGroupRows: 122_880,
  });
  await table.connection.run(copy);
  const end = performance.now();
  table.close();
  const { size } = await stat(work.path);
  return { loadMs: loaded - start, totalMs: end - start, sizeBytes: size };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

async function main(): Promise<void> {
  const rowCount = Number.parseInt(process.argv[2] ?? '1000000', 10);
  const folder = await mkdtemp(join(tmpdir(), 'firn-bench-'));
  await mkdir(join(folder, 'spill'));
  try {
    const batches = makeBatches(rowCount);
    const instance = await openDuckdb({
      threads: 2,
      memoryBytesMax: 2 ** 30,
      spillFolder: join(folder, 'spill'),
      spillBytesMax: 2 ** 32,
      folders: [folder],
      files: [],
    });
    const feeders = [
      ['plain', createPlainFeeder(instance.driver)],
      ['bulk', createBulkFeeder(instance.driver)],
    ] as const;
    const timings = new Map<string, Timing[]>(feeders.map(([name]) => [name, []]));
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const [name, feedRuns] of feeders) {
        const path = join(folder, `${name}.parquet`);
        timings.get(name)?.push(await measure(instance, feedRuns, { batches, path }));
      }
    }
    report(rowCount, timings);
    instance.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(rowCount: number, timings: ReadonlyMap<string, readonly Timing[]>): void {
  const medians = [...timings].map(([name, runs]) => ({
    name,
    loadMs: median(runs.map(({ loadMs }) => loadMs)),
    totalMs: median(runs.map(({ totalMs }) => totalMs)),
    sizeBytes: runs[0]?.sizeBytes ?? 0,
  }));
  for (const { name, loadMs, totalMs, sizeBytes } of medians) {
    const rate = (rowCount / totalMs / 1000).toFixed(2);
    const size = (sizeBytes / 1e6).toFixed(1);
    console.log(
      `${name.padEnd(6)} load ${loadMs.toFixed(0)} ms, with file ${totalMs.toFixed(0)} ms, ` +
        `${rate} M rows/s, ${size} MB`,
    );
  }
  const [plain, bulk] = medians;
  if (plain === undefined || bulk === undefined) return;
  const load = (plain.loadMs / bulk.loadMs).toFixed(2);
  const total = (plain.totalMs / bulk.totalMs).toFixed(2);
  console.log(`bulk against plain: load ${load}x, with file ${total}x`);
}

await main();

/**
 * A merge by Spark as Firn has it made, next to SQL that a person would write for the same window
 * in one session, with the settings that keep the base in place: processor time of Spark's server,
 * the two in turn, on equal tables. With `--hash` it has Firn's settings for hash joins as well.
 *
 * `FIRN_SPARK_ADDRESS=127.0.0.1:15002 npm run bench spark-merge [-- --rows N --keys N --runs N]`:
 * 10 M rows of 8 columns in 16 buckets, 50,000 changed keys and 5 runs without options. The server
 * must run on this machine. Eight of ten changes are updates, one deletes, one inserts; a fifth of
 * the keys has an older change in the same window.
 */
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { baseStateOf, bucketingOf, headOf, writeTarget } from '../src/base/base-table.ts';
import { HASH_JOIN, changesView, mergeStatement } from '../src/cluster/spark/merge-job.ts';
import { sparkPath } from '../src/cluster/spark/spark-text.ts';
import { listenerAt } from '../src/devcluster/process-table.ts';
import type { DataFile } from '../src/iceberg/manifest.ts';
import { MAIN_BRANCH } from '../src/iceberg/snapshot.ts';
import { assert, present } from '../src/kernel/assert.ts';
import { toSafeNumber } from '../src/kernel/integers.ts';
import { seededRandom } from '../src/kernel/random.ts';
import { parseColumnType } from '../src/model/column-type.ts';
import type { TableSchema } from '../src/model/table-schema.ts';
import { mergeOnSpark, mergeSubjectOf } from '../src/pipeline/cluster/spark/spark-merge.ts';
import { commitTsUs } from '../test/simulation/model-places.ts';
import { changeBatch, rowBatch } from '../test/simulation/row-cells.ts';
import type { TextChange } from '../test/simulation/row-cells.ts';
import { TablePair, committed } from '../test/simulation/table-pair.ts';
import { openSparkLake } from '../test/support/spark-lake.ts';
import type { SparkLake } from '../test/support/spark-lake.ts';
import { explain } from '../test/support/spark-plan.ts';

const ROWS = option('rows', 10_000_000);
const KEYS = option('keys', 50_000);
const RUNS = option('runs', 5);
const BUCKETS = 16;
const CHUNK = 100_000;
/** Clock ticks of Linux's process accounts. */
const TICK_MS = 10;

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number.parseInt(process.argv[at + 1] ?? '', 10);
}

const COLUMNS = [
  ['id', 'long', (id: number) => String(id)],
  ['count', 'int', (id: number) => String((id * 7919) % 1_000_003)],
  ['state', 'int', (id: number) => String(id % 7)],
  ['price', 'decimal(18,2)', (id: number) => String((id * 104_729) % 100_000_007)],
  ['made', 'timestamp', (id: number) => String(1_767_225_600_000_000 + id * 1000)],
  ['code', 'string', (id: number) => `u${(id * 48_611) % 9_999_991}`],
  ['mail', 'string', (id: number) => `customer-${(id * 611_953) % 99_999_989}@example.org`],
  ['status', 'string', (id: number) => ['new', 'paid', 'shipped', 'returned'][id % 4] ?? ''],
] as const;

function schemaOf(table: string): TableSchema {
  return {
    table: { namespace: 'bench', table },
    version: 1,
    columns: COLUMNS.map(([name, sourceType], index) => {
      const type = present(parseColumnType(sourceType), sourceType);
      return { id: index + 1, name, sourceName: name, sourceType, type };
    }),
    keyColumnIds: [1],
  };
}

const rowOf = (id: number): readonly string[] => COLUMNS.map(([, , value]) => value(id));

/** The base's files: keys 0, 3, 6, ... */
async function baseFiles(lake: SparkLake, pair: TablePair): Promise<readonly DataFile[]> {
  const { metadata } = await pair.base();
  const { schema } = pair;
  const bucketing = bucketingOf(metadata, schema);
  const writer = lake.engine.baseWriter(writeTarget(metadata), { schema, bucketing });
  for (let first = 0; first < ROWS; first += CHUNK) {
    const length = Math.min(CHUNK, ROWS - first);
    const rows = Array.from({ length }, (_, at) => rowOf(3 * (first + at)));
    await writer.append(rowBatch(schema, rows));
  }
  return writer.finish();
}

async function fill(pair: TablePair, added: readonly DataFile[]): Promise<void> {
  const { identifier, metadata } = await pair.base();
  const result = await pair.mergeParts().commit({
    identifier,
    tableUuid: metadata.tableUuid,
    ref: MAIN_BRANCH,
    parentId: headOf(metadata, MAIN_BRANCH),
    operation: 'append',
    added,
    removed: [],
    dataSequenceNumber: null,
    state: present(baseStateOf(await pair.base()), 'the state'),
    parentless: false,
    schema: null,
    rebase: 'never',
  });
  committed(result);
}

/** A round's changes; the same for the same round. */
function changesOf(round: number): readonly TextChange[] {
  const random = seededRandom(round);
  const draw = (): number => new DataView(random.bytes(8).buffer).getUint32(0);
  const changes: TextChange[] = [];
  const drawn = new Set<number>();
  while (drawn.size < KEYS) {
    const kind = drawn.size % 10;
    const id = 3 * (draw() % ROWS) + (kind === 9 ? 1 : 0);
    if (drawn.has(id)) continue;
    drawn.add(id);
    const seq = BigInt(round);
    const op = kind === 9 ? 'c' : kind === 8 ? 'd' : 'u';
    const values = rowOf(id).with(6, `changed in ${round}`);
    const at = 4 * drawn.size;
    if (drawn.size % 5 === 0) changes.push({ op: 'u', seq, row: at, values: rowOf(id) });
    changes.push({ op, seq, row: at + 2, values });
  }
  return changes;
}

/** What a person would write: newest change per key, then MERGE. */
function handWritten(schema: TableSchema, round: number): string {
  const names = schema.columns.map(({ name }) => `\`${name}\``);
  const { namespace, table } = schema.table;
  return `MERGE INTO ${sparkPath('firn', namespace, table)} AS t
USING (
  SELECT * FROM (
    SELECT *, row_number() OVER (
      PARTITION BY id ORDER BY _firn_epoch DESC, _firn_seq DESC, _firn_row DESC
    ) AS newest
    FROM ${sparkPath('firn', namespace, `${table}_ledger`)}
    WHERE _firn_epoch = 1 AND _firn_seq > ${round - 1} AND _firn_seq <= ${round}
  ) WHERE newest = 1
) AS s ON t.id = s.id
WHEN MATCHED AND s._firn_op = 'd' THEN DELETE
WHEN MATCHED THEN UPDATE SET ${names.map((name) => `t.${name} = s.${name}`).join(', ')}
WHEN NOT MATCHED AND s._firn_op <> 'd' THEN INSERT (${names.join(', ')})
  VALUES (${names.map((name) => `s.${name}`).join(', ')})`;
}

/** Processor time that a process has had, in milliseconds. */
function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number.parseInt(fields[11] ?? '', 10) + Number.parseInt(fields[12] ?? '', 10)) * TICK_MS;
}

interface Measured {
  readonly processorMs: number;
  readonly wallMs: number;
}

async function measured(pid: number, run: () => Promise<unknown>): Promise<Measured> {
  const [cpu, start] = [processorMs(pid), performance.now()];
  await run();
  return { processorMs: processorMs(pid) - cpu, wallMs: performance.now() - start };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

function tell(name: string, all: readonly Measured[]): string {
  const cpu = all.map((one) => (one.processorMs / 1000).toFixed(1)).join(' ');
  const wall = (median(all.map(({ wallMs }) => wallMs)) / 1000).toFixed(1);
  const middle = (median(all.map((one) => one.processorMs)) / 1000).toFixed(1);
  return `${name.padEnd(14)} ${middle} CPU s (${cpu}), ${wall} s wall\n`;
}

/** The plan moves no row of the base. */
async function checkPlan(lake: SparkLake, pair: TablePair, address: string): Promise<void> {
  const [base, ledger] = [await pair.base(), await pair.ledger()];
  const subject = mergeSubjectOf(lake.parts, { schema: pair.schema, base });
  const run = {
    branch: 'none',
    ledgerSnapshot: present(headOf(ledger.metadata, MAIN_BRANCH), 'the ledger'),
    from: { epoch: 1, seq: 0 },
    to: { epoch: 1, seq: 1 },
    late: null,
    truncate: null,
    buckets: null,
  };
  const merge = mergeStatement(subject, run).replace(/`\.`branch_none`/, '`');
  const plan = await explain(address, lake.parts.settings, [changesView(subject, run), merge]);
  process.stdout.write(process.argv.includes('--plan') ? `${plan}\n` : '');
  const lines = plan.split('\n');
  const scan = lines.findIndex((line) => /BatchScan firn\.bench\.firn\b/.test(line));
  assert(scan > 0, 'the plan scans the base');
  // Between the scan of the base and the join above it.
  const depth = (line: string): number => line.search(/[A-Za-z*]/);
  let at = scan;
  for (let above = scan - 1; above >= 0 && !/Join/.test(lines[at] ?? ''); above--) {
    if (depth(lines[above] ?? '') >= depth(lines[at] ?? '')) continue;
    at = above;
    assert(!/Exchange/.test(lines[at] ?? ''), `the base is moved:\n${plan}`);
  }
  process.stdout.write('the plan has no exchange on the base\n');
}

test('spark-merge', async (t) => {
  const address = process.env['FIRN_SPARK_ADDRESS'] ?? '';
  const pid = listenerAt(Number.parseInt(address.split(':')[1] ?? '', 10))?.pid;
  assert(typeof pid === 'number', 'FIRN_SPARK_ADDRESS names a server on this machine');
  const lake = await openSparkLake(t);
  const { context, engine, parts } = lake;
  const open = { buckets: BUCKETS, formatVersion: 2 } as const;
  const firn = await TablePair.open(context, engine, { ...open, schema: schemaOf('firn') });
  const hand = await TablePair.open(context, engine, { ...open, schema: schemaOf('hand') });
  const files = await baseFiles(lake, firn);
  // Both tables name the same files: neither changes one.
  await fill(firn, files);
  await fill(hand, files);
  const bytes = files.reduce((sum, file) => sum + file.fileSizeBytes, 0n);
  const mib = (toSafeNumber(bytes) / 2 ** 20).toFixed(0);
  process.stdout.write(`${ROWS} rows in ${files.length} files, ${mib} MiB; ${KEYS} keys change\n`);
  const session = await lake.open(process.argv.includes('--hash') ? [] : HASH_JOIN);
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  // The first ones warm the server.
  for (let round = 1; round <= RUNS + 2; round++) {
    for (const pair of [firn, hand]) {
      const batch = changeBatch(pair.schema, changesOf(round), { epoch: 1, commitTsUs });
      await pair.append(batch);
      await pair.flush(BigInt(round));
    }
    if (round === 1) await checkPlan(lake, firn, address);
    const [ledger, base] = [await firn.ledger(), await firn.base()];
    const request = { schema: firn.schema, ledger, base, ref: MAIN_BRANCH, commitTsUs: null };
    const byFirn = (): Promise<Measured> => measured(pid, () => mergeOnSpark(parts, request));
    const byHand = (): Promise<Measured> =>
      measured(pid, () => session.execute(handWritten(hand.schema, round)));
    const first = round % 2 === 0 ? await byFirn() : await byHand();
    const second = round % 2 === 0 ? await byHand() : await byFirn();
    if (round <= 2) continue;
    ours.push(round % 2 === 0 ? first : second);
    theirs.push(round % 2 === 0 ? second : first);
  }
  const counts = await Promise.all(
    ['firn', 'hand'].map((table) =>
      session.query(
        `SELECT count(*) AS n, sum(id) AS s, sum(count) AS c, count_if(mail LIKE 'ch%') AS m FROM firn.bench.${table}`,
      ),
    ),
  );
  assert(JSON.stringify(counts[0]) === JSON.stringify(counts[1]), 'both tables are equal');
  process.stdout.write(tell('firn', ours) + tell('hand-written', theirs));
  const of = (all: readonly Measured[]): number => median(all.map((one) => one.processorMs));
  process.stdout.write(`firn / hand-written: ${(of(ours) / of(theirs)).toFixed(2)} of CPU\n`);
});

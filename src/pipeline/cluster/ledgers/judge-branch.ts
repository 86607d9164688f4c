/**
 * What a table's branch holds that main has not, and whether it may be published. Reads only: what
 * is published is decided here, from the branch, the dead letters and the topic, in this order, so
 * that what is read later can only be more than what was counted on.
 */
import { currentSchema } from '../../../iceberg/table-metadata.ts';
import { present } from '../../../kernel/assert.ts';
import { scanFiles } from '../../../lake/scan-files.ts';
import { newBranchFiles } from '../../../ledger/branch-files.ts';
import type { BranchFiles } from '../../../ledger/branch-files.ts';
import { readDeadLetterRuns, readLedgerRows } from '../../../ledger/branch-rows.ts';
import type { LedgerRows } from '../../../ledger/branch-rows.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { nextOffsets, planPublish } from '../../../ledger/publish-plan.ts';
import type {
  MissingRecords,
  OffsetRun,
  PublishPlan,
  PublishRefusal,
  TopicNow,
} from '../../../ledger/publish-plan.ts';
import type { LoadedTable } from '../../../ports/catalog.ts';
import { MAIN_BRANCH } from '../../../iceberg/snapshot.ts';
import { loadTable } from '../../merge-runner.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { LedgerServices } from './ledger-services.ts';
import { lookAtRecords, unreadRuns } from './missing-records.ts';
import type { OpenRecords, UnreadRecord } from './missing-records.ts';

/** A ledger with its dead letters and its topic. */
export interface BranchTable {
  readonly ledger: LedgerTable;
  readonly letters: LedgerTable;
  readonly topicName: string;
}

/** What is new on the branches of a ledger and its dead letters. */
export interface NewWork {
  readonly rows: BranchFiles;
  readonly letters: BranchFiles;
  readonly ledger: LoadedTable;
  readonly lettersTable: LoadedTable;
}

/**
 * Looks at the branches of a table; `gone`: one of them is not there any more, or never was.
 *
 * @throws {FirnError} LEDGER-BRANCH-CHANGED, and those of catalog and storage
 */
export async function lookAtBranch(
  parts: PipelineParts,
  { ledger, letters }: BranchTable,
): Promise<NewWork | 'gone'> {
  const look = async (
    table: LedgerTable,
  ): Promise<{ loaded: LoadedTable; files: BranchFiles | null }> => {
    const { identifier, metadata, state } = table;
    const loaded = await loadTable(parts, identifier, metadata.tableUuid);
    const published = state.cluster?.published ?? null;
    const files =
      published === null ? null : await newBranchFiles(parts, loaded.metadata, published);
    return { loaded, files };
  };
  const found = await look(ledger);
  // After the ledger: a checkpoint's dead letters come with its rows, or a moment later.
  const aside = await look(letters);
  if (found.files === null || aside.files === null) return 'gone';
  const [rows, own] = [found.files, aside.files];
  return { rows, letters: own, ledger: found.loaded, lettersTable: aside.loaded };
}

/** What may be published of a table. */
export interface Publishable {
  readonly kind: 'publish';
  readonly topic: TopicNow;
  /** Offsets after it; the same as before: only dead letters are published. */
  readonly next: readonly bigint[];
  /** The branch's dead letters; `null`: they stay where they are. */
  readonly letters: BranchFiles | null;
  /** `null`: no new rows. */
  readonly rows: LedgerRows | null;
  /** Records that Firn itself sets aside with it. */
  readonly unread: readonly UnreadRecord[];
}

/** What became of looking at a table's new work. */
export type Judgement =
  | Publishable
  /** Rows were made with another version of the schema: the records must be read again. */
  | { readonly kind: 'stale' }
  /** A record before new rows left none so far. */
  | { readonly kind: 'waiting'; readonly record: OpenRecords }
  | PublishRefusal;

/** What is judged with. */
export interface JudgeParts {
  readonly pipeline: PipelineParts;
  readonly services: Pick<LedgerServices, 'kafka' | 'records'>;
  readonly epoch: number;
}

/** The topic of a table as it is now. */
export async function topicNow(
  { kafka }: Pick<LedgerServices, 'kafka'>,
  name: string,
): Promise<TopicNow> {
  return { name, ...(await kafka.offsets(name)) };
}

/**
 * Judges new work. `ends`: the records below them are known to have been read by the job, so that
 * those without a row are missing even when nothing came after them; `null`: that is not known.
 */
export async function judgeWork(
  parts: JudgeParts,
  subject: BranchTable,
  found: { readonly work: NewWork; readonly ends: readonly bigint[] | null },
): Promise<Judgement> {
  const { ledger, topicName } = subject;
  const { work, ends } = found;
  const { engine } = parts.pipeline;
  const rows =
    work.rows.files.length === 0
      ? null
      : await readLedgerRows(engine, filesOf(work.ledger, work.rows));
  if (rows !== null) {
    const epoch = BigInt(parts.epoch);
    if (rows.epochs.some((one) => one !== epoch)) return foreign('rows of another epoch');
    const version = BigInt(ledger.schema.version);
    if (rows.schemaVersions[1] > version) return foreign('rows of an unknown schema version');
    if (rows.schemaVersions[0] < version) return { kind: 'stale' };
  }
  const topic = await topicNow(parts.services, topicName);
  const next = nextOffsets(ledger.state.cluster?.offsets ?? new Map(), topic);
  if ('kind' in next) return next;
  const wanted = { topic: topicName, next };
  const letters = filesOf(work.lettersTable, work.letters);
  const runs = [...(rows?.runs ?? []), ...(await readDeadLetterRuns(engine, letters, wanted))];
  let plan = planPublish(topic, next, runs);
  if (plan.kind === 'publish' && ends !== null) plan = withTail(plan, ends);
  if (plan.kind === 'refused') return plan;
  if (plan.kind === 'publish') return { ...plan, topic, letters: work.letters, rows, unread: [] };
  return judgeMissing(parts, { work, topic, next, rows, runs, missing: plan.records });
}

function foreign(what: string): PublishRefusal {
  return { kind: 'refused', code: 'LEDGER-BRANCH-CHANGED', what };
}

function filesOf(
  { metadata }: LoadedTable,
  { files }: BranchFiles,
): Parameters<typeof readLedgerRows>[1] {
  return { icebergSchema: currentSchema(metadata), files };
}

function withTail(
  plan: Extract<PublishPlan, { kind: 'publish' }>,
  ends: readonly bigint[],
): PublishPlan {
  const records = ends.flatMap((end, partition) => {
    const first = plan.next[partition] ?? 0n;
    return first < end ? [{ partition, first, last: end - 1n }] : [];
  });
  return records.length === 0 ? plan : { kind: 'missing', records };
}

/** Accounts for missing records: dead letters that main has already, or that Firn must write. */
async function judgeMissing(
  { pipeline, services }: JudgeParts,
  found: {
    readonly work: NewWork;
    readonly topic: TopicNow;
    readonly next: readonly bigint[];
    readonly rows: LedgerRows | null;
    readonly runs: readonly OffsetRun[];
    readonly missing: readonly MissingRecords[];
  },
): Promise<Judgement> {
  const { work, topic, next, rows, missing } = found;
  // Published by a process that died before it could publish the ledger as well.
  const { metadata } = work.lettersTable;
  const main = await scanFiles(pipeline, { metadata, ref: MAIN_BRANCH });
  const onMain = { icebergSchema: currentSchema(metadata), files: main };
  const before = await readDeadLetterRuns(pipeline.engine, onMain, { topic: topic.name, next });
  const runs = [...found.runs, ...missing.flatMap((range) => clipped(before, range))];
  const plan = planPublish(topic, next, runs);
  if (plan.kind === 'refused') return plan;
  const still = missing.flatMap((range) => uncovered(range, runs));
  const { unread, open, isCut } = await lookAtRecords(services, topic, still);
  if (open !== null) return { kind: 'waiting', record: open };
  // Main has these dead letters from then on: the next look goes on behind them.
  if (isCut) return { kind: 'publish', topic, next, letters: null, rows: null, unread };
  const all = planPublish(topic, next, [...runs, ...unreadRuns(topic.name, unread)]);
  if (all.kind === 'missing') {
    const record = present(all.records[0], 'a record that is missing');
    return { kind: 'waiting', record: { ...record, isGone: false } };
  }
  return all.kind === 'refused' ? all : { ...all, topic, letters: work.letters, rows, unread };
}

/** What of runs lies within missing records. */
function clipped(runs: readonly OffsetRun[], range: MissingRecords): readonly OffsetRun[] {
  return runs.flatMap((run) => {
    if (run.partition !== range.partition) return [];
    const first = run.first > range.first ? run.first : range.first;
    const last = run.last < range.last ? run.last : range.last;
    return first > last ? [] : [{ ...run, first, last, rows: last - first + 1n }];
  });
}

/** What of missing records no run accounts for. */
function uncovered(range: MissingRecords, runs: readonly OffsetRun[]): readonly MissingRecords[] {
  const left: MissingRecords[] = [];
  let { first } = range;
  const inside = clipped(runs, range);
  for (const run of inside.toSorted((one, other) => (one.first < other.first ? -1 : 1))) {
    if (run.first > first) left.push({ ...range, first, last: run.first - 1n });
    first = run.last + 1n;
  }
  return first > range.last ? left : [...left, { ...range, first }];
}

/**
 * A process that helps to load tables and owns nothing (docs/spec/bootstrap.md B14 to B17): it
 * finds copies on their way in the lake, asks for a share, and loads chunks until no table of the
 * pipeline waits for any. It takes no mark, opens no branch, replays nothing and publishes nothing.
 */
import { baseIdentifier, baseStateOf } from '../base/base-table.ts';
import { BOOTSTRAP_BRANCH_PREFIX, resumableCopy } from '../bootstrap/bootstrap-table.ts';
import { COPY_LIMITS, branchState } from '../bootstrap/copy-parts.ts';
import type { Copy, CopyParts } from '../bootstrap/copy-parts.ts';
import { askForShare, loadShared } from '../bootstrap/shared-copy.ts';
import type { SharedRequest } from '../bootstrap/shared-copy.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { ledgerIdentifier, ledgerStateOf } from '../ledger/ledger-table.ts';
import type { BootstrapProgress } from '../model/bootstrap-progress.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { mergeParts } from './base-work.ts';
import { isLoadedByCluster } from './cluster/copies/load-rows.ts';
import { loadTable } from './merge-runner.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import { haltsTable, readHalts } from './state/halts.ts';
import { assertSameSelection, openSchemaStore, ruleFor } from './state/schema-store.ts';

/** Looking at every table of the lake takes this part of a worker's time at most. */
const LOOK_SHARE = 20;

/** Failures in a row, without a chunk in between, after which a worker ends. */
const FAILURES_MAX = 8;

const PAUSE_MS_FIRST = 500;
const PAUSE_MS_MAX = 30_000;

/** How a table stands, as a worker sees it. */
type Standing =
  /** Chunks can be claimed. */
  | { readonly kind: 'shared'; readonly copy: Copy; readonly progress: BootstrapProgress }
  /** Its owner loads it alone and can be asked. */
  | { readonly kind: 'alone'; readonly copy: Copy }
  /** Its owner has to do something first. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'nothing' };

/** What a worker remembers while it runs. */
interface Worker {
  readonly parts: PipelineParts;
  readonly signal: AbortSignal;
  /** Estimated rows by table. */
  readonly estimates: ReadonlyMap<string, bigint | null>;
  /** Tables that this process cannot read, with why. */
  readonly failed: Map<string, FirnError>;
  /** What it said last of those it waits for. */
  waited: string;
  /** Failures in a row. */
  failures: number;
}

/**
 * Loads chunks until no table of the pipeline needs any, or until `signal` aborts.
 *
 * @throws FirnError BOOTSTRAP-OTHER-SOURCE, what stopped a table here, and what outlasts tries
 */
export async function joinBootstraps(parts: PipelineParts, signal: AbortSignal): Promise<void> {
  const { config } = parts;
  if (isLoadedByCluster(config)) {
    const what = 'cluster.bootstrap is spark: nobody reads chunks that others could share';
    throw new FirnError('CONFIG-USAGE', { what, where: config.fileName });
  }
  const found = await parts.source.discover();
  const estimates = new Map(found.map((one) => [formatTableName(one.table), one.rowsEstimate]));
  const worker = { parts, signal, estimates, failed: new Map(), waited: '', failures: 0 };
  while (!signal.aborted) {
    try {
      if (!(await workRound(worker))) break;
      worker.failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      await rest(worker, error);
    }
  }
  for (const error of worker.failed.values()) throw error;
}

/** Waits before another try, where one may help. */
async function rest(worker: Worker, error: unknown): Promise<void> {
  const { parts, signal } = worker;
  const mayPass =
    isFirnError(error) &&
    error.code !== 'BOOTSTRAP-OTHER-SOURCE' &&
    ['retry', 'refresh', 'verify'].includes(error.disposition);
  if (!mayPass || ++worker.failures > FAILURES_MAX) throw error;
  const inMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** (worker.failures - 1));
  const { code, what, remedy } = error;
  parts.onEvent({ kind: 'retrying', code, what, remedy, inMs });
  await parts.clock.sleep(inMs, signal);
}

/** Looks at every table once and loads what can be loaded; `false`: nothing is left to do. */
async function workRound(worker: Worker): Promise<boolean> {
  const { parts, signal, failed } = worker;
  const startMs = parts.clock.monotonicMs();
  const limits = parts.copyLimits ?? COPY_LIMITS;
  const schemas = await openSchemaStore(parts.state, parts.config);
  if (schemas.tables().length === 0) {
    const what = 'The pipeline has captured no table yet: the process that runs it comes first.';
    const where = parts.state.locationOf('schemas.json');
    throw new FirnError('PIPELINE-STATE-MISSING', { what, where });
  }
  const halts = await readHalts(parts.state);
  const waiting: string[] = [];
  for (const table of schemas.tables()) {
    if (signal.aborted) return false;
    const name = formatTableName(table);
    const schema = schemas.newest(table);
    const isOurs = ruleFor(parts.config, table) !== null && !halts.has(name) && !failed.has(name);
    if (schema === null || schema.keyColumnIds.length === 0 || !isOurs) continue;
    const standing = await standingOf(parts, schema);
    if (standing.kind === 'nothing') continue;
    if (standing.kind === 'shared') {
      await loadOne(worker, { schema, limits, signal }, standing);
      // Others may have begun meanwhile.
      return true;
    }
    if (standing.kind === 'alone') {
      const { copy } = standing;
      await askForShare(copyParts(worker, schema, copy), { schema, limits, signal }, copy);
    }
    waiting.push(name);
  }
  if (waiting.length === 0) return false;
  tellWaiting(worker, waiting);
  const tookMs = parts.clock.monotonicMs() - startMs;
  await parts.clock.sleep(Math.max(limits.lookMs, tookMs * LOOK_SHARE), signal);
  return true;
}

async function standingOf(parts: PipelineParts, schema: TableSchema): Promise<Standing> {
  const base = await parts.catalog.loadTable(baseIdentifier(schema));
  const ledger = await parts.catalog.loadTable(ledgerIdentifier(schema));
  if (base === null || ledger === null) return { kind: 'waiting' };
  if (base.metadata.properties['firn.pipeline'] !== parts.config.name) return { kind: 'nothing' };
  const isBegun = Object.keys(base.metadata.refs).some((ref) =>
    ref.startsWith(BOOTSTRAP_BRANCH_PREFIX),
  );
  if (!isBegun) return { kind: baseStateOf(base) === null ? 'waiting' : 'nothing' };
  const epoch = ledgerStateOf(ledger)?.completeTo.epoch ?? 0;
  const copy = resumableCopy({ schema, epoch }, { base, ledger });
  if (copy === null) return { kind: 'waiting' };
  const progress = branchState(base, copy.branch).bootstrap;
  // What is left is for the owner alone; so is a copy that an older version began.
  if (progress === null || progress.chunksDone || progress.low === null) return { kind: 'nothing' };
  return progress.shared === null ? { kind: 'alone', copy } : { kind: 'shared', copy, progress };
}

async function loadOne(
  worker: Worker,
  request: SharedRequest,
  { copy, progress }: Extract<Standing, { kind: 'shared' }>,
): Promise<void> {
  const { parts, failed, signal } = worker;
  const { schema } = request;
  const name = formatTableName(schema.table);
  parts.onEvent({ kind: 'note', text: `${name}: loading it together with others` });
  let rows = progress.rows;
  const shown = copyParts(worker, schema, copy);
  const counted = {
    ...shown,
    onProgress(next: BootstrapProgress): void {
      rows = Math.max(rows, next.rows);
      shown.onProgress(next);
    },
  };
  try {
    assertSameSelection(parts.config, schema);
    await assertSameSource(parts, copy);
    const end = await loadShared(counted, request, { copy, isOwner: false });
    if (end === 'done') parts.onEvent({ kind: 'loaded', table: name, rows });
  } catch (error) {
    if (isFirnError(error, 'BOOTSTRAP-STOPPED') && signal.aborted) return;
    if (!haltsTable(error)) throw error;
    // Its owner finds the same or not; the other tables go on here.
    failed.set(name, error);
    const { code, what, remedy } = error;
    parts.onEvent({ kind: 'note', text: `${name} is left to others: ${what} [${code}] ${remedy}` });
  }
}

async function assertSameSource(parts: PipelineParts, { base, branch }: Copy): Promise<void> {
  const { sourceId, label } = await parts.source.identify();
  if (sourceId === branchState(base, branch).sourceId) return;
  const what = 'The database of this pipeline file is not the one that the table is loaded from';
  throw new FirnError('BOOTSTRAP-OTHER-SOURCE', { what, where: label });
}

function copyParts(worker: Worker, schema: TableSchema, { base }: Copy): CopyParts {
  const { parts, estimates } = worker;
  const name = formatTableName(schema.table);
  const estimate = estimates.get(name) ?? null;
  return {
    ...mergeParts(parts),
    source: parts.source,
    loadBase: () => loadTable(parts, base.identifier, base.metadata.tableUuid),
    onProgress: ({ rows }) => {
      const rowsTotal = estimate === null ? null : toSafeNumber(estimate);
      parts.onEvent({ kind: 'bootstrap-progress', table: name, rows, rowsTotal });
    },
  };
}

function tellWaiting(worker: Worker, waiting: readonly string[]): void {
  const names = waiting.slice(0, 8).join(', ');
  const more = waiting.length > 8 ? ` and ${waiting.length - 8} more` : '';
  const text = `waiting for the process that runs the pipeline to share: ${names}${more}`;
  if (text !== worker.waited) worker.parts.onEvent({ kind: 'note', text });
  worker.waited = text;
}

/** Fills the status document from the catalog and, where a run is going on, from its state. */
import { readersOf } from '../../bootstrap/chunk-claims.ts';
import { MAIN_BRANCH, refSnapshot } from '../../iceberg/snapshot.ts';
import type { Snapshot } from '../../iceberg/snapshot.ts';
import { unmergedRows } from '../../ledger/unmerged-rows.ts';
import { formatMark } from '../../model/change-sequence.ts';
import { STATUS_VERSION } from '../../monitor/status-document.ts';
import type {
  BaseStatus,
  BootstrapStatus,
  HaltStatus,
  LedgerStatus,
  OwnerStatus,
  StatusDocument,
  TableState,
  TableStatus,
} from '../../monitor/status-document.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableName } from '../../model/table-schema.ts';
import type { LoadedTable } from '../../ports/catalog.ts';
import type { ChangeSource } from '../../ports/source.ts';
import type { CapturedTable } from '../captured-table.ts';
import type { Halt } from '../state/halts.ts';
import type { LakeReaderParts, TableView } from './lake-view.ts';
import { countDeadLetters, viewTables } from './lake-view.ts';
import type { RunState } from '../run-state.ts';

/** What a status is made from. */
export interface StatusParts extends LakeReaderParts {
  readonly pipeline: string;
  readonly engine: StatusDocument['engine'];
  /** Source without secrets. */
  readonly sourceLabel: string;
  readonly nowMs: number;
  readonly monotonicMs: number;
  readonly owner: OwnerStatus | null;
  readonly run: RunState | null;
  /** What keeps the whole pipeline from working. */
  readonly halted: HaltStatus | null;
  readonly halts: ReadonlyMap<string, Halt>;
  /** Whether the pipeline file names a table; one that it named before stays in the lake. */
  readonly isNamed: (table: TableName) => boolean;
  /** When the copy of a dropped table is removed, in milliseconds since 1970; `null`: it stays. */
  readonly removalTimeMs: (table: TableName, halt: Halt | null) => number | null;
  readonly source: Pick<ChangeSource, 'lag' | 'oldest'>;
  /** How long Kafka keeps records; `null`: there is none between source and ledgers. */
  readonly topicRetentionMs: number | null;
}

/** The status of a pipeline now. */
export async function buildStatus(parts: StatusParts): Promise<StatusDocument> {
  const views = (await viewTables(parts)).filter(({ schema }) => parts.isNamed(schema.table));
  const lag = await sourceLag(parts, views);
  const letters = new Map<TableView, number | null>();
  for (const view of views) letters.set(view, await countDeadLetters(parts, view));
  return {
    version: STATUS_VERSION,
    pipeline: parts.pipeline,
    engine: parts.engine,
    source: parts.sourceLabel,
    updatedAtMs: Math.trunc(parts.nowMs),
    owner: parts.owner,
    halted: parts.halted,
    ...lag,
    findings: (parts.run?.findings ?? []).map(({ severity, code, table, message }) => {
      const about = table === null ? '' : `${formatTableName(table)}: `;
      return { severity, code, what: `${about}${message}` };
    }),
    tables: [
      ...views.map((view) => ({
        ...tableStatus({ ...parts, ...lag }, view),
        deadLetters: letters.get(view) ?? null,
      })),
      ...refusedStatus(parts, views),
    ],
  };
}

/** How far the source is ahead, and how long it keeps what is still to be read. */
async function sourceLag(
  parts: StatusParts,
  views: readonly TableView[],
): Promise<Pick<StatusDocument, 'lagChanges' | 'lagBytes' | 'logKeptUntilMs'>> {
  const { source, run, halts } = parts;
  const position = run?.position ?? null;
  const lag = position === null ? null : await source.lag(position);
  // A halted table goes on from its own place.
  const oldest = views.reduce((place, { name, ledgerState }) => {
    const own = halts.get(name)?.scope === 'capture' ? (ledgerState?.position ?? null) : null;
    return own === null || place === null ? place : source.oldest(place, own);
  }, position);
  const isSame = oldest === null || oldest.token === position?.token;
  const kept = isSame ? lag : await source.lag(oldest);
  return {
    lagChanges: typeof lag?.changes === 'bigint' ? countOf(String(lag.changes)) : null,
    lagBytes: typeof lag?.bytes === 'bigint' ? countOf(String(lag.bytes)) : null,
    logKeptUntilMs: earlier(kept?.keptUntilMs ?? null, topicsKeptUntilMs(parts)),
  };
}

/**
 * Before when no record leaves Kafka that a ledger lacks: what is older than the last time that all
 * were complete is on the ledgers, and a halted table has had nothing since it halted.
 */
function topicsKeptUntilMs({ topicRetentionMs, run, halts, ...now }: StatusParts): number | null {
  const completeAtMs = run?.completeAtMs ?? null;
  if (topicRetentionMs === null || completeAtMs === null) return null;
  const haltedMs = [...halts.values()].flatMap(({ scope, sinceMs }) => {
    return scope === 'capture' ? [sinceMs] : [];
  });
  const since = Math.min(now.nowMs - (now.monotonicMs - completeAtMs), ...haltedMs);
  return Math.trunc(since + topicRetentionMs);
}

function earlier(left: number | null, right: number | null): number | null {
  return left === null || right === null ? (left ?? right) : Math.min(left, right);
}

/** Tables that the source never gave: they have no lake tables, only a reason. */
function refusedStatus(parts: StatusParts, views: readonly TableView[]): readonly TableStatus[] {
  const shown = new Set(views.map(({ name }) => name));
  return [...parts.halts]
    .filter(([name, { scope }]) => !shown.has(name) && scope !== 'retired')
    .map(([table, halt]) => ({
      table,
      state: 'halted',
      retired: null,
      bootstrap: null,
      ledger: { completeTo: null, rows: 0, files: 0, sizeBytes: 0, lastCommitMs: null },
      base: null,
      lagSeconds: null,
      unmergedRows: null,
      deadLetters: null,
      halted: haltStatus(halt),
      lastVerify: null,
    }));
}

/** {@link StatusParts} with what the source says. */
interface TableStatusParts extends StatusParts {
  readonly lagChanges: number | null;
}

function tableStatus(parts: TableStatusParts, view: TableView): Omit<TableStatus, 'deadLetters'> {
  const table = parts.run?.tables.get(view.name) ?? null;
  const halt = table?.halt ?? parts.halts.get(view.name) ?? null;
  return {
    table: view.name,
    state: stateOf(view, table, halt),
    bootstrap: bootstrapStatus(parts, table),
    ledger: ledgerStatus(view),
    base: view.base === null ? null : baseStatus(view, view.base),
    lagSeconds: lagSeconds(parts),
    unmergedRows:
      view.baseState === null
        ? null
        : unmergedRows(view.ledger.metadata, view.baseState.ledgerSeen),
    ...stopOf(halt, parts.removalTimeMs(view.schema.table, halt)),
    lastVerify: null,
  };
}

/** Why a table stopped: halted, or retired. */
function stopOf(
  halt: Halt | null,
  removedAtMs: number | null,
): Pick<TableStatus, 'halted' | 'retired'> {
  if (halt === null) return { halted: null, retired: null };
  if (halt.scope !== 'retired') return { halted: haltStatus(halt), retired: null };
  const { what, remedy, sinceMs } = haltStatus(halt);
  return { halted: null, retired: { what, remedy, sinceMs, removedAtMs } };
}

/** A stored status with the halts as they are now: some were settled since. */
export function withHalts(
  status: StatusDocument,
  halts: ReadonlyMap<string, Halt>,
): StatusDocument {
  const tables = status.tables.map((table): TableStatus => {
    const halt = halts.get(table.table);
    if (halt !== undefined) {
      const state = halt.scope === 'retired' ? 'retired' : 'halted';
      return { ...table, state, ...stopOf(halt, table.retired?.removedAtMs ?? null) };
    }
    const isAsItWas = table.halted === null && table.retired === null;
    return isAsItWas ? table : { ...table, state: 'waiting', halted: null, retired: null };
  });
  return { ...status, tables };
}

function haltStatus(halt: Halt): HaltStatus {
  const { code, what, remedy, sinceMs } = halt;
  return { code, what, remedy, sinceMs: Math.trunc(sinceMs) };
}

function stateOf(view: TableView, table: CapturedTable | null, halt: Halt | null): TableState {
  if (halt !== null) return halt.scope === 'retired' ? 'retired' : 'halted';
  if (view.base === null) return 'ledger-only';
  if (table !== null && (table.bootstrap !== null || table.needsBootstrap)) return 'bootstrapping';
  return view.baseState === null ? 'waiting' : 'streaming';
}

function bootstrapStatus(parts: StatusParts, table: CapturedTable | null): BootstrapStatus | null {
  const running = table?.bootstrap ?? null;
  if (table === null || running === null) return null;
  const { rows } = running.progress;
  const estimate = table.source.rowsEstimate;
  const rowsTotal = estimate === null ? null : countOf(String(estimate));
  const seconds = (parts.monotonicMs - running.startedMs) / 1000;
  const rate = seconds > 0 ? (rows - running.rowsAtStart) / seconds : 0;
  return {
    rows,
    rowsTotal,
    rowsPerSecond: rate > 0 ? Math.round(rate) : null,
    etaSeconds:
      rowsTotal === null || rate <= 0 ? null : Math.max(0, Math.round((rowsTotal - rows) / rate)),
    readers: readersOf(running.progress),
  };
}

function ledgerStatus(view: TableView): LedgerStatus {
  const head = headSnapshot(view.ledger);
  return {
    completeTo: view.ledgerState === null ? null : formatMark(view.ledgerState.completeTo),
    rows: total(head, 'total-records'),
    files: total(head, 'total-data-files'),
    sizeBytes: total(head, 'total-files-size'),
    lastCommitMs: head?.timestampMs ?? null,
  };
}

function baseStatus(view: TableView, base: LoadedTable): BaseStatus {
  const head = headSnapshot(base);
  const { baseState } = view;
  const ts = baseState?.watermarkTsUs ?? null;
  const deletedRows = total(head, 'total-position-deletes');
  return {
    watermark: baseState === null ? null : formatMark(baseState.watermark),
    watermarkTimeMs: ts === null ? null : countOf(String(ts / 1000n)),
    snapshotId: head === null ? null : String(head.snapshotId),
    rows: total(head, 'total-records') - deletedRows,
    files: total(head, 'total-data-files'),
    sizeBytes: total(head, 'total-files-size'),
    deleteFiles: total(head, 'total-delete-files'),
    deletedRows,
    formatVersion: base.metadata.formatVersion,
    lastMergeMs: head?.timestampMs ?? null,
  };
}

/** 0 when the stream has passed everything it knows of; unknown without a run. */
function lagSeconds(parts: TableStatusParts): number | null {
  const { run, lagChanges, nowMs } = parts;
  if (run === null) return null;
  if (lagChanges === 0) return 0;
  if (run.commitTsUs === null) return null;
  return Math.max(0, (nowMs - countOf(String(run.commitTsUs / 1000n))) / 1000);
}

function headSnapshot(table: LoadedTable): Snapshot | null {
  return refSnapshot(table.metadata, MAIN_BRANCH);
}

function total(snapshot: Snapshot | null, key: string): number {
  return countOf(snapshot?.summary[key] ?? '0');
}

/** Decimal text as a count; beyond 2^53 the last digits do not matter to a status. */
function countOf(text: string): number {
  return Number.parseInt(text, 10);
}

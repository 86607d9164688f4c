/**
 * The proof that bases equal their source (docs/spec/pipeline.md P14): all rows of the source at
 * one point in time against the base, with the ledger settling what changed between the two.
 */
import { MAIN_BRANCH, ancestors } from '../../iceberg/snapshot.ts';
import { floorFromJson } from '../../ledger/floor.ts';
import { readStateAtHead } from '../../lake/table-state.ts';
import { compareMarks, formatMark, laterMark } from '../../model/change-sequence.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import type { TableName, TableSchema } from '../../model/table-schema.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ComparisonResult, RowEngine } from '../../ports/row-engine.ts';
import type { ChangeSource } from '../../ports/source.ts';
import { haltsTable, readHalts } from '../state/halts.ts';
import type { Halt } from '../state/halts.ts';
import { countDeadLetters, findView, queryTable, viewTables } from './lake-view.ts';
import type { LakeReaderParts, TableView } from './lake-view.ts';

/** What a proof works with. */
export interface VerifyParts extends LakeReaderParts {
  readonly clock: Clock;
  readonly source: ChangeSource;
  readonly engine: RowEngine;
  /** Columns by name with JSON that is not in the source's spelling. */
  readonly documentsOf: (schema: TableSchema) => readonly string[];
  /** Whether the pipeline file names a table; one that it named before stays in the lake. */
  readonly isNamed: (table: TableName) => boolean;
  /** Asks the owner to bring the ledgers to this mark; `false` when there is no owner. */
  readonly reach: (mark: SequenceMark) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** What was found about one table. */
export type TableProof =
  | {
      readonly kind: 'compared';
      readonly table: string;
      readonly equal: boolean;
      /** Point of the source that was read: `epoch:seq`, or two of them between which it lies. */
      readonly sourceMark: string;
      readonly watermark: string;
      readonly result: ComparisonResult;
      /** The ledger does not reach the source's point: differences may be changes under way. */
      readonly ledgerBehind: boolean;
      /** Records set aside unread that it may lack; `null`: the engine sets none aside. */
      readonly deadLetters: number | null;
      /** Why the table is halted: it is compared as it stands. `null`: it is not. */
      readonly halted: Pick<Halt, 'code' | 'what' | 'remedy'> | null;
    }
  | { readonly kind: 'skipped'; readonly table: string; readonly reason: string }
  /** It should have been compared and could not be. */
  | {
      readonly kind: 'failed';
      readonly table: string;
      readonly reason: string;
      readonly code: string;
      readonly remedy: string;
    };

/** The proof of a pipeline. */
export interface VerifyReport {
  /** Every table that can be compared is equal, and at least one was compared. */
  readonly equal: boolean;
  readonly tables: readonly TableProof[];
}

/** Differences named per table. */
const DIFFERENCES_MAX = 100;

/** How long a proof waits for ledgers that an owner is bringing up. */
const REACH_MS_MAX = 30_000;

const BATCH_ROWS_MAX = 50_000;

/** Compares one table or all of them. */
export async function verifyTables(
  parts: VerifyParts,
  table: string | null,
): Promise<VerifyReport> {
  const views = await viewTables(parts);
  const chosen = table === null ? views : [findView(views, table)];
  const halts = await readHalts(parts.state);
  const proofs: TableProof[] = [];
  for (const view of chosen) {
    if (!parts.isNamed(view.schema.table)) {
      const reason = 'The pipeline file does not name it any more.';
      proofs.push({ kind: 'skipped', table: view.name, reason });
      continue;
    }
    const halt = halts.get(view.name) ?? null;
    if (halt?.scope === 'retired') {
      proofs.push({ kind: 'skipped', table: view.name, reason: `${halt.what}.` });
      continue;
    }
    // The ledger of a halted table is not coming.
    const reach = halt === null ? parts.reach : () => Promise.resolve(false);
    proofs.push(await proveTable({ ...parts, reach }, view, halt));
  }
  if (table === null) proofs.push(...refusedProofs(views, halts));
  const compared = proofs.filter((proof) => proof.kind !== 'skipped');
  const equal = compared.every((proof) => proof.kind === 'compared' && proof.equal);
  return { equal: compared.length > 0 && equal, tables: proofs };
}

/** Tables that have nothing in the lake because the source could not give them. */
function refusedProofs(
  views: readonly TableView[],
  halts: ReadonlyMap<string, Halt>,
): readonly TableProof[] {
  return [...halts]
    .filter(([table]) => !views.some(({ name }) => name === table))
    .map(([table, halt]) => haltedProof(table, halt));
}

/** A table that is halted and has nothing to compare. */
function haltedProof(table: string, { what: reason, code, remedy }: Halt): TableProof {
  return { kind: 'failed', table, reason, code, remedy };
}

/** What stops one table does not keep the others from being proved. */
async function proveTable(
  parts: VerifyParts,
  view: TableView,
  halt: Halt | null,
): Promise<TableProof> {
  try {
    return await verifyTable(parts, view, halt);
  } catch (error) {
    if (!haltsTable(error)) throw error;
    const { code, what: reason, remedy } = error;
    return { kind: 'failed', table: view.name, reason, code, remedy };
  }
}

async function verifyTable(
  parts: VerifyParts,
  view: TableView,
  halt: Halt | null,
): Promise<TableProof> {
  const { name, schema, base, baseState, ledgerState } = view;
  if (base === null) return { kind: 'skipped', table: name, reason: 'ledger only: it has no key' };
  if (baseState === null || ledgerState === null) {
    if (halt !== null) return haltedProof(name, halt);
    return { kind: 'skipped', table: name, reason: 'its bootstrap is not finished' };
  }
  const { epoch } = ledgerState.completeTo;
  const { signal } = parts;
  const read = { schema, epoch, batchRowsMax: BATCH_ROWS_MAX, signal };
  const { low, high, batches } = await parts.source.readAll(read);
  const behind = !(await ledgerReaches(parts, view, high.completeTo));
  // Read again: the ledger moved on while it was waited for.
  const now = findView(await viewTables(parts), name);
  const compared = { base, watermark: baseState.watermark };
  if (now.base !== null && now.baseState !== null && !leadsOn(view, now)) {
    compared.base = now.base;
    compared.watermark = now.baseState.watermark;
  }
  const { watermark } = compared;
  const result = await parts.engine.compare({
    schema,
    documents: parts.documentsOf(schema),
    source: batches,
    sourceMarks: { low: low.completeTo, high: high.completeTo },
    base: await queryTable(parts, compared.base),
    baseWatermark: watermark,
    ledger: await queryTable(parts, now.ledger),
    differencesMax: DIFFERENCES_MAX,
  });
  return {
    kind: 'compared',
    table: name,
    equal: result.differencesTotal === 0,
    sourceMark: rangeText(low.completeTo, high.completeTo),
    watermark: formatMark(watermark),
    result,
    ledgerBehind: behind,
    deadLetters: await countDeadLetters(parts, now),
    halted: halt === null ? null : { code: halt.code, what: halt.what, remedy: halt.remedy },
  };
}

/**
 * Whether the base as it was before the source was read still stands for the log up to its
 * watermark, with every later change in the ledger. It is then the better one to compare: of a base
 * that has gone on past the read, the ledger may not know what rows were before.
 */
function leadsOn(before: TableView, now: TableView): boolean {
  const [then, state] = [before.base?.metadata, before.baseState];
  const metadata = now.base?.metadata;
  if (then === undefined || state === null || metadata === undefined) return false;
  const retainedFrom = now.ledgerState?.retainedFrom ?? null;
  if (retainedFrom !== null && compareMarks(retainedFrom, state.watermark) > 0) return false;
  if (metadata.tableUuid !== then.tableUuid) return false;
  return ancestors(metadata, metadata.currentSnapshotId).some(({ snapshotId }) => {
    return snapshotId === then.currentSnapshotId;
  });
}

function rangeText(low: SequenceMark, high: SequenceMark): string {
  return compareMarks(low, high) === 0
    ? formatMark(low)
    : `${formatMark(low)}..${formatMark(high)}`;
}

/** Whether the ledger holds everything up to `mark`, waiting for an owner that is on its way. */
async function ledgerReaches(
  parts: VerifyParts,
  view: TableView,
  mark: SequenceMark,
): Promise<boolean> {
  const startMs = parts.clock.monotonicMs();
  for (;;) {
    if (compareMarks(await effectiveCompleteTo(parts, view), mark) >= 0) return true;
    if (parts.signal.aborted || !(await parts.reach(mark))) return false;
    if (parts.clock.monotonicMs() - startMs > REACH_MS_MAX) return false;
    await parts.clock.sleep(100, parts.signal);
  }
}

/** The later of a ledger's own complete-to and the floor's, where the floor lists its head. */
async function effectiveCompleteTo(parts: VerifyParts, view: TableView): Promise<SequenceMark> {
  const ledger = await parts.catalog.loadTable(view.ledger.identifier);
  const state = ledger === null ? null : readStateAtHead(ledger.metadata, MAIN_BRANCH);
  const own = state?.kind === 'ledger' ? state.completeTo : { epoch: 0, seq: 0n };
  const text = await parts.state.read('floor.json');
  if (text === null || ledger === null) return own;
  const floor = floorFromJson(text, parts.state.locationOf('floor.json'));
  const listed = floor.ledgers.get(ledger.metadata.tableUuid) ?? null;
  return listed !== null && listed === ledger.metadata.currentSnapshotId
    ? laterMark(own, floor.completeTo)
    : own;
}

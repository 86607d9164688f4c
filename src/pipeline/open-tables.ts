/**
 * The start of a run: which tables there are, where each one stands, and whether the source still
 * is what it was. Ends with every healthy table's ledger open at a committed place in one epoch; a
 * table that cannot be opened is halted by name and the others go on.
 */
import { baseFormat } from '../base/base-format.ts';
import { baseStateOf, ensureBase } from '../base/base-table.ts';
import { evolveBase } from '../base/evolve-base.ts';
import { BOOTSTRAP_BRANCH_PREFIX } from '../bootstrap/bootstrap-table.ts';
import { MAIN_BRANCH, ancestors, findRef } from '../iceberg/snapshot.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import { assert } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { LedgerState } from '../lake/table-state.ts';
import { floorFromJson } from '../ledger/floor.ts';
import type { Floor } from '../ledger/floor.ts';
import {
  ensureLedger,
  ledgerStateOf,
  ledgerTable,
  newLedgerState,
  stateCommit,
} from '../ledger/ledger-table.ts';
import type { LedgerTable } from '../ledger/ledger-table.ts';
import { compareMarks } from '../model/change-sequence.ts';
import type { SourceTable } from '../model/source-event.ts';
import type { SourcePosition } from '../model/source-position.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { PositionVerdict, SourceMark } from '../ports/source.ts';
import { evolvedSchema } from '../schema/schema-change.ts';
import { capturedTable, isCapturing } from './captured-table.ts';
import type { CapturedTable } from './captured-table.ts';
import { commitToTable } from './commit-tables.ts';
import { haltOf, haltsTable, readHalts, writeHalts } from './state/halts.ts';
import type { Halt, HaltScope } from './state/halts.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import { sortTables } from './refused-tables.ts';
import { assertSameSelection } from './state/schema-store.ts';
import type { SchemaStore } from './state/schema-store.ts';

/** Everything a stream starts from. */
export interface OpenedTables {
  readonly epoch: number;
  /** Read after this place: the oldest that any capturing table needs; `null`: nothing to read. */
  readonly from: SourcePosition | null;
  readonly tables: readonly CapturedTable[];
  /** Names of all tables that the source has, refused ones too. */
  readonly known: ReadonlySet<string>;
  /** Ledgers of the tables that are capturing. */
  readonly ledgers: readonly LedgerTable[];
}

interface Capture {
  readonly table: CapturedTable;
  /** `null`: halted while it was opened. */
  readonly ledger: {
    readonly loaded: LoadedTable;
    readonly state: LedgerState | null;
    /** History is missing from the halt on: the ledger starts again behind a gap. */
    readonly reload: boolean;
  } | null;
}

/** Whether a halted table is to be loaded again at the next start. */
function isReload(halt: Halt | undefined): boolean {
  return halt?.scope === 'capture' && halt.recovery === 'bootstrap';
}

/**
 * Opens the tables that the pipeline file names.
 *
 * @throws FirnError PIPELINE-NO-TABLES, and what source, catalog and storage throw
 */
export async function openTables(
  parts: PipelineParts,
  schemas: SchemaStore,
): Promise<OpenedTables> {
  const discovered = await parts.source.discover();
  const { taken, refused } = await sortTables(parts, schemas, discovered);
  if (taken.length === 0) {
    const reasons = [...refused.values()].map(({ what, code }) => `\n  ${what} [${code}]`);
    throw new FirnError('PIPELINE-NO-TABLES', {
      what: `None of the tables of the pipeline file can be read from the source:${reasons.join('')}`,
      where: parts.config.fileName,
    });
  }
  for (const [table, halt] of refused) parts.onEvent({ kind: 'halted', table, halt });
  const halts = await readHalts(parts.state);
  const found: { readonly source: SourceTable; readonly schema: TableSchema }[] = [];
  for (const source of taken) {
    const reload = isReload(halts.get(formatTableName(source.table)));
    // A known table keeps its registered schema here: what changed meanwhile is the stream's news.
    const known = reload ? null : schemas.newest(source.table);
    const schema = known ?? (await schemas.resolve(source));
    assertSameSelection(parts.config, schema);
    found.push({ source, schema });
  }
  await parts.source.prepare(found.map(({ schema }) => schema));
  const captures: Capture[] = [];
  for (const { source, schema } of found) {
    const halt = halts.get(formatTableName(schema.table)) ?? null;
    captures.push(await openOne(parts, { source, schema, halt }));
  }
  const opened = await place(parts, captures);
  // Halts of tables that are no longer named go.
  await writeHalts(parts.state, withHaltsOf(opened.tables, refused));
  const known = new Set(discovered.map(({ table }) => formatTableName(table)));
  return { ...opened, known };
}

/** Stores the halts of the tables of a run; those of refused tables stay. */
export async function storeHalts(
  parts: PipelineParts,
  tables: readonly CapturedTable[],
): Promise<void> {
  await writeHalts(parts.state, withHaltsOf(tables, await readHalts(parts.state)));
}

function withHaltsOf(
  tables: readonly CapturedTable[],
  others: ReadonlyMap<string, Halt>,
): ReadonlyMap<string, Halt> {
  const halts = new Map(others);
  for (const { name, halt } of tables) {
    if (halt === null) halts.delete(name);
    else halts.set(name, halt);
  }
  return halts;
}

async function openOne(
  parts: PipelineParts,
  request: {
    readonly source: SourceTable;
    readonly schema: TableSchema;
    readonly halt: Halt | null;
  },
): Promise<Capture> {
  const { source, schema } = request;
  const reload = isReload(request.halt ?? undefined);
  const halt = reload || request.halt?.scope === 'refused' ? null : request.halt;
  const table = capturedTable({ schema, source, base: null, needsBootstrap: false, halt });
  const ledger = await haltingOn(parts, { table, scope: 'capture' }, async () => {
    const { raw, beforeImages } = parts.config.ledger;
    const options = { raw, beforeImages: beforeImages === 'full' };
    const loaded = await ensureLedger(parts.lake, schema, options);
    return { loaded, state: ledgerStateOf(loaded), reload };
  });
  if (schema.keyColumnIds.length > 0) {
    await haltingOn(parts, { table, scope: 'merge' }, () => openBase(parts, table));
  }
  return { table, ledger };
}

async function openBase(parts: PipelineParts, table: CapturedTable): Promise<void> {
  const { buckets, bucketBy } = parts.config.base;
  const { rowsEstimate } = table.source;
  const { readers } = parts.config.lake;
  const formatVersion = baseFormat({ deleteFormat: parts.config.base.deleteFormat, readers });
  const options = { buckets, bucketBy, rowsEstimate, formatVersion };
  const loaded = await ensureBase(parts.lake, table.schema, options);
  table.base = { identifier: loaded.identifier, tableUuid: loaded.metadata.tableUuid };
  // A branch that is still there is a bootstrap that was cut off: it goes on.
  const cutOff = Object.keys(loaded.metadata.refs).some((ref) =>
    ref.startsWith(BOOTSTRAP_BRANCH_PREFIX),
  );
  table.needsBootstrap = cutOff || baseStateOf(loaded) === null;
  // A crash may have come between the new column of the ledger and that of the base.
  await evolveBase(
    { context: parts.lake, commit: (request) => commitToTable(parts, request) },
    { identifier: loaded.identifier, schema: table.schema },
  );
}

/** Runs `run`; an error that stops one table halts it, and gives `null`. */
async function haltingOn<T>(
  parts: PipelineParts,
  subject: { readonly table: CapturedTable; readonly scope: HaltScope },
  run: () => Promise<T>,
): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (!haltsTable(error)) throw error;
    const { table, scope } = subject;
    table.halt = haltOf(error, { scope, recovery: 'operator', sinceMs: parts.clock.nowMs() });
    parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
    return null;
  }
}

/** Decides the epoch, gives every ledger a committed state in it, and finds where to read from. */
async function place(
  parts: PipelineParts,
  captures: readonly Capture[],
): Promise<Omit<OpenedTables, 'known'>> {
  const floor = await readFloor(parts);
  const saved = captures.map((capture) => savedPlace(parts, capture, floor));
  const found = await verifyPlaces(parts, saved);
  const epoch = epochOf(captures, saved, found);
  tellPlaces(parts, { captures, saved, found, epoch });
  const start = {
    ...(await parts.source.lowMark(epoch)),
    sourceId: (await parts.source.identify()).sourceId,
  };
  const ledgers: LedgerTable[] = [];
  let from: SourcePosition | null = null;
  for (const [index, capture] of captures.entries()) {
    const before = saved[index] ?? null;
    const restarted = found.broken !== null || isPurged(found, before);
    const moved = restarted || before === null ? null : restated(found, before, epoch);
    const ledger = await placeLedger(parts, capture, { ...start, restarted, moved });
    if (ledger === null || !isCapturing(capture.table)) continue;
    ledgers.push(ledger);
    await noteGap(parts, capture.table, ledger);
    const isSame = !restarted && moved === null;
    const position = (isSame ? before?.position : null) ?? ledger.state.position;
    from = from === null ? position : parts.source.oldest(from, position);
  }
  const tables = captures.map((capture) => capture.table);
  return { epoch, from, tables, ledgers };
}

async function readFloor(parts: PipelineParts): Promise<Floor | null> {
  const text = await parts.state.read('floor.json');
  return text === null ? null : floorFromJson(text, parts.state.locationOf('floor.json'));
}

/** The newest of a table's own place and the floor, where the floor counts for it. */
function savedPlace(
  parts: PipelineParts,
  capture: Capture,
  floor: Floor | null,
): SourceMark | null {
  const state = capture.ledger?.state ?? null;
  if (capture.ledger === null || state === null || capture.ledger.reload) return null;
  if (floor === null || compareMarks(floor.completeTo, state.completeTo) <= 0) return state;
  const { metadata } = capture.ledger.loaded;
  const entry = floor.ledgers.get(metadata.tableUuid) ?? null;
  const head = findRef(metadata, MAIN_BRANCH)?.snapshotId ?? null;
  const counts =
    entry !== null && ancestors(metadata, head).some((snapshot) => snapshot.snapshotId === entry);
  if (!counts) return state;
  const { token } = parts.source.newest(state.position, floor.position);
  return token === floor.position.token ? floor : state;
}

type Moved = Extract<PositionVerdict, { kind: 'renumbered' }>;

/** What the saved places still mean at the source as it answers now; by token. */
interface FoundPlaces {
  /** Why none of them means anything any more; `null`: the history goes on. */
  readonly broken: string | null;
  /** What came right after these is gone from the log, with the reason. */
  readonly purged: ReadonlyMap<string, string>;
  /** The same history goes on there under other sequences. */
  readonly moved: ReadonlyMap<string, Moved>;
}

async function verifyPlaces(
  parts: PipelineParts,
  places: readonly (SourceMark | null)[],
): Promise<FoundPlaces> {
  const asked = new Set<string>();
  const purged = new Map<string, string>();
  const moved = new Map<string, Moved>();
  for (const mark of places) {
    if (mark === null || asked.has(mark.position.token)) continue;
    const { token } = mark.position;
    asked.add(token);
    const verdict = await parts.source.verifyPosition(mark.position);
    if (verdict.kind === 'renumbered') moved.set(token, verdict);
    if (verdict.kind !== 'broken') continue;
    if (verdict.isPurged !== true) return { broken: verdict.reason, purged, moved };
    purged.set(token, verdict.reason);
  }
  return { broken: null, purged, moved };
}

/**
 * The epoch in which no sequence to come can be one that a ledger has (docs/spec/order.md O7): one
 * above that of a ledger whose place got other sequences or is broken.
 */
function epochOf(
  captures: readonly Capture[],
  saved: readonly (SourceMark | null)[],
  { broken, moved }: FoundPlaces,
): number {
  const epochs = captures.map(({ ledger }, index) => {
    const before = saved[index] ?? null;
    const own = ledger?.state?.completeTo.epoch ?? 0;
    const epoch = Math.max(own, before?.completeTo.epoch ?? 0);
    return before !== null && moved.has(before.position.token) ? epoch + 1 : epoch;
  });
  const highest = Math.max(0, ...epochs);
  return Math.max(1, broken === null ? highest : highest + 1);
}

function tellPlaces(
  parts: PipelineParts,
  places: {
    readonly captures: readonly Capture[];
    readonly saved: readonly (SourceMark | null)[];
    readonly found: FoundPlaces;
    readonly epoch: number;
  },
): void {
  const { captures, saved, found, epoch } = places;
  const note = (text: string): void => parts.onEvent({ kind: 'note', text });
  if (found.broken !== null) {
    note(`${found.broken} Epoch ${epoch} starts, and every table is loaded again.`);
    return;
  }
  const [moved] = found.moved.values();
  if (moved !== undefined) note(`${moved.reason} Epoch ${epoch} starts; nothing is lost.`);
  for (const [token, reason] of found.purged) {
    const names = captures.flatMap(({ table }, index) =>
      saved[index]?.position.token === token ? [table.name] : [],
    );
    note(`${reason} Loaded again: ${names.join(', ')}.`);
  }
}

function isPurged({ purged }: FoundPlaces, before: SourceMark | null): boolean {
  return before !== null && purged.has(before.position.token);
}

/** A table's own place under the sequences of `epoch`; `null`: it stays as it is. */
function restated(
  { moved }: FoundPlaces,
  { position, completeTo }: SourceMark,
  epoch: number,
): SourceMark | null {
  const verdict = moved.get(position.token);
  if (verdict !== undefined) return verdict.at(epoch);
  // It holds at this server and was saved before the epoch rose, for the sake of other tables.
  return completeTo.epoch === epoch ? null : { position, completeTo: { ...completeTo, epoch } };
}

interface StartingPlace {
  readonly sourceId: string;
  readonly position: SourcePosition;
  readonly completeTo: LedgerState['completeTo'];
  /** History up to here is missing. */
  readonly restarted: boolean;
  /** The table's own place under the epoch's sequences; `null`: it did not move. */
  readonly moved: SourceMark | null;
}

/**
 * Commits a starting state to a ledger that has none or lost its to a new epoch; also its columns.
 */
async function placeLedger(
  parts: PipelineParts,
  capture: Capture,
  start: StartingPlace,
): Promise<LedgerTable | null> {
  if (capture.ledger === null) return null;
  const { loaded, state, reload } = capture.ledger;
  const { table } = capture;
  return haltingOn(parts, { table, scope: 'capture' }, async () => {
    const { metadata } = loaded;
    const lake = { ...metadata, schema: currentSchema(metadata) };
    const schema = evolvedSchema(lake, table.schema);
    // The ledger that the base was made with is gone: the history up to here went with it.
    const isOrphaned = state === null && table.base !== null && !table.needsBootstrap;
    const restarted = start.restarted || reload || isOrphaned;
    const wanted = wantedState(state, { ...start, restarted });
    const ledger = ledgerTable(table.schema, loaded, wanted);
    if (wanted === state && schema === null) return ledger;
    const result = await commitToTable(parts, stateCommit(ledger, wanted, schema));
    if (result.kind === 'halted') throw result.error;
    assert(result.kind === 'committed', 'a state is appended, never planned again');
    return ledgerTable(table.schema, result.table, wanted);
  });
}

function wantedState(state: LedgerState | null, start: StartingPlace): LedgerState {
  const before = state ?? newLedgerState(start);
  if (!start.restarted)
    return state === null || start.moved === null ? before : { ...state, ...start.moved };
  const { position, completeTo, sourceId } = start;
  return { ...before, sourceId, position, completeTo, gap: completeTo };
}

/** A base that lacks history before its ledger's gap must be loaded again. */
async function noteGap(
  parts: PipelineParts,
  table: CapturedTable,
  ledger: LedgerTable,
): Promise<void> {
  const { gap } = ledger.state;
  if (table.base === null || gap === null) return;
  const loaded = await parts.catalog.loadTable(table.base.identifier);
  const state = loaded === null ? null : baseStateOf(loaded);
  if (state !== null && compareMarks(state.watermark, gap) < 0) table.needsBootstrap = true;
}

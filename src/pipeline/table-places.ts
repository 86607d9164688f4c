/**
 * Where each opened table stands in the source's log: the epoch, the place to read from, and what
 * becomes of a table whose place is gone. Ends with every healthy ledger at a committed place in
 * one epoch.
 */
import { baseStateOf } from '../base/base-table.ts';
import { MAIN_BRANCH, ancestors, findRef } from '../iceberg/snapshot.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import { assert, present } from '../kernel/assert.ts';
import type { CommitRequest } from '../lake/commit-request.ts';
import type { LedgerState } from '../lake/table-state.ts';
import { NO_PLACE } from '../model/cluster-place.ts';
import { floorFromJson } from '../ledger/floor.ts';
import type { Floor } from '../ledger/floor.ts';
import { ledgerTable, newLedgerState, stateCommit } from '../ledger/ledger-table.ts';
import type { LedgerTable } from '../ledger/ledger-table.ts';
import { compareMarks } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { SourcePosition } from '../model/source-position.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { PositionVerdict, SourceMark } from '../ports/source.ts';
import { evolvedSchema } from '../schema/schema-change.ts';
import { haltingOn, isCapturing } from './captured-table.ts';
import type { CapturedTable } from './captured-table.ts';
import { commitToTables } from './commit-tables.ts';
import { haltAbsent } from './dropped-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';

/** Everything that a stream starts from. */
export interface PlacedTables {
  readonly epoch: number;
  /** Read after this place: the oldest that any capturing table needs; `null`: nothing to read. */
  readonly from: SourcePosition | null;
  /** The place of each capturing table, by name. */
  readonly own: ReadonlyMap<string, SourcePosition>;
  readonly tables: readonly CapturedTable[];
  /** Ledgers of the tables that are capturing. */
  readonly ledgers: readonly LedgerTable[];
  /** The DROP of an absent table stands in the log up to here; `null`: there is no such table. */
  readonly absentUntil: SequenceMark | null;
}

/** A table and its ledger, before its place is decided. */
export interface Capture {
  readonly table: CapturedTable;
  /** `null`: halted while it was opened. */
  readonly ledger: {
    readonly loaded: LoadedTable;
    readonly state: LedgerState | null;
    /** History is missing from the halt on: the ledger starts again behind a gap. */
    readonly reload: boolean;
  } | null;
}

/**
 * Makes sure that changes are kept from now on by whatever keeps them: a mark that is taken later
 * must not be before what is kept. Of all tables of the run, also those that are halted.
 */
export type StartCapture = (epoch: number, tables: readonly CapturedTable[]) => Promise<void>;

/** What a run asks of whatever brings changes to the ledgers. */
export interface CaptureStart {
  readonly startCapture: StartCapture;
  /**
   * How far changes were read in an epoch beside the ledgers, whose places may be behind it;
   * `null`: no further.
   */
  readonly readPlace: (epoch: number) => Promise<SourceMark | null>;
}

/** Decides the epoch, gives every ledger a committed state in it, and finds where to read from. */
export async function placeTables(
  parts: PipelineParts,
  captures: readonly Capture[],
  capture: CaptureStart,
): Promise<PlacedTables> {
  const floor = await readFloor(parts);
  const saved = captures.map((capture) => savedPlace(parts, capture, floor));
  const found = await verifyPlaces(parts, [...saved, await placeAhead(saved, capture)]);
  const epoch = epochOf(captures, saved, found);
  tellPlaces(parts, { captures, saved, found, epoch });
  await capture.startCapture(
    epoch,
    captures.map(({ table }) => table),
  );
  const start = {
    ...(await parts.source.lowMark(epoch)),
    sourceId: (await parts.source.identify()).sourceId,
    cluster: parts.config.engine === 'cluster' ? NO_PLACE : null,
  };
  const isAbsent = ({ table }: Capture): boolean => table.isAbsent && isCapturing(table);
  const absentUntil = captures.some(isAbsent)
    ? (await parts.source.highMark(epoch)).completeTo
    : null;
  const placed: PlacedLedger[] = [];
  for (const [index, capture] of captures.entries()) {
    const before = saved[index] ?? null;
    const isMoved = before !== null && restated(found, before, epoch) !== null;
    // The connector of another epoch starts where its server stands, not where this one stood.
    const isCut = parts.config.engine === 'cluster' && isMoved;
    const restarted = found.broken !== null || isPurged(found, before) || isCut;
    // What it would be loaded again from is gone, and so may be the DROP.
    if (isAbsent(capture) && (restarted || before === null)) haltAbsent(parts, capture.table);
    if (capture.table.isAbsent && !isCapturing(capture.table)) continue;
    const moved = restarted || before === null ? null : restated(found, before, epoch);
    const planned = await planPlace(parts, capture, { ...start, restarted, moved });
    const isSame = !restarted && moved === null;
    const place = isSame ? (before?.position ?? null) : null;
    if (planned !== null) placed.push({ ...planned, table: capture.table, place });
  }
  const ledgers: LedgerTable[] = [];
  const own = new Map<string, SourcePosition>();
  for (const { ledger, table, place } of await commitPlaces(parts, placed)) {
    if (!isCapturing(table)) continue;
    ledgers.push(ledger);
    await noteGap(parts, table, ledger);
    const position = place ?? ledger.state.position;
    own.set(table.name, position);
  }
  const tables = captures.map((capture) => capture.table);
  return { epoch, from: oldestOf(parts, own), own, tables, ledgers, absentUntil };
}

function oldestOf(
  { source }: PipelineParts,
  places: ReadonlyMap<string, SourcePosition>,
): SourcePosition | null {
  const [first, ...others] = places.values();
  if (first === undefined) return null;
  return others.reduce((left, right) => source.oldest(left, right), first);
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

/**
 * The place up to which changes were read that no ledger has yet; `null`: every one is in a ledger.
 * A source that no longer has it gives the sequences behind the ledgers' places to other changes.
 */
async function placeAhead(
  saved: readonly (SourceMark | null)[],
  { readPlace }: CaptureStart,
): Promise<SourceMark | null> {
  const marks = saved.flatMap((mark) => mark ?? []);
  if (marks.length === 0) return null;
  const place = await readPlace(Math.max(...marks.map(({ completeTo }) => completeTo.epoch)));
  const isAhead = marks.every(({ completeTo }) => {
    return place !== null && compareMarks(place.completeTo, completeTo) > 0;
  });
  return isAhead ? place : null;
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
  readonly cluster: LedgerState['cluster'];
  /** History up to here is missing. */
  readonly restarted: boolean;
  /** The table's own place under the epoch's sequences; `null`: it did not move. */
  readonly moved: SourceMark | null;
}

/** A ledger in its place. */
interface PlannedLedger {
  readonly ledger: LedgerTable;
  /** What gives it this place and its columns; `null`: it has both. */
  readonly commit: CommitRequest | null;
}

interface PlacedLedger extends PlannedLedger {
  readonly table: CapturedTable;
  /** Where its reading goes on; `null`: at its state's own position. */
  readonly place: SourcePosition | null;
}

/**
 * A starting state for a ledger that has none or lost its to a new epoch; also its columns. `null`:
 * it is halted.
 */
async function planPlace(
  parts: PipelineParts,
  capture: Capture,
  start: StartingPlace,
): Promise<PlannedLedger | null> {
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
    const isThere = wanted === state && schema === null;
    return { ledger, commit: isThere ? null : stateCommit(ledger, wanted, schema) };
  });
}

/** Makes all commits that are wanted, at once where the catalog can; those not halted by them. */
async function commitPlaces(
  parts: PipelineParts,
  placed: readonly PlacedLedger[],
): Promise<readonly PlacedLedger[]> {
  const requests = placed.flatMap(({ commit }) => commit ?? []);
  const results = (await commitToTables(parts, requests)).values();
  const done: PlacedLedger[] = [];
  for (const one of placed) {
    const { table, commit } = one;
    const result = commit === null ? null : present(results.next().value, 'a result per commit');
    const ledger = await haltingOn(parts, { table, scope: 'capture' }, async () => {
      if (result === null) return one.ledger;
      if (result.kind === 'halted') throw result.error;
      assert(result.kind === 'committed', 'a state is appended, never planned again');
      return ledgerTable(table.schema, result.table, one.ledger.state);
    });
    if (ledger !== null) done.push({ ...one, ledger });
  }
  return done;
}

function wantedState(state: LedgerState | null, start: StartingPlace): LedgerState {
  const before = state ?? newLedgerState(start);
  if (!start.restarted) {
    return state === null || start.moved === null ? before : { ...state, ...start.moved };
  }
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

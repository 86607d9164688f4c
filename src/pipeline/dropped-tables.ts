/**
 * Tables that were dropped in the source where the pipeline file says that this halts nothing
 * (docs/spec/pipeline.md P16). Such a table is read up to its DROP, its rows are committed, and it
 * retires: its copy stays as it was at the DROP. That a table is not to be seen proves nothing: a
 * right that was taken away looks the same. Only a DROP that was read makes a table retire.
 */
import { baseIdentifier } from '../base/base-table.ts';
import type { PipelineConfig, TableRule } from '../config/pipeline-config.ts';
import { present } from '../kernel/assert.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { ledgerIdentifier, ledgerStateOf } from '../ledger/ledger-table.ts';
import { compareMarks, formatMark, parseMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { SourceEvent, SourceTable } from '../model/source-event.ts';
import { formatTableName, keyColumns } from '../model/table-schema.ts';
import type { TableName, TableSchema } from '../model/table-schema.ts';
import { capturedTable, isCapturing } from './captured-table.ts';
import type { CapturedTable } from './captured-table.ts';
import { dropTable } from './control/drop-table.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { RunState } from './run-state.ts';
import { haltOf } from './state/halts.ts';
import type { Halt } from './state/halts.ts';
import { ruleFor } from './state/schema-store.ts';
import type { SchemaStore } from './state/schema-store.ts';

/** With `onDrop: drop` the copy stays for so long: a mistake, and a dump that is loaded, end it. */
const REMOVAL_MS = 24 * 60 * 60 * 1000;

/** How often it is looked whether a retired table is there again, or its time is over. */
const WATCH_MS = 60_000;

type HaltEvent = Extract<SourceEvent, { kind: 'table-halted' }>;

const REMEDY =
  'Nothing to do: created again under its name it is loaded again by itself. `firn drop FILE --table T` removes the copy at once.';

function policyOf(config: PipelineConfig, table: TableName): TableRule['onDrop'] {
  return ruleFor(config, table)?.onDrop ?? 'halt';
}

/** When the copy of a retired table is removed, in milliseconds since 1970; `null`: it stays. */
export function removalTimeMs(
  config: PipelineConfig,
  table: TableName,
  halt: Halt | null,
): number | null {
  if (halt?.scope !== 'retired' || halt.dropped?.with !== 'table') return null;
  return policyOf(config, table) === 'drop' ? halt.sinceMs + REMOVAL_MS : null;
}

/** Removes the copies of retired tables whose time is over and that the source has not again. */
export async function removeDropped(
  parts: PipelineParts,
  schemas: SchemaStore,
  now: {
    readonly discovered: readonly SourceTable[];
    readonly halts: ReadonlyMap<string, Halt>;
  },
): Promise<void> {
  const names = new Set(now.discovered.map(({ table }) => formatTableName(table)));
  for (const table of schemas.tables()) {
    const name = formatTableName(table);
    const halt = now.halts.get(name);
    const schema = schemas.newest(table);
    if (schema === null || names.has(name)) continue;
    const atMs = removalTimeMs(parts.config, table, halt ?? null);
    if (atMs === null || atMs > parts.clock.nowMs()) continue;
    await dropTable(parts, schemas, schema);
    const text = `${table.table}: its copy was removed, a day after it was dropped in the source.`;
    parts.onEvent({ kind: 'note', text });
  }
}

/**
 * Tables that the lake has, the file names and the source does not show, and that are not halted:
 * as the schema registry knows them. Only where a DROP is to halt nothing.
 */
export function absentTables(
  parts: PipelineParts,
  schemas: SchemaStore,
  now: {
    readonly discovered: readonly SourceTable[];
    readonly halts: ReadonlyMap<string, Halt>;
  },
): ReadonlyMap<string, { readonly source: SourceTable; readonly schema: TableSchema }> {
  const names = new Set(now.discovered.map(({ table }) => formatTableName(table)));
  const absent = new Map<string, { source: SourceTable; schema: TableSchema }>();
  for (const table of schemas.tables()) {
    const name = formatTableName(table);
    const schema = schemas.newest(table);
    if (schema === null || names.has(name)) continue;
    const scope = now.halts.get(name)?.scope ?? null;
    const isHalted = scope === 'capture' || scope === 'refused';
    const isRetired = scope === 'retired';
    if (isHalted || (!isRetired && policyOf(parts.config, table) === 'halt')) continue;
    if (ruleFor(parts.config, table) !== null)
      absent.set(name, { source: sourceOf(schema), schema });
  }
  return absent;
}

/** Retired tables that are gone from the lake too: that they are missing is no news. */
export function removedTables(
  discovered: readonly SourceTable[],
  now: { readonly halts: ReadonlyMap<string, Halt>; readonly absent: ReadonlyMap<string, unknown> },
): ReadonlyMap<string, Halt> {
  const names = new Set(discovered.map(({ table }) => formatTableName(table)));
  return new Map(
    [...now.halts].filter(
      ([name, { scope }]) => scope === 'retired' && !names.has(name) && !now.absent.has(name),
    ),
  );
}

/** Opens a table that the source does not show: retired, or to be read up to its DROP. */
export async function openAbsent(
  parts: PipelineParts,
  request: {
    readonly source: SourceTable;
    readonly schema: TableSchema;
    readonly halt: Halt | null;
  },
): Promise<{ readonly table: CapturedTable; readonly isRetired: boolean }> {
  const { source, schema, halt } = request;
  const loaded = await parts.catalog.loadTable(ledgerIdentifier(schema));
  const state = loaded === null ? null : ledgerStateOf(loaded);
  const upTo = halt?.dropped === undefined ? null : parseMark(halt.dropped.completeTo);
  const isRetired = upTo !== null && (state === null || compareMarks(state.completeTo, upTo) >= 0);
  const kept = isRetired || halt?.scope === 'merge' ? halt : null;
  const table = capturedTable({ schema, source, base: null, needsBootstrap: false, halt: kept });
  table.isAbsent = true;
  if (schema.keyColumnIds.length === 0) return { table, isRetired };
  const base = await parts.catalog.loadTable(baseIdentifier(schema));
  if (base === null) return { table, isRetired };
  table.base = { identifier: base.identifier, tableUuid: base.metadata.tableUuid };
  return { table, isRetired };
}

/** Halts a table that the source does not show and whose DROP is not to be read. */
export function haltAbsent(parts: PipelineParts, table: CapturedTable): void {
  table.halt = haltOf(absentError(table), {
    scope: 'capture',
    recovery: 'operator',
    sinceMs: parts.clock.nowMs(),
  });
  parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
}

/** Why a table whose DROP was not found halts. */
export function absentError({ name }: CapturedTable): FirnError {
  return new FirnError('SOURCE-TABLE-MISSING', {
    what: 'The source does not show the table any more, and no DROP of it was read',
    where: name,
    remedy:
      'Give the user its rights on the table back, or create the table again, then `firn resume FILE --table T`. Or take it out of the pipeline file.',
  });
}

/** Absent tables whose DROP does not stand in the log up to `completeTo`, as far as it must. */
export function undroppedTables(run: RunState, completeTo: SequenceMark): readonly CapturedTable[] {
  const { absentUntil } = run;
  if (absentUntil === null || compareMarks(completeTo, absentUntil) < 0) return [];
  return [...run.tables.values()].filter(
    (table) => table.isAbsent && table.drop === null && isCapturing(table),
  );
}

/** Whether a DROP of the table makes it retire. */
export function mayRetire(config: PipelineConfig, { schema }: CapturedTable): boolean {
  return policyOf(config, schema.table) !== 'halt';
}

/** Takes note of a DROP that the file does not want to halt for; whether it was one. */
export function takeDrop(
  { config }: PipelineParts,
  table: CapturedTable,
  event: Pick<HaltEvent, 'removal' | 'error'> & { readonly upTo: SequenceMark | null },
): boolean {
  const { removal, error, upTo } = event;
  if (removal === undefined || !mayRetire(config, table)) return false;
  table.drop ??= { with: removal, what: error.what, upTo };
  return true;
}

/** Tables whose DROP was read and that did not retire yet. */
export function droppedTables({ tables }: RunState): readonly CapturedTable[] {
  return [...tables.values()].filter(
    ({ drop, halt }) => drop !== null && halt?.scope !== 'retired',
  );
}

/** Whether a table that the source has is one that this run did not open, or saw dropped. */
export function isUnread({ known, tables }: RunState, name: string): boolean {
  const table = tables.get(name);
  const isGone = table !== undefined && (table.drop !== null || table.halt?.scope === 'retired');
  return isGone || !known.has(name);
}

/**
 * Retires a dropped table with the commit that is made next, at `completeTo`. To be stored before
 * it: a process that dies in between reads the DROP once more.
 */
export function retire(parts: PipelineParts, table: CapturedTable, completeTo: SequenceMark): void {
  const drop = present(table.drop, 'the DROP of a table that retires');
  const isPartial = table.base !== null && (table.needsBootstrap || table.bootstrap !== null);
  const copy = isPartial ? 'its rows had not all been copied' : 'its copy stays as it was then';
  table.halt = {
    scope: 'retired',
    code: 'SOURCE-TABLE-MISSING',
    what: `${drop.what}; ${copy}`,
    remedy: REMEDY,
    recovery: 'bootstrap',
    sinceMs: parts.clock.nowMs(),
    dropped: { with: drop.with, completeTo: formatMark(completeTo) },
  };
}

/**
 * Opens all tables again once a retired one is in the source again or its time is over, until
 * `signal` aborts.
 */
export async function watchRetired(
  parts: PipelineParts,
  run: RunState,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await parts.clock.sleep(WATCH_MS, signal);
    const retired = [...run.tables.values()].filter(({ halt }) => halt?.scope === 'retired');
    if (signal.aborted || retired.length === 0) continue;
    const nowMs = parts.clock.nowMs();
    const isDue = retired.some(({ schema, halt }) => {
      const atMs = removalTimeMs(parts.config, schema.table, halt);
      return atMs !== null && atMs <= nowMs;
    });
    if (isDue || (await isBack(parts, retired))) run.restart.abort();
  }
}

/** Whether one of the tables is in the source. */
async function isBack(parts: PipelineParts, tables: readonly CapturedTable[]): Promise<boolean> {
  try {
    const found = await parts.source.discover();
    const names = new Set(found.map(({ table }) => formatTableName(table)));
    return tables.some(({ name }) => names.has(name));
  } catch (error) {
    // A source that does not answer is the stream's to tell.
    if (!isFirnError(error)) throw error;
    return false;
  }
}

function sourceOf(schema: TableSchema): SourceTable {
  return {
    table: schema.table,
    columns: schema.columns.map(({ sourceName, type, sourceType }) => {
      return { sourceName, type, sourceType };
    }),
    keyColumns: keyColumns(schema).map(({ sourceName }) => sourceName),
    ledgerOnlyReason: null,
    rowsEstimate: null,
  };
}

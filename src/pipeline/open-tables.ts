/**
 * The start of a run: which tables there are, where each one stands, and whether the source still
 * is what it was. Ends with every healthy table's ledger open at a committed place in one epoch; a
 * table that cannot be opened is halted by name and the others go on.
 */
import { baseFormat } from '../base/base-format.ts';
import { baseStateOf, ensureBase } from '../base/base-table.ts';
import { evolveBase } from '../base/evolve-base.ts';
import { BOOTSTRAP_BRANCH_PREFIX } from '../bootstrap/bootstrap-table.ts';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { LedgerState } from '../lake/table-state.ts';
import { ensureLedger, ledgerStateOf } from '../ledger/ledger-table.ts';
import type { SourceTable } from '../model/source-event.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { capturedTable, haltingOn, isCapturing } from './captured-table.ts';
import type { CapturedTable } from './captured-table.ts';
import { commitToTable } from './commit-tables.ts';
import { absentTables, openAbsent, removeDropped, removedTables } from './dropped-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import { sortTables } from './refused-tables.ts';
import { changeHalts, readHalts, writeHalts } from './state/halts.ts';
import type { Halt } from './state/halts.ts';
import { assertSameSelection } from './state/schema-store.ts';
import type { SchemaStore } from './state/schema-store.ts';
import { placeTables } from './table-places.ts';
import type { Capture, CaptureStart, PlacedTables } from './table-places.ts';

/** Everything a run starts from. */
export interface OpenedTables extends PlacedTables {
  /** Names of all tables that the source has, refused ones too. */
  readonly known: ReadonlySet<string>;
}

/** Whether a halted table is to be loaded again at the next start. */
function isReload(halt: Halt | undefined): boolean {
  const isStopped = halt?.scope === 'capture' || halt?.scope === 'retired';
  return isStopped && halt.recovery === 'bootstrap';
}

/**
 * Opens the tables that the pipeline file names; `start` is asked before any mark is taken.
 *
 * @throws FirnError PIPELINE-NO-TABLES, and what source, catalog and storage throw
 */
export async function openTables(
  parts: PipelineParts,
  schemas: SchemaStore,
  start: CaptureStart,
): Promise<OpenedTables> {
  const discovered = await parts.source.discover();
  const halts = await readHalts(parts.state);
  await removeDropped(parts, schemas, { discovered, halts });
  const absent = absentTables(parts, schemas, { discovered, halts });
  const removed = removedTables(discovered, { halts, absent });
  const { taken, gone, refused } = await sortTables(parts, schemas, {
    found: discovered,
    absent: new Set([...absent.keys(), ...removed.keys()]),
  });
  if (taken.length + gone.size === 0) {
    const reasons = [...refused.values()].map(({ what, code }) => `\n  ${what} [${code}]`);
    throw new FirnError('PIPELINE-NO-TABLES', {
      what: `None of the tables of the pipeline file can be read from the source:${reasons.join('')}`,
      where: parts.config.fileName,
    });
  }
  for (const [table, halt] of refused) parts.onEvent({ kind: 'halted', table, halt });
  const found = await withSchemas(parts, schemas, { taken, halts });
  const captures: Capture[] = [];
  for (const [name, { source, schema }] of absent) {
    if (!gone.has(name)) continue;
    const halt = halts.get(name) ?? null;
    captures.push(await openGone(parts, { source, schema, halt }));
  }
  const read = captures.flatMap(({ table }) => (isCapturing(table) ? [table.schema] : []));
  await parts.source.prepare([...found.map(({ schema }) => schema), ...read]);
  for (const { source, schema } of found) {
    const halt = halts.get(formatTableName(schema.table)) ?? null;
    captures.push(await openOne(parts, { source, schema, halt }));
  }
  const opened = await placeTables(parts, captures, start);
  // Halts of tables that are no longer named go.
  await writeHalts(parts.state, withHaltsOf(opened.tables, new Map([...removed, ...refused])));
  const known = new Set(discovered.map(({ table }) => formatTableName(table)));
  return { ...opened, known };
}

/** A table of the source with its registered schema. */
interface FoundTable {
  readonly source: SourceTable;
  readonly schema: TableSchema;
}

/**
 * A known table keeps its registered schema here: what changed meanwhile is the stream's news. Of
 * the others all are registered at once, for each time the whole registry is stored.
 */
async function withSchemas(
  parts: PipelineParts,
  schemas: SchemaStore,
  now: {
    readonly taken: readonly SourceTable[];
    readonly halts: ReadonlyMap<string, Halt>;
  },
): Promise<readonly FoundTable[]> {
  const known = ({ table }: SourceTable): TableSchema | null =>
    isReload(now.halts.get(formatTableName(table))) ? null : schemas.newest(table);
  const unknown = now.taken.filter((source) => known(source) === null);
  const resolved = await schemas.resolveAll(unknown);
  const schemaOf = new Map(unknown.map((source, index) => [source, resolved[index]]));
  return now.taken.map((source) => {
    const schema = schemaOf.get(source) ?? present(known(source), 'a registered schema');
    assertSameSelection(parts.config, schema);
    return { source, schema };
  });
}

/** Stores the halts of the tables of a run; those of refused tables stay. */
export function storeHalts(
  { state }: Pick<PipelineParts, 'state'>,
  tables: readonly CapturedTable[],
): Promise<void> {
  return changeHalts(state, (halts) => withHaltsOf(tables, halts));
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
    return { ...(await openLedger(parts, table)), reload };
  });
  if (schema.keyColumnIds.length > 0) {
    await haltingOn(parts, { table, scope: 'merge' }, () => openBase(parts, table));
  }
  return { table, ledger };
}

/** A table that the source does not show is read up to its DROP, unless that was done. */
async function openGone(
  parts: PipelineParts,
  request: Parameters<typeof openAbsent>[1],
): Promise<Capture> {
  const { table, isRetired } = await openAbsent(parts, request);
  if (isRetired) return { table, ledger: null };
  const ledger = await haltingOn(parts, { table, scope: 'capture' }, () =>
    openLedger(parts, table),
  );
  return { table, ledger: ledger === null ? null : { ...ledger, reload: false } };
}

async function openLedger(
  parts: PipelineParts,
  { schema }: CapturedTable,
): Promise<{ readonly loaded: LoadedTable; readonly state: LedgerState | null }> {
  const { raw, beforeImages } = parts.config.ledger;
  const options = { raw, beforeImages: beforeImages === 'full' };
  const loaded = await ensureLedger(parts.lake, schema, options);
  const state = ledgerStateOf(loaded);
  if (state !== null) assertOwnEngine(parts, schema, state);
  return { loaded, state };
}

/** Where the other engine stopped is a place that this one cannot go on from. */
function assertOwnEngine(
  { config }: PipelineParts,
  { table }: TableSchema,
  { cluster }: LedgerState,
): void {
  const engine = cluster === null ? 'embedded' : 'cluster';
  if (engine === config.engine) return;
  const what = `Its ledger was written with engine: ${engine}, the pipeline file says ${config.engine}.`;
  throw new FirnError('LEDGER-OTHER-ENGINE', { what, where: formatTableName(table) });
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

/**
 * The lake's tables as queries and proofs see them: read from the catalog alone, without an owner
 * and without locks. What is read is one snapshot of each table.
 */
import { baseIdentifier } from '../../base/base-table.ts';
import { deadLetterIdentifier } from '../../cluster/dead-letter-table.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { decodeBound } from '../../iceberg/single-value.ts';
import { MAIN_BRANCH, refSnapshot } from '../../iceberg/snapshot.ts';
import { currentSchema } from '../../iceberg/table-metadata.ts';
import { scanFiles } from '../../lake/scan-files.ts';
import { readStateAtHead } from '../../lake/table-state.ts';
import type { BaseState, LedgerState } from '../../lake/table-state.ts';
import { ledgerIdentifier } from '../../ledger/ledger-table.ts';
import { planMerge } from '../../merge/merge-plan.ts';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { Catalog, LoadedTable } from '../../ports/catalog.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { LiveTable, QueryTable } from '../../ports/row-engine.ts';
import { registryFromJson } from '../../schema/schema-registry.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { StateFolder } from '../state/state-folder.ts';

/** Where a lake is read from. */
export interface LakeReaderParts {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly state: StateFolder;
}

/** One captured table with the states of its lake tables. */
export interface TableView {
  readonly name: string;
  readonly schema: TableSchema;
  readonly ledger: LoadedTable;
  readonly ledgerState: LedgerState | null;
  /** `null`: ledger only. */
  readonly base: LoadedTable | null;
  /** `null`: nothing was published yet. */
  readonly baseState: BaseState | null;
}

/**
 * All tables the pipeline has captured.
 *
 * @throws FirnError PIPELINE-STATE-MISSING when it never ran
 */
export async function viewTables(parts: LakeReaderParts): Promise<readonly TableView[]> {
  const text = await parts.state.read('schemas.json');
  if (text === null) {
    throw new FirnError('PIPELINE-STATE-MISSING', {
      what: 'The lake holds nothing of this pipeline.',
      where: parts.state.locationOf('schemas.json'),
    });
  }
  const registry = registryFromJson(text, parts.state.locationOf('schemas.json'));
  const views: TableView[] = [];
  for (const entry of registry.values()) {
    const view = await viewTable(parts, entry.versions);
    if (view !== null) views.push(view);
  }
  return views.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

async function viewTable(
  parts: LakeReaderParts,
  versions: readonly TableSchema[],
): Promise<TableView | null> {
  const newest = versions.at(-1);
  if (newest === undefined) return null;
  const ledger = await parts.catalog.loadTable(ledgerIdentifier(newest));
  if (ledger === null) return null;
  const hasBase = newest.keyColumnIds.length > 0;
  const base = hasBase ? await parts.catalog.loadTable(baseIdentifier(newest)) : null;
  // A version is registered before the tables get its columns, and a halted one does not get them.
  const schema = versions.findLast((version) => holdsColumns(base ?? ledger, version)) ?? newest;
  const ledgerState = readStateAtHead(ledger.metadata, MAIN_BRANCH);
  const baseState = base === null ? null : readStateAtHead(base.metadata, MAIN_BRANCH);
  return {
    name: formatTableName(schema.table),
    schema,
    ledger,
    ledgerState: ledgerState?.kind === 'ledger' ? ledgerState : null,
    base,
    baseState: baseState?.kind === 'base' ? baseState : null,
  };
}

function holdsColumns({ metadata }: LoadedTable, { columns }: TableSchema): boolean {
  const held = new Set(currentSchema(metadata).fields.map(({ name }) => name));
  return columns.every(({ name }) => held.has(name));
}

/**
 * Records of a table that were set aside unread, and that no copy made since has settled; `null`:
 * the engine that writes its ledger sets none aside.
 */
export async function countDeadLetters(
  { catalog }: Pick<LakeReaderParts, 'catalog'>,
  { ledger, ledgerState }: TableView,
): Promise<number | null> {
  if (ledgerState === null || ledgerState.cluster === null) return null;
  const letters = await catalog.loadTable(deadLetterIdentifier(ledger.identifier));
  const head = letters === null ? null : refSnapshot(letters.metadata, MAIN_BRANCH);
  return Number.parseInt(head?.summary['total-records'] ?? '0', 10);
}

/** The table of this name: `table`, or `namespace.table`. */
export function findView(views: readonly TableView[], name: string): TableView {
  const view = views.find((one) => one.name === name || one.schema.table.table === name);
  if (view !== undefined) return view;
  const known = views.map((one) => one.schema.table.table).join(', ');
  throw new FirnError('PIPELINE-UNKNOWN-TABLE', {
    what: `There is no table ${name}; there are ${known}.`,
  });
}

/** A lake table with all its files, for a query. */
export async function queryTable(parts: LakeReaderParts, table: LoadedTable): Promise<QueryTable> {
  const { identifier, metadata } = table;
  return {
    namespace: identifier.namespace,
    name: identifier.name,
    icebergSchema: currentSchema(metadata),
    files: await scanFiles(parts, { metadata, ref: MAIN_BRANCH }),
  };
}

/** The tables of a view as a query names them: base, ledger, and the base as of the ledger. */
export async function queryTablesOf(
  parts: LakeReaderParts,
  view: TableView,
): Promise<{ readonly tables: readonly QueryTable[]; readonly live: LiveTable | null }> {
  const ledger = await queryTable(parts, view.ledger);
  const { base, baseState, ledgerState } = view;
  if (base === null) return { tables: [ledger], live: null };
  const baseTable = await queryTable(parts, base);
  const tables = [ledger, baseTable];
  if (baseState === null || ledgerState === null) return { tables, live: null };
  const { metadata } = view.ledger;
  const plan = planMerge(
    {
      uuid: metadata.tableUuid,
      lastSequenceNumber: metadata.lastSequenceNumber,
      completeTo: ledgerState.completeTo,
      retainedFrom: ledgerState.retainedFrom,
      gap: ledgerState.gap,
    },
    {
      ledgerUuid: baseState.ledgerUuid,
      ledgerSeen: baseState.ledgerSeen,
      watermark: baseState.watermark,
      firstReplay: baseState.bootstrap?.firstReplay === true,
    },
  );
  const { watermark } = baseState;
  const idle = { from: watermark, to: watermark, rereadsAfter: baseState.ledgerSeen };
  const { namespace, name } = base.identifier;
  return {
    tables,
    live: {
      namespace,
      name: `${name}_live`,
      schema: view.schema,
      base: baseTable,
      ledger: {
        ...ledger,
        files: plan.kind === 'merge' ? filesToFold(ledger, plan.windowAbove) : [],
      },
      rules: plan.kind === 'merge' ? plan.rules : idle,
    },
  };
}

/**
 * The ledger files that a live table is made from: the window, and where it may hold re-reads also
 * the files before it, whose changes may overrule them (docs/spec/merge.md M9).
 */
function filesToFold(ledger: QueryTable, windowAbove: bigint): readonly ScanFile[] {
  const { files, icebergSchema } = ledger;
  const row = icebergSchema.fields.find((field) => field.name === '_firn_row');
  const mayHoldRereads = ({ file }: ScanFile): boolean => {
    const bytes = row === undefined ? undefined : file.upperBounds?.get(row.id);
    return row === undefined || bytes === undefined || decodeBound(row.type, bytes) === REREAD_ROW;
  };
  const window = files.filter((scan) => scan.dataSequenceNumber > windowAbove);
  return window.some(mayHoldRereads) ? files : window;
}

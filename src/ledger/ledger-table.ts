/**
 * Opening a ledger: the Iceberg table with Firn's state in it, created where it is missing. A table
 * that has snapshots but no state of ours, or another pipeline's, is never touched.
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import { MAIN_BRANCH, findRef } from '../iceberg/snapshot.ts';
import { UNSORTED } from '../iceberg/sort-order.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { CommitRequest } from '../lake/commit-request.ts';
import { createTable } from '../lake/create-table.ts';
import type { TableDraft } from '../lake/create-table.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import { readState } from '../lake/table-state.ts';
import type { ClusterPlace } from '../model/cluster-place.ts';
import type { LedgerState } from '../lake/table-state.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { SourcePosition } from '../model/source-position.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import { ledgerPartitionSpec, ledgerSchema } from '../schema/ledger-table.ts';
import type { LedgerOptions } from '../schema/ledger-table.ts';

/** A ledger as of its last commit. */
export interface LedgerTable {
  readonly schema: TableSchema;
  readonly identifier: TableIdentifier;
  readonly metadata: TableMetadata;
  /** Head of main; `null` before the first commit. */
  readonly headId: bigint | null;
  readonly state: LedgerState;
}

/** Name of a table's ledger. */
export function ledgerIdentifier(schema: TableSchema): TableIdentifier {
  return { namespace: schema.table.namespace, name: `${schema.table.table}_ledger` };
}

/**
 * The ledger of a table as the catalog has it; makes it where it is missing.
 *
 * @throws FirnError PIPELINE-TABLE-TAKEN
 */
export async function ensureLedger(
  context: LakeContext,
  schema: TableSchema,
  options: LedgerOptions,
): Promise<LoadedTable> {
  return ensureOwnTable(context, ledgerDraft(context.pipeline, schema, options));
}

/**
 * A table of the pipeline as the catalog has it; makes it where it is missing.
 *
 * @throws FirnError PIPELINE-TABLE-TAKEN
 */
export async function ensureOwnTable(
  context: LakeContext,
  draft: TableDraft,
): Promise<LoadedTable> {
  const { identifier } = draft;
  const present = await context.catalog.loadTable(identifier);
  if (present !== null) {
    const owner = present.metadata.properties['firn.pipeline'];
    if (owner === context.pipeline) return present;
    throw new FirnError('PIPELINE-TABLE-TAKEN', {
      what: `The table belongs to ${owner === undefined ? 'somebody else' : `pipeline ${owner}`}.`,
      where: `${identifier.namespace}.${identifier.name}`,
    });
  }
  return createTable(context, draft);
}

/** A new ledger of a pipeline, as every engine gets it. */
export function ledgerDraft(
  pipeline: string,
  schema: TableSchema,
  options: LedgerOptions,
): TableDraft {
  const icebergSchema = ledgerSchema(schema, options);
  return {
    identifier: ledgerIdentifier(schema),
    schema: icebergSchema,
    spec: ledgerPartitionSpec(icebergSchema),
    sortOrder: UNSORTED,
    properties: {
      'firn.pipeline': pipeline,
      'write.parquet.compression-codec': 'zstd',
    },
  };
}

/** State of a new ledger that starts at this place. */
export function newLedgerState(start: {
  readonly sourceId: string;
  readonly position: SourcePosition;
  readonly completeTo: SequenceMark;
  /** Of the cluster engine `NO_PLACE`, of the embedded one `null`. */
  readonly cluster: ClusterPlace | null;
}): LedgerState {
  return {
    kind: 'ledger',
    sourceId: start.sourceId,
    position: start.position,
    completeTo: start.completeTo,
    sequence: null,
    schemaVersion: 0,
    events: 0n,
    retainedFrom: null,
    gap: null,
    appended: [],
    cluster: start.cluster,
  };
}

/** The state in a loaded ledger; `null` when it has none because it was never committed to. */
export function ledgerStateOf(loaded: LoadedTable): LedgerState | null {
  const state = readState(loaded.metadata, MAIN_BRANCH);
  if (state === null) return null;
  if (state.kind === 'ledger') return state;
  throw new FirnError('LEDGER-STATE-LOST', {
    what: 'The table has the state of a base table.',
    where: `${loaded.identifier.namespace}.${loaded.identifier.name}`,
  });
}

/** A loaded ledger with its state. */
export function ledgerTable(
  schema: TableSchema,
  loaded: LoadedTable,
  state: LedgerState,
): LedgerTable {
  return {
    schema,
    identifier: loaded.identifier,
    metadata: loaded.metadata,
    headId: findRef(loaded.metadata, MAIN_BRANCH)?.snapshotId ?? null,
    state,
  };
}

/** A commit without rows that gives a ledger this state, and this schema where one is given. */
export function stateCommit(
  table: LedgerTable,
  state: LedgerState,
  schema: IcebergSchema | null,
): CommitRequest {
  return {
    identifier: table.identifier,
    tableUuid: table.metadata.tableUuid,
    ref: MAIN_BRANCH,
    parentId: table.headId,
    operation: 'append',
    added: [],
    removed: [],
    dataSequenceNumber: null,
    state,
    parentless: false,
    schema,
    rebase: 'allowed',
  };
}

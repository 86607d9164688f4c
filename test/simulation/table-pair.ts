/**
 * One ledger and its base over real catalog, lake, ledger stage and merge, without a source: what
 * goes in is said change by change, and remembered for the oracle.
 */
import { baseStateOf, ensureBase, writeTarget } from '../../src/base/base-table.ts';
import { compactBase } from '../../src/base/compact-base.ts';
import type { CompactionReport } from '../../src/base/compact-base.ts';
import { evolveBase } from '../../src/base/evolve-base.ts';
import { mergeBase } from '../../src/base/merge-base.ts';
import type { MergeOutcome, MergeParts, MergeRequest } from '../../src/base/merge-base.ts';
import { MAIN_BRANCH } from '../../src/iceberg/snapshot.ts';
import { currentSchema } from '../../src/iceberg/table-metadata.ts';
import { present } from '../../src/kernel/assert.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import type { CommitRequest, CommitResult } from '../../src/lake/commit-request.ts';
import { commitTables } from '../../src/lake/commit-table.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import { LedgerStage } from '../../src/ledger/ledger-stage.ts';
import {
  ensureLedger,
  ledgerTable,
  newLedgerState,
  stateCommit,
} from '../../src/ledger/ledger-table.ts';
import type { ChangeBatch } from '../../src/model/change-batch.ts';
import type { SequenceMark } from '../../src/model/change-sequence.ts';
import { formatTableName, keyColumns } from '../../src/model/table-schema.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import { evolvedSchema } from '../../src/schema/schema-change.ts';
import { createMemoryCatalog } from '../../src/storage/memory-catalog.ts';
import { keyText } from '../oracles/fold-events.ts';
import type { FoldedChange } from '../oracles/fold-events.ts';
import { CHANGE_OPS } from '../../src/model/change-batch.ts';
import { textRows } from './row-cells.ts';

const EPOCH = 1;

/** A context in which waiting takes no time. */
export function lakeContext(store: ObjectStore, seed: number): LakeContext {
  let nowMs = Date.UTC(2026, 0, 1);
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms;
    },
  };
  const random = seededRandom(seed + 1);
  const catalog = createMemoryCatalog({ name: 'firn', store, clock, random });
  const queues = createTableQueues();
  return { store, catalog, clock, random, queues, pipeline: 'shop', writer: 'process-1' };
}

/** Who merges ledgers into bases and rewrites bases, in place of the row engine. */
export interface PairWorker {
  merge(request: MergeRequest): Promise<MergeOutcome>;
  compact(request: {
    readonly schema: TableSchema;
    readonly base: LoadedTable;
  }): Promise<CompactionReport | null>;
}

/** A ledger and its base, both empty and complete to sequence 0. */
export class TablePair {
  readonly context: LakeContext;
  readonly #engine: RowEngine;
  readonly #worker: PairWorker | null;
  schema: TableSchema;
  readonly #stage: LedgerStage;
  /** Every row of the ledger. */
  readonly changes: FoldedChange[] = [];

  private constructor(
    context: LakeContext,
    engine: RowEngine,
    table: { readonly schema: TableSchema; readonly worker?: PairWorker },
  ) {
    const { schema, worker = null } = table;
    this.context = context;
    this.#engine = engine;
    this.#worker = worker;
    this.schema = schema;
    this.#stage = new LedgerStage({
      commit: (requests) => commitTables(context, requests),
      openWriter: (table) => engine.ledgerWriter(writeTarget(table.metadata)),
    });
  }

  static async open(
    context: LakeContext,
    engine: RowEngine,
    table: {
      readonly schema: TableSchema;
      readonly buckets: number;
      readonly formatVersion: 2 | 3;
      readonly worker?: PairWorker;
    },
  ): Promise<TablePair> {
    const { schema, buckets, formatVersion } = table;
    const pair = new TablePair(context, engine, table);
    const loaded = await ensureLedger(context, schema, { raw: false, beforeImages: false });
    const start = {
      sourceId: 'model',
      position: positionOf(0n),
      completeTo: markOf(0n),
      cluster: null,
    };
    const fresh = ledgerTable(schema, loaded, newLedgerState(start));
    const ledger = await pair.#commit(stateCommit(fresh, fresh.state, null));
    pair.#stage.add(ledgerTable(schema, ledger, fresh.state));
    const options = { buckets, bucketBy: null, rowsEstimate: null, formatVersion };
    const base = await ensureBase(context, schema, options);
    await pair.#commit({
      ...stateCommit(
        { ...fresh, identifier: base.identifier, metadata: base.metadata },
        fresh.state,
        null,
      ),
      state: {
        kind: 'base',
        sourceId: 'model',
        ledgerUuid: ledger.metadata.tableUuid,
        ledgerSeen: ledger.metadata.lastSequenceNumber,
        watermark: markOf(0n),
        watermarkTsUs: null,
        lowMark: markOf(0n),
        bootstrap: null,
      },
    });
    return pair;
  }

  async #commit(request: CommitRequest): Promise<LoadedTable> {
    const [result] = await commitTables(this.context, [request]);
    return committed(result);
  }

  /** Takes changes, to be committed by {@link flush}. */
  async append(batch: ChangeBatch): Promise<void> {
    this.#remember(batch);
    await this.#stage.append(batch);
  }

  /** Commits what was taken; the ledger is complete to `seq`. */
  async flush(seq: bigint): Promise<void> {
    const point = { position: positionOf(seq), completeTo: markOf(seq), commitTsUs: null };
    const name = formatTableName(this.schema.table);
    const report = await this.#stage.flush(point, new Set([name]));
    for (const { error } of report.halted) throw error;
  }

  /** Commits re-reads at the ledger's present place. */
  async appendRereads(batch: ChangeBatch): Promise<void> {
    this.#remember(batch);
    await this.#stage.appendRereads(batch);
  }

  /** Commits rows that the ledger has already, as a source does that delivers twice. */
  async appendAgain(batch: ChangeBatch): Promise<void> {
    const ledger = present(this.#stage.table(this.schema.table), 'the ledger');
    const writer = this.#engine.ledgerWriter(writeTarget(ledger.metadata));
    await writer.append(batch);
    const added = await writer.finish();
    const loaded = await this.#commit({ ...stateCommit(ledger, ledger.state, null), added });
    this.#stage.replace(ledgerTable(this.schema, loaded, ledger.state));
  }

  /** Another version of the schema: both tables get its columns. */
  async evolve(schema: TableSchema): Promise<void> {
    const ledger = present(this.#stage.table(schema.table), 'the ledger');
    const { metadata } = ledger;
    const { lastColumnId, schemas } = metadata;
    const lake = { schema: currentSchema(metadata), lastColumnId, schemas };
    const wider = evolvedSchema(lake, schema);
    const loaded = await this.#commit(stateCommit(ledger, ledger.state, wider));
    this.#stage.replace(ledgerTable(schema, loaded, ledger.state));
    const { identifier } = await this.base();
    await evolveBase(this.mergeParts(), { identifier, schema });
    this.schema = schema;
  }

  async merge(): Promise<MergeOutcome> {
    const [ledger, base] = [await this.ledger(), await this.base()];
    const { schema } = this;
    const request = { schema, ledger, base, ref: MAIN_BRANCH, commitTsUs: null };
    if (this.#worker !== null) return this.#worker.merge(request);
    return mergeBase(this.mergeParts(), request);
  }

  async compact(): Promise<CompactionReport | null> {
    const request = { schema: this.schema, base: await this.base() };
    if (this.#worker !== null) return this.#worker.compact(request);
    return compactBase(this.mergeParts(), request);
  }

  mergeParts(): MergeParts {
    const { context } = this;
    const commit = async (request: CommitRequest): Promise<CommitResult> =>
      present((await commitTables(context, [request]))[0], 'a result');
    return { context, engine: this.#engine, commit };
  }

  async base(): Promise<LoadedTable> {
    const { namespace, table } = this.schema.table;
    const base = await this.context.catalog.loadTable({ namespace, name: table });
    return present(base, 'the base');
  }

  async ledger(): Promise<LoadedTable> {
    const { namespace, table } = this.schema.table;
    const identifier = { namespace, name: `${table}_ledger` };
    return present(await this.context.catalog.loadTable(identifier), 'the ledger');
  }

  async watermark(): Promise<SequenceMark> {
    return present(baseStateOf(await this.base()), 'the state of the base').watermark;
  }

  /** Where the ledger is complete to, as committed. */
  completeTo(): SequenceMark {
    return present(this.#stage.table(this.schema.table), 'the ledger').state.completeTo;
  }

  #remember(batch: ChangeBatch): void {
    const { schema } = batch;
    const key = keyColumns(schema).map((column) => schema.columns.indexOf(column));
    for (const [index, values] of textRows(batch).entries()) {
      const op = present(CHANGE_OPS[batch.op[index] ?? -1], 'an op');
      this.changes.push({
        op,
        epoch: batch.epoch,
        seq: present(batch.seq[index], 'a seq'),
        row: present(batch.row[index], 'a row'),
        key: op === 't' ? '' : keyText(key.map((column) => values[column] ?? null)),
        values,
        arrival: BigInt(this.changes.length),
      });
    }
  }
}

/** The table of a commit that must have been made. */
export function committed(result: CommitResult | undefined): LoadedTable {
  if (result?.kind === 'committed') return result.table;
  if (result?.kind === 'halted') throw result.error;
  throw new Error(`a commit answered ${result?.kind ?? 'nothing'}`);
}

function markOf(seq: bigint): SequenceMark {
  return { epoch: EPOCH, seq };
}

function positionOf(seq: bigint): { sourceId: string; partition: string; token: string } {
  return { sourceId: 'model', partition: 'main', token: String(seq) };
}

/**
 * The ledger stage: collects changes per table and commits them together with the place they were
 * read up to (docs/spec/ledger.md L4, L5). What is not committed is forgotten by a crash and read
 * again; what is committed is never appended twice, because each table skips everything at or below
 * its own complete-to.
 */
import type { DataFile } from '../iceberg/manifest.ts';
import type { CommitRequest, CommitResult } from '../lake/commit-request.ts';
import { assert } from '../kernel/assert.ts';
import type { FirnError } from '../kernel/firn-error.ts';
import type { ChangeBatch } from '../model/change-batch.ts';
import { compareMarks, laterMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { changesAbove } from '../model/slice-batch.ts';
import type { SourcePosition } from '../model/source-position.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableName } from '../model/table-schema.ts';
import type { FileWriter } from '../ports/row-engine.ts';
import type { LedgerTable } from './ledger-table.ts';

/** A place in the source's log that a commit may end at, with what it means in sequences. */
export interface CommitPoint {
  readonly position: SourcePosition;
  readonly completeTo: SequenceMark;
  /** Commit time at the source, microseconds; `null` unknown. */
  readonly commitTsUs: bigint | null;
}

/** Makes commits; several tables at once where the catalog can. */
export type CommitFunction = (
  requests: readonly CommitRequest[],
) => Promise<readonly CommitResult[]>;

/** What the stage needs from outside. */
export interface LedgerStageParts {
  readonly commit: CommitFunction;
  readonly openWriter: (table: LedgerTable) => FileWriter<ChangeBatch>;
}

/** What one flush did. */
export interface FlushReport {
  readonly committed: readonly { readonly table: LedgerTable; readonly rows: number }[];
  readonly halted: readonly { readonly table: LedgerTable; readonly error: FirnError }[];
}

interface OpenLedger {
  table: LedgerTable;
  writer: FileWriter<ChangeBatch>;
  /** Writers of earlier columns that still hold rows; they finish with the same commit. */
  earlier: readonly FileWriter<ChangeBatch>[];
  /** Highest sequence and newest schema version since the last commit; `null`: no rows. */
  pending: { readonly sequence: SequenceMark; readonly schemaVersion: number } | null;
}

/** Ledgers of one source's tables. Used by one stream at a time. */
export class LedgerStage {
  readonly #parts: LedgerStageParts;
  readonly #ledgers = new Map<string, OpenLedger>();

  constructor(parts: LedgerStageParts) {
    this.#parts = parts;
  }

  /** Takes a table's changes from now on. */
  add(table: LedgerTable): void {
    const name = formatTableName(table.schema.table);
    assert(!this.#ledgers.has(name), `ledger of ${name} is open already`);
    const writer = this.#parts.openWriter(table);
    this.#ledgers.set(name, { table, writer, earlier: [], pending: null });
  }

  /** Forgets a table and what it has not committed. */
  async remove(name: TableName): Promise<void> {
    const ledger = this.#ledgers.get(formatTableName(name));
    this.#ledgers.delete(formatTableName(name));
    if (ledger !== undefined) await discardRows(ledger);
  }

  /** The table as of its last commit; `null` when it is not open. */
  table(name: TableName): LedgerTable | null {
    return this.#ledgers.get(formatTableName(name))?.table ?? null;
  }

  /** All open tables as of their last commits. */
  tables(): readonly LedgerTable[] {
    return [...this.#ledgers.values()].map((ledger) => ledger.table);
  }

  /** Rows taken and not committed. */
  pendingRows(): number {
    let rows = 0;
    for (const ledger of this.#ledgers.values()) rows += rowsHeld(ledger);
    return rows;
  }

  /** Takes changes; those that the ledger has already are skipped. Tables not open are ignored. */
  async append(batch: ChangeBatch): Promise<void> {
    const ledger = this.#ledgers.get(formatTableName(batch.schema.table));
    if (ledger === undefined) return;
    const fresh = changesAbove(batch, ledger.table.state.completeTo);
    if (fresh === null) return;
    await ledger.writer.append(fresh);
    const last = fresh.seq[fresh.rowCount - 1];
    assert(last !== undefined, 'a batch has rows');
    const sequence = { epoch: fresh.epoch, seq: last };
    const schemaVersion = Math.max(ledger.pending?.schemaVersion ?? 0, fresh.schema.version);
    ledger.pending = { sequence, schemaVersion };
  }

  /**
   * Commits rows read from the source after the fact, alone and at the ledger's present place; what
   * was taken and not committed stays taken. The ledger must be complete to the mark they carry.
   */
  async appendRereads(batch: ChangeBatch): Promise<void> {
    const ledger = this.#ledgers.get(formatTableName(batch.schema.table));
    assert(ledger !== undefined, 'a re-read belongs to an open ledger');
    const { state } = ledger.table;
    const writer = this.#parts.openWriter(ledger.table);
    await writer.append(batch);
    const { position, completeTo } = state;
    const pending = {
      sequence: state.sequence ?? completeTo,
      schemaVersion: batch.schema.version,
    };
    const alone = { table: ledger.table, writer, earlier: [], pending };
    const request = await commitRequest(alone, { position, completeTo, commitTsUs: null });
    const [result] = await this.#parts.commit([request]);
    if (result?.kind === 'halted') throw result.error;
    assert(result?.kind === 'committed', 'an append is rebased, never planned again');
    assert(request.state.kind === 'ledger', 'a ledger carries the state of a ledger');
    const { metadata } = result.table;
    ledger.table = { ...ledger.table, metadata, headId: result.snapshotId, state: request.state };
  }

  /**
   * Commits everything taken, up to `point`. Tables named in `including` are committed even without
   * rows, so that their own complete-to reaches the point.
   */
  async flush(point: CommitPoint, including: ReadonlySet<string>): Promise<FlushReport> {
    const requests: CommitRequest[] = [];
    const asked: OpenLedger[] = [];
    for (const [name, ledger] of this.#ledgers) {
      const behind = compareMarks(ledger.table.state.completeTo, point.completeTo) < 0;
      if (rowsHeld(ledger) === 0 && !(behind && including.has(name))) continue;
      requests.push(await commitRequest(ledger, point));
      asked.push(ledger);
    }
    const results = requests.length === 0 ? [] : await this.#parts.commit(requests);
    const committed: { table: LedgerTable; rows: number }[] = [];
    const halted: { table: LedgerTable; error: FirnError }[] = [];
    for (const [index, ledger] of asked.entries()) {
      const result = results[index];
      const request = requests[index];
      assert(result !== undefined && request !== undefined, 'one result per request');
      assert(result.kind !== 'replan', 'an append is rebased, never planned again');
      if (result.kind === 'halted') {
        halted.push({ table: ledger.table, error: result.error });
        continue;
      }
      assert(request.state.kind === 'ledger', 'a ledger carries the state of a ledger');
      ledger.table = {
        ...ledger.table,
        metadata: result.table.metadata,
        headId: result.snapshotId,
        state: request.state,
      };
      ledger.pending = null;
      committed.push({ table: ledger.table, rows: rowsOf(request) });
    }
    return { committed, halted };
  }

  /** Replaces what is known of a table, after its schema was changed by a commit of its own. */
  replace(table: LedgerTable): void {
    const ledger = this.#ledgers.get(formatTableName(table.schema.table));
    assert(ledger !== undefined, 'only an open ledger is replaced');
    const before = ledger.table.metadata.currentSchemaId;
    ledger.table = table;
    if (table.metadata.currentSchemaId === before) return;
    // Rows taken so far keep the columns they were taken with.
    if (ledger.writer.rowCount > 0) ledger.earlier = [...ledger.earlier, ledger.writer];
    ledger.writer = this.#parts.openWriter(table);
  }

  /** Forgets everything that is not committed. */
  async discard(): Promise<void> {
    for (const ledger of this.#ledgers.values()) await discardRows(ledger);
  }
}

function rowsHeld(ledger: OpenLedger): number {
  return ledger.earlier.reduce((sum, writer) => sum + writer.rowCount, ledger.writer.rowCount);
}

async function discardRows(ledger: OpenLedger): Promise<void> {
  ledger.pending = null;
  for (const writer of [...ledger.earlier, ledger.writer]) await writer.discard();
  ledger.earlier = [];
}

async function finishRows(ledger: OpenLedger): Promise<readonly DataFile[]> {
  const files: DataFile[] = [];
  for (const writer of [...ledger.earlier, ledger.writer]) files.push(...(await writer.finish()));
  ledger.earlier = [];
  return files;
}

async function commitRequest(ledger: OpenLedger, point: CommitPoint): Promise<CommitRequest> {
  const { table, pending } = ledger;
  const added = await finishRows(ledger);
  const rows = added.reduce((sum, file) => sum + file.recordCount, 0n);
  const { state } = table;
  const sequence =
    pending === null
      ? state.sequence
      : laterMark(pending.sequence, state.sequence ?? pending.sequence);
  return {
    identifier: table.identifier,
    tableUuid: table.metadata.tableUuid,
    ref: 'main',
    parentId: table.headId,
    operation: 'append',
    added,
    removed: [],
    dataSequenceNumber: null,
    state: {
      ...state,
      position: point.position,
      completeTo: laterMark(point.completeTo, state.completeTo),
      sequence,
      schemaVersion: Math.max(state.schemaVersion, pending?.schemaVersion ?? 0),
      events: state.events + rows,
    },
    parentless: false,
    schema: null,
    rebase: 'allowed',
  };
}

function rowsOf(request: CommitRequest): number {
  return request.added.reduce((sum, file) => sum + Number.parseInt(`${file.recordCount}`, 10), 0);
}

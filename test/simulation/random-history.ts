/**
 * A random history of one table through ledger and base, checked against the fold after every
 * merge and at every commit of the ledger.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { referencedFile } from '../../src/lake/delete-index.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { REREAD_ROW, formatMark } from '../../src/model/change-sequence.ts';
import { parseColumnType } from '../../src/model/column-type.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { present } from '../../src/kernel/assert.ts';
import { upgradeBase } from '../../src/base/upgrade-base.ts';
import { foldEvents, keyText, tableText } from '../oracles/fold-events.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import { ModelDatabase } from './model-database.ts';
import type { ModelColumn } from './model-database.ts';
import { commitTsUs } from './model-places.ts';
import { Choice } from './random-choice.ts';
import { TABLE_SHAPES, bulkInsert, randomCell, randomTransaction } from './random-work.ts';
import { pairViews, readBase, readQuery } from './read-tables.ts';
import { changeBatch } from './row-cells.ts';
import type { TextChange } from './row-cells.ts';
import { LineageCheck } from './lineage-check.ts';
import { TablePair } from './table-pair.ts';
import type { PairWorker } from './table-pair.ts';
import type { RowIdReader } from '../support/row-ids.ts';

/** Counts of what histories did. */
export interface HistoryCounts {
  histories: number;
  changes: number;
  merges: number;
  rowsCompared: number;
  livesCompared: number;
  rereads: number;
  repeats: number;
  truncates: number;
  compactions: number;
  columns: number;
}

/** Counts from zero. */
export function noCounts(): HistoryCounts {
  return {
    histories: 0,
    changes: 0,
    merges: 0,
    rowsCompared: 0,
    livesCompared: 0,
    rereads: 0,
    repeats: 0,
    truncates: 0,
    compactions: 0,
    columns: 0,
  };
}

const STEPS = 40;

/** Plays the history of a seed; throws where a table is not what the fold says. */
export async function playHistory(
  lake: {
    readonly context: LakeContext;
    readonly engine: RowEngine;
    /** Of the base; default 2. */
    readonly formatVersion?: 2 | 3;
    /** Raises the base's format version half-way. */
    readonly upgrades?: boolean;
    /** Checks the row ids of a base of format 3. */
    readonly rowIds?: RowIdReader;
    /** Merges in place of the engine; its ledger holds rows that are not complete yet. */
    readonly worker?: PairWorker;
    readonly steps?: number;
  },
  seed: number,
  counts: HistoryCounts,
): Promise<void> {
  const choice = new Choice(seed);
  const shape = choice.of(TABLE_SHAPES);
  const table = 'items';
  const database = new ModelDatabase();
  database.createTable(table, shape.columns, shape.keyLength);
  database.capture(table);
  const schema = schemaOf(`history_${seed}`, shape.columns, shape.keyLength);
  const { formatVersion = 2 } = lake;
  const { buckets } = shape;
  const { engine, rowIds, worker } = lake;
  const pair = await TablePair.open(lake.context, engine, {
    schema,
    buckets,
    formatVersion,
    ...(worker !== undefined && { worker }),
  });
  const lineage = rowIds === undefined ? null : new LineageCheck(rowIds);
  const history = new History({
    pair,
    database,
    choice,
    counts,
    engine,
    lineage,
    isCluster: worker !== undefined,
  });
  bulkInsert(choice, database, { table, count: choice.of([0, 30, 60]) });
  const calm = choice.once(4);
  const { steps = STEPS } = lake;
  for (let step = 0; step < steps; step++) {
    if (lake.upgrades === true && step === steps / 2) await history.upgrade();
    await (calm ? history.calmStep() : history.step());
  }
  await history.finish();
  counts.histories += 1;
  counts.changes += pair.changes.length;
}

function schemaOf(
  namespace: string,
  columns: readonly ModelColumn[],
  keyLength: number,
): TableSchema {
  return {
    table: { namespace, table: 'items' },
    version: columns.length,
    columns: columns.map(([name, type], index) => ({
      id: index + 1,
      name,
      sourceName: name,
      sourceType: type,
      type: present(parseColumnType(type), type),
    })),
    keyColumnIds: columns.slice(0, keyLength).map((_, index) => index + 1),
  };
}

class History {
  readonly #pair: TablePair;
  readonly #database: ModelDatabase;
  readonly #choice: Choice;
  readonly #counts: HistoryCounts;
  readonly #engine: RowEngine;
  readonly #lineage: LineageCheck | null;
  /** The ledger may hold rows above its complete-to. */
  readonly #isCluster: boolean;
  /** Log entries that the ledger was given. */
  #read = 0;
  /** Rows of the base when it was last looked at. */
  #base: readonly string[] = [];
  /** Changes that the last merge could see; later re-reads may have low marks before it. */
  #merged = 0;
  /** What was read again and is not in the ledger yet. */
  readonly #held: TextChange[][] = [];

  constructor(parts: {
    readonly pair: TablePair;
    readonly database: ModelDatabase;
    readonly choice: Choice;
    readonly counts: HistoryCounts;
    readonly engine: RowEngine;
    readonly lineage: LineageCheck | null;
    readonly isCluster: boolean;
  }) {
    this.#pair = parts.pair;
    this.#database = parts.database;
    this.#choice = parts.choice;
    this.#counts = parts.counts;
    this.#engine = parts.engine;
    this.#lineage = parts.lineage;
    this.#isCluster = parts.isCluster;
  }

  async step(): Promise<void> {
    const kind = this.#choice.below(20);
    if (kind < 9) randomTransaction(this.#choice, this.#database, 'items');
    else if (kind < 13) await this.#flush();
    else if (kind < 16) await this.#merge();
    else if (kind < 17) await this.#deliverAgain();
    else if (kind < 18) await this.#reread();
    else if (kind === 18 && this.#held.length > 0) await this.#appendHeld();
    else if (kind < 19) await this.#compact();
    else if (this.#choice.once(3)) await this.#addColumn();
  }

  /** Inserts that are merged at once: many small files, for compactions. */
  async calmStep(): Promise<void> {
    if (this.#choice.once(4)) return this.step();
    bulkInsert(this.#choice, this.#database, { table: 'items', count: 2 });
    await this.#flush();
    await this.#merge();
    await this.#compact();
  }

  /** The base is the same afterwards, in format version 3 (spec: M23). */
  async upgrade(): Promise<void> {
    const mark = formatMark(await this.#pair.watermark());
    const { from } = await upgradeBase(this.#pair.mergeParts(), await this.#pair.base());
    equal(from, 2);
    equal(formatMark(await this.#pair.watermark()), mark);
    await this.#compareBase();
    await this.#checkDeletes();
    await this.#lineage?.afterUpgrade(this.#pair);
  }

  /** Brings everything in; then base, fold and database are one, whatever was read again when. */
  async finish(): Promise<void> {
    await this.#flush(true);
    await this.#appendHeld();
    await this.#merge();
    const rows = present(this.#database.table('items'), 'the table').rows.values();
    const width = this.#pair.schema.columns.length;
    const folded = foldEvents(this.#pair.changes, this.#pair.completeTo());
    deepEqual(tableText(folded.values(), width), tableText(rows, width), 'fold and database');
  }

  /** Gives the log's new entries to the ledger and commits them. */
  async #flush(isLast = false): Promise<void> {
    const { log, lastSeq } = this.#database;
    const entries = log.slice(this.#read);
    this.#read = log.length;
    for (let at = 0; at < entries.length;) {
      const size = 1 + this.#choice.below(5);
      await this.#pair.append(this.#batch(entries.slice(at, at + size).map(changeOf)));
      at += size;
    }
    this.#counts.truncates += entries.filter(({ op }) => op === 't').length;
    const isAhead = this.#isCluster && !isLast && this.#choice.once(2);
    const complete = isAhead ? this.#between(this.#pair.completeTo().seq, lastSeq) : lastSeq;
    await this.#pair.flush(complete);
    await this.#compareLive();
  }

  #between(low: bigint, high: bigint): bigint {
    return low + BigInt(this.#choice.below(Number(high - low) + 1));
  }

  #batch(changes: readonly TextChange[]): ReturnType<typeof changeBatch> {
    return changeBatch(this.#pair.schema, changes, { epoch: 1, commitTsUs });
  }

  async #merge(): Promise<void> {
    const before = this.#base;
    const outcome = await this.#pair.merge();
    this.#merged = this.#pair.changes.length;
    const after = await this.#compareBase();
    if (outcome.kind !== 'merged') return;
    this.#counts.merges += 1;
    const { rowsInserted, rowsDeleted } = outcome.report;
    // spec: M17
    equal(after.length, before.length + rowsInserted - rowsDeleted, 'rows that the merge counted');
    await this.#checkDeletes();
    const { truncated } = outcome.report.window;
    await this.#lineage?.afterMerge(this.#pair, { truncated, rowsInserted });
  }

  async #compact(): Promise<void> {
    const mark = formatMark(await this.#pair.watermark());
    const report = await this.#pair.compact();
    if (report === null) return;
    this.#counts.compactions += 1;
    // spec: M19
    equal(formatMark(await this.#pair.watermark()), mark);
    await this.#lineage?.afterCompaction(this.#pair);
    await this.#compareBase();
  }

  /** Some changes that the ledger has come again, in a file of their own. */
  async #deliverAgain(): Promise<void> {
    const log = this.#database.log.slice(0, this.#read);
    const again = log.filter(() => this.#choice.once(4)).map(changeOf);
    if (again.length === 0) return;
    this.#counts.repeats += again.length;
    await this.#pair.appendAgain(this.#batch(again));
    await this.#compareLive();
  }

  /**
   * Some keys are read again after a low mark that may be long ago. What was read comes into the
   * ledger at once, or later, when newer changes may have passed it.
   */
  async #reread(): Promise<void> {
    const table = present(this.#database.table('items'), 'the table');
    const { lastSeq } = this.#database;
    if (lastSeq === 0n) return;
    const seq = this.#choice.once(2) ? lastSeq : BigInt(1 + this.#choice.below(Number(lastSeq)));
    const changes = new Map<string, TextChange>();
    for (let index = 0; index < 3; index++) {
      const key = table.columns
        .slice(0, table.keyLength)
        .map((column) => randomCell(this.#choice, column, false));
      const row = table.rows.get(keyText(key));
      const place = { seq, row: REREAD_ROW };
      changes.set(
        keyText(key),
        row === undefined ? { op: 'd', values: key, ...place } : { op: 'r', values: row, ...place },
      );
    }
    this.#held.push([...changes.values()]);
    if (this.#choice.once(2)) await this.#appendHeld();
  }

  /** Held re-reads whose low mark the ledger has reached (spec: O10). */
  async #appendHeld(): Promise<void> {
    const { seq: highest } = this.#pair.completeTo();
    for (const changes of this.#held.splice(0)) {
      if (changes.some(({ seq }) => seq > highest)) {
        this.#held.push(changes);
        continue;
      }
      this.#counts.rereads += changes.length;
      await this.#pair.appendRereads(this.#batch(changes));
      await this.#compareLive();
    }
  }

  async #addColumn(): Promise<void> {
    const table = present(this.#database.table('items'), 'the table');
    if (this.#read < this.#database.log.length) await this.#flush();
    const type = this.#choice.of(['long', 'string']);
    this.#database.addColumn('items', [`added_${table.columns.length}`, type]);
    const { columns, keyLength } = present(this.#database.table('items'), 'the table');
    const { namespace } = this.#pair.schema.table;
    await this.#pair.evolve(schemaOf(namespace, columns, keyLength));
    this.#counts.columns += 1;
    await this.#compareBase();
  }

  async #baseRows(): Promise<readonly string[]> {
    const rows = await readBase(this.#engine, this.#pair);
    return tableText(rows, this.#pair.schema.columns.length);
  }

  /** The base is the fold at its watermark (spec: M1). */
  async #compareBase(): Promise<readonly string[]> {
    const rows = await this.#baseRows();
    const changes = this.#pair.changes.slice(0, this.#merged);
    this.#compare(rows, foldEvents(changes, await this.#pair.watermark()), 'base');
    this.#counts.rowsCompared += rows.length;
    this.#base = rows;
    return rows;
  }

  /** The live table is the fold at the ledger's complete-to (spec: M20). */
  async #compareLive(): Promise<void> {
    if (this.#isCluster || this.#choice.once(2)) return;
    const { live } = await pairViews(this.#pair);
    const table = present(live, 'the live table');
    const rows = await readQuery(this.#engine, { tables: [], live: [table] }, table);
    this.#counts.livesCompared += 1;
    this.#counts.rowsCompared += rows.length;
    const text = tableText(rows, this.#pair.schema.columns.length);
    this.#compare(text, foldEvents(this.#pair.changes, this.#pair.completeTo()), 'live');
  }

  #compare(rows: readonly string[], folded: ReadonlyMap<string, TextRow>, what: string): void {
    const expected = tableText(folded.values(), this.#pair.schema.columns.length);
    deepEqual(rows, expected, `${what} is not the fold`);
  }

  /** Every data file has at most one delete file, which is for it alone (spec: M13). */
  async #checkDeletes(): Promise<void> {
    const { metadata } = await this.#pair.base();
    for (const scan of await scanFiles(this.#pair.context, { metadata, ref: 'main' })) {
      ok(scan.deletes.length <= 1, 'one delete file per data file');
      for (const file of scan.deletes) {
        // Other engines spell locations in their own ways; the scan has matched them.
        ok(referencedFile(file) !== null, 'a delete file is for one data file');
        // spec: M21
        equal(file.fileFormat, metadata.formatVersion === 3 ? 'PUFFIN' : 'PARQUET');
      }
    }
  }
}

function changeOf(entry: ModelDatabase['log'][number]): TextChange {
  const { op, seq, row, values } = entry;
  ok(op !== 'look', 'a history has no looks');
  return { op, seq, row, values };
}

/** Row ids of a base from merge to merge (spec: M22): unique, kept by updates and by compaction. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { refSnapshot } from '../../src/iceberg/snapshot.ts';
import { currentSchema } from '../../src/iceberg/table-metadata.ts';
import type { TableMetadata } from '../../src/iceberg/table-metadata.ts';
import { present } from '../../src/kernel/assert.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import type { RowIdReader, RowLineage } from '../support/row-ids.ts';
import type { TablePair } from './table-pair.ts';

/** Remembers the ids of the rows that were there. */
export class LineageCheck {
  readonly #reader: RowIdReader;
  #rows: ReadonlyMap<string, RowLineage> = new Map();
  #nextRowId = 0n;

  constructor(reader: RowIdReader) {
    this.#reader = reader;
  }

  /** A row that was there keeps its id, a new one has an id that no row ever had. */
  async afterMerge(
    pair: TablePair,
    merge: { readonly truncated: boolean; readonly rowsInserted: number },
  ): Promise<void> {
    const { metadata } = await pair.base();
    if (metadata.formatVersion === 2) return;
    const rows = await this.#read(pair, metadata);
    const sequence = metadata.lastSequenceNumber;
    let changed = 0;
    for (const [key, { rowId, updated }] of rows) {
      const before = this.#rows.get(key);
      if (before !== undefined && updated === before.updated) {
        equal(rowId, before.rowId, 'a row that nobody changed keeps its id');
        continue;
      }
      changed++;
      equal(updated, sequence, 'a row that came or changed says so');
      if (before === undefined || (merge.truncated && rowId !== before.rowId)) {
        ok(rowId >= this.#nextRowId, 'a new row has a new id');
      } else {
        equal(rowId, before.rowId, 'an updated row keeps its id');
      }
    }
    equal(changed, merge.rowsInserted, 'rows of this merge');
    this.#remember(rows, metadata);
  }

  /** No row has another id, nor looks changed. */
  async afterCompaction(pair: TablePair): Promise<void> {
    const { metadata } = await pair.base();
    if (metadata.formatVersion === 2) return;
    const rows = await this.#read(pair, metadata);
    deepEqual(new Map(rows), new Map(this.#rows));
    this.#remember(rows, metadata);
  }

  /** Every row that is there has an id. */
  async afterUpgrade(pair: TablePair): Promise<void> {
    const { metadata } = await pair.base();
    this.#remember(await this.#read(pair, metadata), metadata);
  }

  #remember(rows: ReadonlyMap<string, RowLineage>, metadata: TableMetadata): void {
    this.#rows = rows;
    this.#nextRowId = metadata.nextRowId;
  }

  async #read(pair: TablePair, metadata: TableMetadata): Promise<ReadonlyMap<string, RowLineage>> {
    const files = await scanFiles(pair.context, { metadata, ref: 'main' });
    const rows = await this.#reader.read(files, currentSchema(metadata).identifierFieldIds);
    const ids = new Set([...rows.values()].map(({ rowId }) => rowId));
    equal(ids.size, rows.size, 'row ids are unique');
    ok([...ids].every((id) => id < metadata.nextRowId));
    const head = present(refSnapshot(metadata, 'main'), 'the head');
    equal(
      present(head.firstRowId, 'the first row id') + present(head.addedRows, 'added rows'),
      metadata.nextRowId,
    );
    return rows;
  }
}

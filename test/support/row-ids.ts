/**
 * Row ids of a table of format v3 as the Iceberg specification gives them ("Row Lineage"), worked
 * out here from what manifests and files say.
 */
import { openDuckdb } from '../../src/engines/embedded/duckdb-instance.ts';
import type { DuckdbInstance } from '../../src/engines/embedded/duckdb-instance.ts';
import { fileRows } from '../../src/engines/embedded/query/file-rows.ts';
import { holdFiles } from '../../src/engines/embedded/local-files.ts';
import { deleteFilesOf, loadDeletes } from '../../src/engines/embedded/position-deletes.ts';
import type { ScanFile } from '../../src/iceberg/scan-file.ts';
import { assert, present } from '../../src/kernel/assert.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { columnAlias } from '../../src/sql/parquet-statements.ts';

/** What the table says of one live row. */
export interface RowLineage {
  readonly rowId: bigint;
  /** Sequence number of the commit that last changed the row. */
  readonly updated: bigint;
}

/** Reads row ids of files that lie, or are brought, below some folders. */
export class RowIdReader {
  readonly #store: ObjectStore;
  readonly #instance: DuckdbInstance;

  private constructor(store: ObjectStore, instance: DuckdbInstance) {
    this.#store = store;
    this.#instance = instance;
  }

  static async open(store: ObjectStore, folders: readonly string[]): Promise<RowIdReader> {
    const limits = { threads: 1, memoryBytesMax: 2 ** 28, spillBytesMax: 0, files: [], folders };
    return new RowIdReader(
      store,
      await openDuckdb({ ...limits, spillFolder: `${folders[0]}/none` }),
    );
  }

  /** Live rows by the text of their key. */
  async read(
    files: readonly ScanFile[],
    keyFieldIds: readonly number[],
  ): Promise<ReadonlyMap<string, RowLineage>> {
    const local = await holdFiles(this.#store, [
      ...files.map(({ file }) => file),
      ...deleteFilesOf(files),
    ]);
    const connection = await this.#instance.connect();
    try {
      await local.examine(connection);
      await loadDeletes(connection, { name: 'dead', files, local, shared: false });
      const columns = keyFieldIds.map((fieldId) => ({ fieldId, type: 'VARCHAR' }));
      const ids = [2_147_483_540, 2_147_483_539].map((fieldId) => ({ fieldId, type: 'BIGINT' }));
      const all = [...columns, ...ids].map(({ fieldId }) => columnAlias(fieldId));
      const rows = await connection.runAndReadAll(
        `SELECT file_index::BIGINT, file_row_number, ${all.join(', ')}
          FROM ${fileRows({ files, local }, [...columns, ...ids])} AS rows
          ANTI JOIN dead ON file_index = dead.fi AND file_row_number = dead.pos`,
      );
      const found = new Map<string, RowLineage>();
      for (const [index, position, ...values] of rows.getRows()) {
        const { file, dataSequenceNumber } = present(files[Number(index)], 'a file');
        const key = JSON.stringify(values.slice(0, columns.length));
        const [rowId, updated] = values.slice(columns.length);
        assert(file.firstRowId !== null, 'every file of format v3 has a first row id');
        assert(typeof position === 'bigint' && !found.has(key), 'a key is there once');
        found.set(key, {
          rowId: typeof rowId === 'bigint' ? rowId : file.firstRowId + position,
          updated: typeof updated === 'bigint' ? updated : dataSequenceNumber,
        });
      }
      return found;
    } finally {
      connection.closeSync();
      await local.release();
    }
  }

  close(): void {
    this.#instance.close();
  }
}

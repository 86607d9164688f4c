/**
 * A row engine over JSON files: the whole port, simple enough to be believed, fast enough for
 * thousands of simulated runs. Everything it does goes through the object store.
 */
import type { DataFile } from '../../src/iceberg/manifest.ts';
import type { IcebergValue } from '../../src/iceberg/single-value.ts';
import { bindTransform } from '../../src/iceberg/transform.ts';
import { present } from '../../src/kernel/assert.ts';
import { CHANGE_OPS } from '../../src/model/change-batch.ts';
import type { ChangeBatch, RowBatch } from '../../src/model/change-batch.ts';
import type { FileWriter, RowEngine, WriteTarget } from '../../src/ports/row-engine.ts';
import { openFileMerge, writeBuckets } from './file-merge.ts';
import { compareFiles, openFileQuery } from './file-query.ts';
import { textRows } from './row-cells.ts';
import { readDeletes, readLiveRows, writeDeletes, writeRows } from './row-files.ts';
import type { NamedRow, RowFileContext } from './row-files.ts';

/** An engine without a process, a thread or a folder. */
export function createFileEngine(context: RowFileContext): RowEngine {
  return {
    ledgerWriter: (target) => ledgerWriter(context, target),
    baseWriter: (target, { schema, bucketing }) =>
      bufferedWriter<RowBatch>(rowsOf, (rows) =>
        writeBuckets(context, { schema, target, bucketing }, rows),
      ),
    openMerge: (request) => openFileMerge(context, request),
    async compact({ files, ...into }) {
      const rows: NamedRow[] = [];
      for (const scan of files) {
        for (const { row } of await readLiveRows(context, scan)) rows.push(row);
      }
      return writeBuckets(context, into, rows);
    },
    async convertDeletes({ files, target }) {
      const added: DataFile[] = [];
      for (const scan of files) {
        if (scan.deletes.length === 0) continue;
        const positions = [...(await readDeletes(context, scan))].toSorted((a, b) => a - b);
        const into = { ...target, formatVersion: 3 } as const;
        added.push(await writeDeletes(context, into, { data: scan.file, positions }));
      }
      return { added, removed: [...new Set(files.flatMap(({ deletes }) => deletes))] };
    },
    writeRows: () => Promise.reject(new Error('only a cluster has dead letters')),
    compare: (request) => compareFiles(context, request),
    openQuery: (request) => openFileQuery(context, request),
    async close() {
      // Nothing is open.
    },
  };
}

function bufferedWriter<Batch extends RowBatch>(
  toRows: (batch: Batch) => readonly NamedRow[],
  write: (rows: readonly NamedRow[]) => Promise<readonly DataFile[]>,
): FileWriter<Batch> {
  let rows: NamedRow[] = [];
  return {
    get rowCount() {
      return rows.length;
    },
    get sizeBytes() {
      return rows.length * ROW_BYTES;
    },
    async append(batch) {
      rows.push(...toRows(batch));
    },
    async finish() {
      const files = await write(rows);
      rows = [];
      return files;
    },
    async discard() {
      rows = [];
    },
  };
}

/** What a row is said to take: so much that three rows fill a bucket's share of a group. */
const ROW_BYTES = 12 * 1024 * 1024;

function rowsOf(batch: RowBatch): readonly NamedRow[] {
  return textRows(batch).map((values) =>
    Object.fromEntries(
      batch.schema.columns.map(({ name }, index) => [name, values[index] ?? null]),
    ),
  );
}

function ledgerRowsOf(batch: ChangeBatch): readonly NamedRow[] {
  return rowsOf(batch).map((row, index) => ({
    _firn_op: present(CHANGE_OPS[batch.op[index] ?? -1], 'an op'),
    _firn_epoch: String(batch.epoch),
    _firn_seq: String(batch.seq[index]),
    _firn_row: String(batch.row[index]),
    _firn_commit_ts: String(batch.commitTsUs[index]),
    _firn_schema: String(batch.schema.version),
    ...row,
  }));
}

function ledgerWriter(context: RowFileContext, target: WriteTarget): FileWriter<ChangeBatch> {
  const day = bindTransform({ kind: 'day' }, { kind: 'timestamptz' });
  return bufferedWriter<ChangeBatch>(ledgerRowsOf, async (rows) => {
    const dayOf = (row: NamedRow): IcebergValue => day(BigInt(row['_firn_commit_ts'] ?? 0));
    const files: DataFile[] = [];
    for (const [partition, members] of Map.groupBy(rows, dayOf)) {
      files.push(await writeRows(context, { target, partition: [partition], rows: members }));
    }
    return files;
  });
}

/**
 * Position deletes as deletion vectors (docs/spec/merge.md M23): what a base of format version 2
 * knows of dead rows, in the form of version 3. No data file is read or written.
 */
import type * as Api from '@duckdb/node-api';
import { isDeletionVector } from '../../../iceberg/deletes/deletion-vector.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import type { ScanFile } from '../../../iceberg/scan-file.ts';
import type { ConvertedDeletes, WriteTarget } from '../../../ports/row-engine.ts';
import { runAll } from '../duckdb-instance.ts';
import { holdFiles } from '../local-files.ts';
import { dropStaged, uploadFiles } from '../parquet-writer.ts';
import type { FileContext, StagedFile } from '../parquet-writer.ts';
import { loadDeletes } from '../position-deletes.ts';
import { stageVector } from './stage-vector.ts';

/** Writes a vector for each file that has position deletes. */
export async function convertDeletes(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: { readonly files: readonly ScanFile[]; readonly target: WriteTarget },
): Promise<ConvertedDeletes> {
  // Equality deletes stay as they are: only what goes is written anew.
  const files = request.files.flatMap(({ file, dataSequenceNumber, deletes }) => {
    const old = deletes.filter((one) => !isDeletionVector(one));
    return old.length === 0 ? [] : [{ file, dataSequenceNumber, deletes: old }];
  });
  const removed = new Map<string, DataFile>();
  for (const { deletes } of files) for (const file of deletes) removed.set(file.filePath, file);
  const local = await holdFiles(context.store, [...removed.values()]);
  const staged: StagedFile[] = [];
  try {
    await local.examine(connection);
    await loadDeletes(connection, { name: 'dead', files, local, shared: false });
    for (const [index, { file }] of files.entries()) {
      const source = `SELECT pos FROM dead WHERE fi = ${index}`;
      staged.push(await stageVector(context, connection, { file, source, target: request.target }));
    }
    await runAll(connection, ['DROP TABLE dead']);
    // A delete file may name no row that is there.
    const empty = staged.filter(({ file }) => file.recordCount === 0n);
    await dropStaged(empty);
    const kept = staged.filter((one) => !empty.includes(one));
    return { added: await uploadFiles(context, kept), removed: [...removed.values()] };
  } catch (error) {
    await dropStaged(staged);
    throw error;
  } finally {
    await local.release();
  }
}

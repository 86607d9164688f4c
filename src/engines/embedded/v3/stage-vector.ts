/**
 * Deletion vectors on their way into a lake (docs/spec/merge.md M21): the dead rows of one data
 * file, in a Puffin file of its own, under the data file's own spec and partition.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as Api from '@duckdb/node-api';
import { encodeDeletionVector } from '../../../iceberg/deletes/deletion-vector.ts';
import { hashedPath } from '../../../iceberg/layout/hashed-layout.ts';
import { UNSAID } from '../../../iceberg/manifest.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import { assert } from '../../../kernel/assert.ts';
import { uuidV7 } from '../../../kernel/identifiers.ts';
import type { WriteTarget } from '../../../ports/row-engine.ts';
import { guarded } from '../duckdb-instance.ts';
import type { FileContext, StagedFile } from '../parquet-writer.ts';

/** Writes the vector of one data file: the positions that `source` selects, in any order. */
export async function stageVector(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: {
    readonly file: DataFile;
    readonly source: string;
    readonly target: Pick<WriteTarget, 'dataFolder' | 'hashedLayout'>;
  },
): Promise<StagedFile> {
  const { file, source, target } = request;
  const positions = await readPositions(connection, source);
  const { bytes, ...said } = encodeDeletionVector(file.filePath, positions);
  const name = `${uuidV7(context.clock, context.random)}.puffin`;
  const path = join(context.filesFolder, name);
  await writeFile(path, bytes);
  const place = target.hashedLayout === true ? hashedPath(name) : name;
  return {
    path,
    file: {
      content: 'position-deletes',
      filePath: `${target.dataFolder}/${place}`,
      fileFormat: 'PUFFIN',
      partition: file.partition,
      specId: file.specId,
      ...UNSAID,
      ...said,
    },
  };
}

/** The dead rows of one file: eight bytes each, an eighth of the file's rows at most. */
async function readPositions(
  connection: Api.DuckDBConnection,
  source: string,
): Promise<readonly BigInt64Array[]> {
  return guarded(async () => {
    const batches: BigInt64Array[] = [];
    const result = await connection.stream(`SELECT pos FROM (${source}) ORDER BY pos`);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return batches;
      const column = chunk.getColumnVector(0);
      const batch = new BigInt64Array(chunk.rowCount);
      for (let row = 0; row < batch.length; row++) {
        const position = column.getItem(row);
        assert(typeof position === 'bigint', 'a position is a BIGINT');
        batch[row] = position;
      }
      batches.push(batch);
    }
  });
}

/**
 * Rows that other deletes than position-delete files make dead, as places in their data files, so
 * that whoever reads rows leaves out one kind of thing only: deletion vectors, and the equality
 * deletes that other engines write (Iceberg spec, "Scan Planning").
 */
import type * as Api from '@duckdb/node-api';
import {
  decodeDeletionVector,
  isDeletionVector,
} from '../../../iceberg/deletes/deletion-vector.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import type { EqualityDelete, ScanFile } from '../../../iceberg/scan-file.ts';
import { partitionText } from '../../../iceberg/snapshot-summary.ts';
import { columnAlias, rowColumn } from '../../../sql/parquet-statements.ts';
import type { ParquetColumn } from '../../../sql/parquet-statements.ts';
import { runAll } from '../duckdb-instance.ts';
import { fileRows } from './file-rows.ts';
import { initialDefaultText } from './constant-values.ts';
import type { LocalFiles } from '../local-files.ts';
import { readFile } from 'node:fs/promises';
import { duckdbTypeName } from '../duckdb-types.ts';

/** Where dead rows go: the table `name (fi, pos)`, `fi` being a file's place in `files`. */
export interface DeadRows {
  readonly name: string;
  readonly files: readonly ScanFile[];
  readonly local: LocalFiles;
}

/**
 * Adds the rows of deletion vectors. One Puffin file may hold the vectors of many data files.
 *
 * @throws {FirnError} ICEBERG-PUFFIN-INVALID
 */
export async function loadVectors(
  connection: Api.DuckDBConnection,
  { name, files, local }: DeadRows,
): Promise<void> {
  const vectors = files.flatMap(({ deletes, file }, place) =>
    deletes.filter(isDeletionVector).map((vector) => ({ vector, place, rows: file.recordCount })),
  );
  if (vectors.length === 0) return;
  const { listValue } = await import('@duckdb/node-api');
  const byFile = Map.groupBy(vectors, ({ vector }) => vector.filePath);
  for (const group of byFile.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const bytes = await readFile(local.path(first.vector));
    for (const { vector, place, rows } of group) {
      const sql = `INSERT INTO ${name} SELECT ${place}, pos
        FROM (SELECT unnest($1::BIGINT[]) AS pos) WHERE pos < ${rows}`;
      for (const batch of decodeDeletionVector(vector, bytes)) {
        await connection.run(sql, [listValue([...batch])]);
      }
    }
  }
}

/**
 * Adds the rows that equality deletes make dead. Files that are older than a delete by data
 * sequence number lose their rows with its values, null being equal to null. Files of which only
 * some columns are at hand get those that are compared.
 */
export async function loadEqualityDeletes(
  connection: Api.DuckDBConnection,
  dead: DeadRows,
): Promise<void> {
  const all = dead.files.flatMap(({ equalityDeletes = [] }) => equalityDeletes);
  const groups = Map.groupBy(new Set(all), ({ fields }) => fields.map(({ id }) => id).join());
  for (const deletes of groups.values()) await loadGroup(connection, dead, deletes);
}

/** Deletes that compare the same columns. */
async function loadGroup(
  connection: Api.DuckDBConnection,
  { name, files, local }: DeadRows,
  deletes: readonly EqualityDelete[],
): Promise<void> {
  const among = new Set(deletes);
  const places = [...files.keys()].filter((place) =>
    files[place]?.equalityDeletes?.some((item) => among.has(item)),
  );
  const data = places.flatMap((place) => files[place] ?? []);
  const columns = (deletes[0]?.fields ?? []).map((field): ParquetColumn => {
    const missing = initialDefaultText(field);
    const column = { fieldId: field.id, type: duckdbTypeName(field.type) };
    return missing === null ? column : { ...column, missing };
  });
  const fieldIds = columns.map(({ fieldId }) => fieldId);
  await local.bring(
    data.map(({ file }) => file),
    { connection, fieldIds },
  );
  const scopes = scopesOf(data, deletes);
  const aliases = fieldIds.map(columnAlias);
  const asScans = deletes.map(({ file, dataSequenceNumber }) => {
    return { file, dataSequenceNumber, deletes: [] };
  });
  const equal = fieldIds.map(
    (id) => `${rowColumn(id)} IS NOT DISTINCT FROM gone.${columnAlias(id)}`,
  );
  await runAll(connection, [
    `INSERT INTO ${name} SELECT DISTINCT ${perFile('rows', places)} AS fi, rows.file_row_number AS pos
      FROM ${fileRows({ files: data, local }, columns)} AS rows JOIN (
        SELECT ${aliases.join(', ')}, scope, max(sequence) AS sequence FROM (
          SELECT ${aliases.join(', ')}, unnest(${perFile('deleted', scopes.deletes)}) AS scope,
            ${perFile('deleted', sequencesOf(deletes))} AS sequence
          FROM ${fileRows({ files: asScans, local }, columns)} AS deleted
        ) GROUP BY ALL
      ) AS gone ON ${equal.join(' AND ')} AND gone.scope = ${perFile('rows', scopes.data)}
        AND ${perFile('rows', sequencesOf(data))} < gone.sequence
      EXCEPT SELECT fi, pos FROM ${name}`,
  ]);
}

/**
 * Partitions by number. A delete for every partition counts in each of those that are read, so that
 * one comparison of numbers decides.
 */
function scopesOf(
  data: readonly ScanFile[],
  deletes: readonly EqualityDelete[],
): { readonly data: readonly string[]; readonly deletes: readonly string[] } {
  const numbers = new Map<string, number>();
  const numberOf = (file: DataFile): number => {
    const text = partitionText(file);
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
  const ofData = data.map(({ file }) => numberOf(file));
  const meant = new Map(deletes.map((item) => [item, new Set<number>()]));
  for (const [index, { equalityDeletes = [] }] of data.entries()) {
    for (const item of equalityDeletes) meant.get(item)?.add(ofData[index] ?? 0);
  }
  return {
    data: ofData.map(String),
    deletes: deletes.map((item) => `[${[...(meant.get(item) ?? [])].join(', ')}]::BIGINT[]`),
  };
}

function sequencesOf(items: readonly (ScanFile | EqualityDelete)[]): readonly string[] {
  return items.map(({ dataSequenceNumber }) => String(dataSequenceNumber));
}

/** The item of a list that belongs to a row's file. */
function perFile(relation: string, items: readonly (string | number)[]): string {
  return `list_extract([${items.join(', ')}], ${relation}.file_index::BIGINT + 1)`;
}

/**
 * A base against all rows of its source, bit by bit: both sides in DuckDB, joined by key, spilling
 * where they are large. What differs is settled through the ledger where the two were read at
 * different places of the log; the rest is reported by key.
 */
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import { assert, present } from '../../kernel/assert.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type {
  ComparisonResult,
  KeyDifference,
  MarkRange,
  QueryTable,
} from '../../ports/row-engine.ts';
import {
  createDiffering,
  createHistory,
  createSettled,
  insertDoubled,
  selectDifferences,
} from '../../sql/compare-statements.ts';
import type { ComparedColumn, ComparedTable } from '../../sql/compare-statements.ts';
import { liveRows } from '../../sql/live-statements.ts';
import { columnAlias, rowColumn } from '../../sql/parquet-statements.ts';
import { readRow, readRows, runAll } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { fileRows, schemaColumns } from './query/file-rows.ts';
import { holdFiles } from './local-files.ts';
import { nameDamage } from './query/damaged-files.ts';
import { changeSource } from './merge-window.ts';
import type { FileContext } from './parquet-writer.ts';
import { deleteFilesOf, loadDeletes } from './position-deletes.ts';
import { fedColumns, openStageTable, stageColumns } from './stage-table.ts';
import type { StageTable } from './stage-table.ts';
import type { OpenEngine } from './open-engine.ts';

/** What is compared. */
export interface CompareRequest {
  readonly schema: TableSchema;
  readonly documents: readonly string[];
  readonly source: AsyncIterable<RowBatch>;
  readonly sourceMarks: MarkRange;
  readonly base: QueryTable;
  readonly baseWatermark: SequenceMark | null;
  readonly ledger: QueryTable;
  readonly differencesMax: number;
}

/** Compares a base with its source. */
export async function compareTables(
  context: FileContext,
  engine: OpenEngine,
  request: CompareRequest,
): Promise<ComparisonResult> {
  const { icebergSchema, files } = request.base;
  const table = await stageSource(engine, icebergSchema, request.source);
  const { connection } = table;
  const read = [...files.map(({ file }) => file), ...deleteFilesOf(files)];
  try {
    const local = await holdFiles(context.store, read);
    try {
      await local.examine(connection);
      await loadDeletes(connection, { name: 'dead', files, local, shared: false });
      const base = liveRows({
        relation: fileRows({ files, local }, schemaColumns(icebergSchema)),
        columns: icebergSchema.fields.map(({ id }) => `${rowColumn(id)} AS ${columnAlias(id)}`),
        dead: 'dead',
      });
      return await compareRows(context, connection, { ...request, baseRows: base });
    } catch (error) {
      throw await nameDamage(connection, [{ files, local }], error);
    } finally {
      await local.release();
    }
  } finally {
    table.close();
  }
}

/** All rows of the source in a table called `source`. */
async function stageSource(
  engine: OpenEngine,
  schema: IcebergSchema,
  source: AsyncIterable<RowBatch>,
): Promise<StageTable> {
  const table = await openStageTable(engine, stageColumns(schema.fields));
  try {
    for await (const batch of source) {
      const { fields } = schema;
      await table.append(fedColumns({ batch, schema, fields }), batch.rowCount);
    }
    await table.flush();
    await runAll(table.connection, [`CREATE TEMP VIEW source AS FROM ${table.name}`]);
    return table;
  } catch (error) {
    table.close();
    throw error;
  }
}

async function compareRows(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: CompareRequest & { readonly baseRows: string },
): Promise<ComparisonResult> {
  const { baseRows } = request;
  const compared = comparedTable(request);
  await runAll(connection, [createDiffering(compared, baseRows)]);
  const counts = await countRows(connection, baseRows);
  if (counts.doubled) {
    await runAll(connection, [
      ...insertDoubled(compared, baseRows),
      ...insertDoubled(compared, 'FROM source'),
    ]);
  }
  await settle(context, connection, { ...request, compared });
  const keyCount = compared.keys.length;
  const [total, settled] = await readRow(
    connection,
    'SELECT (SELECT count(*) FROM differing), (SELECT count(*) FROM settled)',
  );
  const rows = await readRows(connection, selectDifferences(keyCount, request.differencesMax));
  return {
    sourceRows: counts.sourceRows,
    baseRows: counts.baseRows,
    settled: numberOf(settled),
    differences: rows.map(readDifference),
    differencesTotal: numberOf(total) - numberOf(settled),
  };
}

interface RowCounts {
  readonly sourceRows: number;
  readonly baseRows: number;
  /** A key is there more than once on one side: rows and keys do not add up. */
  readonly doubled: boolean;
}

async function countRows(connection: Api.DuckDBConnection, base: string): Promise<RowCounts> {
  const kinds = (kind: string): string => {
    return `(SELECT count(*) FROM differing WHERE kind = '${kind}')`;
  };
  const [source, baseCount, onlySource, onlyBase] = await readRow(
    connection,
    `SELECT (SELECT count(*) FROM source), (SELECT count(*) FROM (${base})),
      ${kinds('missing-in-base')}, ${kinds('missing-in-source')}`,
  );
  const [sourceRows, baseRows] = [numberOf(source), numberOf(baseCount)];
  const doubled = sourceRows - numberOf(onlySource) !== baseRows - numberOf(onlyBase);
  return { sourceRows, baseRows, doubled };
}

function comparedTable({ schema, base, documents }: CompareRequest): ComparedTable {
  const keyNames = keyColumns(schema).map(({ name }) => name);
  const columns = base.icebergSchema.fields.map(({ id, name, type }): ComparedColumn => {
    const isFloating = type.kind === 'float' || type.kind === 'double';
    const how = isFloating ? 'floating' : documents.includes(name) ? 'document' : 'bits';
    return { fieldId: id, name, how };
  });
  const keys = keyNames.map((name) =>
    present(
      columns.find((column) => column.name === name),
      `field ${name}`,
    ),
  );
  return { keys, values: columns.filter(({ name }) => !keyNames.includes(name)) };
}

/** Fills `settled`; the ledger is read only where there is something to settle. */
async function settle(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: CompareRequest & { readonly compared: ComparedTable },
): Promise<void> {
  const { schema, ledger, compared } = request;
  const [count] = await readRow(connection, 'SELECT count(*) FROM differing');
  if (numberOf(count) === 0) {
    await runAll(connection, ['CREATE TEMP TABLE settled AS FROM differing']);
    return;
  }
  const marks = { source: request.sourceMarks, base: request.baseWatermark };
  const local = await holdFiles(
    context.store,
    ledger.files.map(({ file }) => file),
  );
  try {
    await local.examine(connection);
    const held = { files: ledger.files, local };
    const source = changeSource(schema, ledger.icebergSchema, held);
    await runAll(connection, [
      createHistory(source, marks),
      createSettled(compared, marks, ledgerValues(request, held)),
    ]);
  } catch (error) {
    throw await nameDamage(connection, [{ files: ledger.files, local }], error);
  } finally {
    await local.release();
  }
}

/** Ledger rows with the base's columns by the base's aliases. */
function ledgerValues(
  { base, ledger }: CompareRequest,
  held: Parameters<typeof fileRows>[0],
): string {
  const fields = base.icebergSchema.fields.map((field) => {
    const source = ledger.icebergSchema.fields.find(({ name }) => name === field.name);
    return { field, source, type: duckdbTypeName(field.type) };
  });
  const columns = fields.flatMap(({ source, type }) => {
    return source === undefined ? [] : [{ fieldId: source.id, type }];
  });
  const list = fields.map(({ field, source, type }) => {
    const value = source === undefined ? `CAST(NULL AS ${type})` : rowColumn(source.id);
    return `${value} AS ${columnAlias(field.id)}`;
  });
  const place = ['rows.file_index AS file_index', 'rows.file_row_number AS file_row_number'];
  return `(SELECT ${[...list, ...place].join(', ')} FROM ${fileRows(held, columns)} AS rows)`;
}

function readDifference(row: readonly Api.DuckDBValue[]): KeyDifference {
  const [key, kind, columns] = row;
  assert(
    kind === 'different' || kind === 'missing-in-base' || kind === 'missing-in-source',
    'a difference has a kind',
  );
  return { key: textsOf(key), kind, columns: kind === 'different' ? textsOf(columns) : [] };
}

function textsOf(value: Api.DuckDBValue | undefined): readonly string[] {
  assert(typeof value === 'object' && value !== null && 'items' in value, 'a list of texts');
  return value.items.map(String);
}

function numberOf(value: Api.DuckDBValue | undefined): number {
  assert(typeof value === 'bigint', 'a count is an integer');
  return toSafeNumber(value);
}

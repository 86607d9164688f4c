/**
 * Ledger files out of change batches: one per day of `_firn_commit_ts`, rows in log order
 * (docs/spec/ledger.md). Rows wait in a stage table; when they become many they are written to the
 * stage folder and wait there, so that a transaction of any size takes bounded memory.
 */
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { NestedField } from '../../iceberg/iceberg-type.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import { assert, present } from '../../kernel/assert.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { CHANGE_OPS, OP_CODE } from '../../model/change-batch.ts';
import type { ChangeBatch, RowBatch } from '../../model/change-batch.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import type { FileWriter, WriteTarget } from '../../ports/row-engine.ts';
import { rowColumn } from '../../sql/parquet-statements.ts';
import { quoteIdentifier } from '../../sql/quoting.ts';
import { readRows } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { dataEntry, dropStaged, stageFile, tableColumns, uploadFiles } from './parquet-writer.ts';
import type { FileColumn, FileContext, StagedFile, StageLimits } from './parquet-writer.ts';
import {
  batchBytes,
  fedColumns,
  openStageTable,
  stageColumns,
  stagedValue,
} from './stage-table.ts';
import type { StageTable } from './stage-table.ts';
import type { OpenEngine } from './open-engine.ts';
import type { FedColumn } from './vector-feeder.ts';

/** What a ledger writer needs. */
export interface LedgerWriterRequest {
  readonly open: () => Promise<OpenEngine>;
  readonly files: FileContext;
  readonly target: WriteTarget;
  readonly limits: StageLimits;
}

const BEFORE = '_firn_before';
const US_PER_DAY = 86_400_000_000n;

/** A writer of one ledger's files. */
export function createLedgerWriter(request: LedgerWriterRequest): FileWriter<ChangeBatch> {
  const { files, target, limits } = request;
  const layout = ledgerLayout(target.icebergSchema);
  let table: StageTable | null = null;
  let staged: StagedFile[] = [];
  let rowCount = 0;
  let sizeBytes = 0;
  let tableRows = 0;
  let tableBytes = 0;

  const closeTable = (): void => {
    table?.close();
    table = null;
    tableRows = 0;
    tableBytes = 0;
  };
  const writeTable = async (): Promise<void> => {
    if (table === null) return;
    await table.flush();
    for (const day of await daysOf(table, layout)) {
      staged.push(
        await stageFile(files, table.connection, {
          columns: layout.columns,
          source: `FROM ${table.name} AS rows WHERE ${dayOf(layout)} = ${day}`,
          dataFolder: target.dataFolder,
          hashedLayout: target.hashedLayout === true,
          width: { rowCount: tableRows, sizeBytes: tableBytes },
          entry: dataEntry(target, [day]),
        }),
      );
    }
    closeTable();
  };
  const forget = (): void => {
    staged = [];
    rowCount = 0;
    sizeBytes = 0;
  };

  return {
    get rowCount() {
      return rowCount;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    async append(batch) {
      if (batch.rowCount === 0) return;
      table ??= await openStageTable(await request.open(), layout.stageColumns);
      await table.append(layout.feed(batch), batch.rowCount);
      const bytes = batchBytes(batch);
      rowCount += batch.rowCount;
      sizeBytes += bytes;
      tableRows += batch.rowCount;
      tableBytes += bytes;
      if (tableRows >= limits.rowsMax || tableBytes >= limits.bytesMax) await writeTable();
    },
    async finish(): Promise<readonly DataFile[]> {
      await writeTable();
      const written = await uploadFiles(files, staged);
      forget();
      return written;
    },
    async discard() {
      closeTable();
      await dropStaged(staged);
      forget();
    },
  };
}

/** How batches become rows of the stage table, and those rows columns of files. */
interface LedgerLayout {
  readonly stageColumns: ReturnType<typeof stageColumns>;
  readonly columns: readonly FileColumn[];
  readonly commitTs: string;
  feed(batch: ChangeBatch): readonly FedColumn[];
}

function ledgerLayout(schema: IcebergSchema): LedgerLayout {
  const plain = schema.fields.filter((field) => field.name !== BEFORE);
  const before = schema.fields.find((field) => field.name === BEFORE);
  const beforeFields = before?.type.kind === 'struct' ? before.type.fields : [];
  const columns = tableColumns(schema, (field) =>
    field === before ? beforeExpression(schema, field) : stagedValue(field),
  );
  return {
    stageColumns: [...stageColumns(plain), ...stageColumns(beforeFields)],
    // The ledger's own columns decide what merges look at, so their bounds are exact.
    columns: columns.map((column) => ({
      ...column,
      exact: column.field.name.startsWith('_firn_'),
    })),
    commitTs: rowColumn(fieldNamed(schema, '_firn_commit_ts').id),
    feed(batch) {
      const after = fedColumns({ batch, schema, fields: plain, own: ownColumns(batch) });
      return [...after, ...beforeColumns(batch, schema, beforeFields)];
    },
  };
}

function fieldNamed(schema: IcebergSchema, name: string): NestedField {
  return present(
    schema.fields.find((field) => field.name === name),
    `field ${name} of a ledger`,
  );
}

/** The struct of a before image; only updates have one. */
function beforeExpression(schema: IcebergSchema, field: NestedField): string {
  assert(field.type.kind === 'struct', 'a before image is a struct');
  const parts = field.type.fields.map(
    (child) => `${quoteIdentifier(child.name)} := ${stagedValue(child)}`,
  );
  const op = rowColumn(fieldNamed(schema, '_firn_op').id);
  const value = `CAST(struct_pack(${parts.join(', ')}) AS ${duckdbTypeName(field.type)})`;
  return `CASE WHEN ${op} = 'u' THEN ${value} END`;
}

/** The ledger's own columns of a batch, by name. Columns that only Kafka has stay NULL. */
function ownColumns(batch: ChangeBatch): ReadonlyMap<string, FedColumn> {
  const rows = batch.rowCount;
  const ints = (value: number): ColumnVector => ({
    kind: 'int32',
    values: new Int32Array(rows).fill(value),
    validity: null,
  });
  const { seq, row, commitTsUs } = batch;
  const seqs: ColumnVector = { kind: 'int64', values: seq, validity: null };
  const commits: ColumnVector = { kind: 'int64', values: commitTsUs, validity: null };
  const rowNumbers: ColumnVector = { kind: 'int32', values: row, validity: null };
  return new Map<string, FedColumn>([
    ['_firn_op', { type: { kind: 'string' }, vector: opLetters(batch.op) }],
    ['_firn_epoch', { type: { kind: 'int' }, vector: ints(batch.epoch) }],
    ['_firn_seq', { type: { kind: 'long' }, vector: seqs }],
    ['_firn_row', { type: { kind: 'int' }, vector: rowNumbers }],
    ['_firn_tx', { type: { kind: 'string' }, vector: batch.tx }],
    ['_firn_commit_ts', { type: { kind: 'timestamptz' }, vector: commits }],
    ['_firn_schema', { type: { kind: 'int' }, vector: ints(batch.schema.version) }],
  ]);
}

function opLetters(codes: Uint8Array): ColumnVector {
  const letters = CHANGE_OPS.map((op) => op.charCodeAt(0));
  const data = codes.map((code) => present(letters[code], 'an op of a change'));
  const offsets = Uint32Array.from({ length: codes.length + 1 }, (_, index) => index);
  return { kind: 'bytes', data, offsets, validity: null };
}

/** Before images in the order of the struct's fields; NULL throughout where a batch has none. */
function beforeColumns(
  batch: ChangeBatch,
  schema: IcebergSchema,
  fields: readonly NestedField[],
): readonly FedColumn[] {
  if (fields.length === 0) return [];
  const wanted = batch.before !== null && batch.op.includes(OP_CODE.u);
  const image: RowBatch = {
    schema: wanted ? batch.schema : { ...batch.schema, columns: [] },
    rowCount: batch.rowCount,
    columns: batch.before ?? [],
  };
  return fedColumns({ batch: image, schema, fields });
}

/** Floor division in integers: times before 1970 have negative days. */
function dayOf(layout: LedgerLayout): string {
  const us = `epoch_us(${layout.commitTs})`;
  const rest = `((${us} % ${US_PER_DAY}) + ${US_PER_DAY}) % ${US_PER_DAY}`;
  return `((${us} - ${rest}) // ${US_PER_DAY})`;
}

/** Days in the table, ascending, as Iceberg counts them: from 1970-01-01. */
async function daysOf(table: StageTable, layout: LedgerLayout): Promise<readonly number[]> {
  const day = dayOf(layout);
  const sql = `SELECT DISTINCT ${day} AS day FROM ${table.name} AS rows ORDER BY day`;
  const rows = await readRows(table.connection, sql);
  return rows.map(([value]) => {
    assert(typeof value === 'bigint', 'a day is an integer');
    return toSafeNumber(value);
  });
}

/**
 * Ledger files out of change batches: one per day of `_firn_commit_ts`, rows in log order
 * (docs/spec/ledger.md). Rows wait as vectors and go from there into their file. When they become
 * many, in one ledger or in all together, they are written to the stage folder and wait there, so
 * that a transaction of any size takes bounded memory.
 */
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { NestedField } from '../../iceberg/iceberg-type.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import { assert, present } from '../../kernel/assert.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { CHANGE_OPS, OP_CODE } from '../../model/change-batch.ts';
import type { ChangeBatch, RowBatch } from '../../model/change-batch.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { gatherRows } from '../../model/gather-rows.ts';
import type { FileWriter, WriteTarget } from '../../ports/row-engine.ts';
import { rowColumn } from '../../sql/parquet-statements.ts';
import { quoteIdentifier } from '../../sql/quoting.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { dataEntry, dropStaged, stageFile, tableColumns, uploadFiles } from './parquet-writer.ts';
import type { FileColumn, FileContext, StagedFile, StageLimits } from './parquet-writer.ts';
import { batchBytes, columnTypeOf, fedColumns, stageColumns, stagedValue } from './stage-table.ts';
import type { FedRows, RelationColumn } from './row-feed.ts';
import type { OpenEngine } from './open-engine.ts';
import type { FedColumn } from './vector-feeder.ts';

/** What a ledger writer needs. */
export interface LedgerWriterRequest {
  readonly open: () => Promise<OpenEngine>;
  readonly files: FileContext;
  readonly target: WriteTarget;
  readonly limits: StageLimits;
  /** What all ledger writers of an engine hold together. */
  readonly held: HeldBytes;
}

const BEFORE = '_firn_before';
const US_PER_DAY = 86_400_000_000n;

/** Holds rows in memory and can put them by. */
interface RowHolder {
  readonly heldBytes: number;
  /** Writes what it holds to disk. */
  putBy(): Promise<void>;
}

/**
 * Counts what the ledger writers of an engine hold together: however many tables there are, no more
 * waits than the limit says. Whoever holds the most puts it by first, so that files stay few.
 */
export class HeldBytes {
  readonly #bytesMax: number;
  readonly #holders = new Set<RowHolder>();
  #bytes = 0;

  /** @param bytesMax held by all together; the last batch may exceed it for a moment */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `holder` took `bytes` more. */
  add(holder: RowHolder, bytes: number): void {
    this.#holders.add(holder);
    this.#bytes += bytes;
  }

  /** `holder` let go of all it held. */
  remove(holder: RowHolder, bytes: number): void {
    if (this.#holders.delete(holder)) this.#bytes -= bytes;
  }

  /** Makes holders put by until no more than the limit is held. */
  async makeRoom(): Promise<void> {
    while (this.#bytes > this.#bytesMax) {
      const [most] = [...this.#holders].toSorted((left, right) => right.heldBytes - left.heldBytes);
      if (most === undefined) return;
      await most.putBy();
    }
  }
}

/** A writer of one ledger's files. */
export function createLedgerWriter(request: LedgerWriterRequest): FileWriter<ChangeBatch> {
  return new LedgerWriter(request);
}

class LedgerWriter implements FileWriter<ChangeBatch> {
  readonly #request: LedgerWriterRequest;
  readonly #layout: LedgerLayout;
  /** Rows that wait, by day. */
  #days = new Map<number, FedRows[]>();
  #columns: readonly RelationColumn[] = [];
  #heldRows = 0;
  #heldBytes = 0;
  #staged: StagedFile[] = [];
  #rowCount = 0;
  #sizeBytes = 0;

  constructor(request: LedgerWriterRequest) {
    this.#request = request;
    this.#layout = ledgerLayout(request.target.icebergSchema);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes of the rows that wait in memory. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  async append(batch: ChangeBatch): Promise<void> {
    if (batch.rowCount === 0) return;
    const { limits, held } = this.#request;
    const fed = this.#layout.feed(batch);
    await this.#useTypes(fed);
    for (const [day, rows] of rowsByDay(batch.commitTsUs)) {
      const own = rows.length === batch.rowCount ? fed : fed.map((column) => picked(column, rows));
      const waiting = this.#days.get(day);
      if (waiting === undefined) this.#days.set(day, [{ columns: own, rowCount: rows.length }]);
      else waiting.push({ columns: own, rowCount: rows.length });
    }
    const bytes = batchBytes(batch);
    this.#rowCount += batch.rowCount;
    this.#sizeBytes += bytes;
    this.#heldRows += batch.rowCount;
    this.#heldBytes += bytes;
    held.add(this, bytes);
    if (this.#heldRows >= limits.rowsMax || this.#heldBytes >= limits.bytesMax) await this.putBy();
    await held.makeRoom();
  }

  async finish(): Promise<readonly DataFile[]> {
    await this.putBy();
    const written = await uploadFiles(this.#request.files, this.#staged);
    this.#forget();
    return written;
  }

  async discard(): Promise<void> {
    this.#letGo();
    const staged = this.#staged;
    this.#forget();
    await dropStaged(staged);
  }

  /** Writes what waits in memory to the stage folder. */
  async putBy(): Promise<void> {
    const days = [...this.#days].toSorted(([left], [right]) => left - right);
    const width = { rowCount: this.#heldRows, sizeBytes: this.#heldBytes };
    this.#letGo();
    if (days.length === 0) return;
    const { files, target, open } = this.#request;
    const { instance, rows: feed } = await open();
    const connection = await instance.connect();
    try {
      for (const [day, rows] of days) {
        const waiting = feed.hold(this.#columns, rows);
        try {
          const file = await stageFile(files, connection, {
            columns: this.#layout.columns,
            source: `FROM ${waiting.relation} AS rows`,
            dataFolder: target.dataFolder,
            hashedLayout: target.hashedLayout === true,
            width,
            entry: dataEntry(target, [day]),
          });
          this.#staged.push(file);
        } finally {
          waiting.release();
        }
      }
    } finally {
      connection.closeSync();
    }
  }

  /** Rows that wait together have the same types; after a change of types the earlier ones go. */
  async #useTypes(fed: readonly FedColumn[]): Promise<void> {
    const { stageColumns: names } = this.#layout;
    const columns = names.map(({ name, type }, index) => {
      return { name, type: fed[index]?.type ?? type };
    });
    if (JSON.stringify(columns) === JSON.stringify(this.#columns)) return;
    await this.putBy();
    this.#columns = columns;
  }

  #letGo(): void {
    this.#request.held.remove(this, this.#heldBytes);
    this.#days = new Map();
    this.#heldRows = 0;
    this.#heldBytes = 0;
  }

  #forget(): void {
    this.#staged = [];
    this.#rowCount = 0;
    this.#sizeBytes = 0;
  }
}

function picked({ type, vector }: FedColumn, rows: Int32Array): FedColumn {
  return { type, vector: vector === null ? null : gatherRows(vector, rows) };
}

/** The rows of each day of their commit, as Iceberg counts days: from 1970-01-01, down too. */
function rowsByDay(commitTsUs: BigInt64Array): ReadonlyMap<number, Int32Array> {
  const days = new Map<number, number[]>();
  let from = 0n;
  let rows: number[] | null = null;
  // Nearly every row has the time of the one before it, which is seen without bigint.
  const words = new Int32Array(commitTsUs.buffer, commitTsUs.byteOffset, 2 * commitTsUs.length);
  for (let row = 0; row < commitTsUs.length; row++) {
    const at = 2 * row;
    if (rows !== null && words[at] === words[at - 2] && words[at + 1] === words[at - 1]) {
      rows.push(row);
      continue;
    }
    const us = commitTsUs[row] ?? 0n;
    if (rows === null || us < from || us >= from + US_PER_DAY) {
      const rest = ((us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
      from = us - rest;
      const day = toSafeNumber(from / US_PER_DAY);
      rows = days.get(day) ?? [];
      days.set(day, rows);
    }
    rows.push(row);
  }
  return new Map([...days].map(([day, own]) => [day, Int32Array.from(own)]));
}

/** How batches become rows that wait, and those rows columns of files. */
interface LedgerLayout {
  readonly stageColumns: ReturnType<typeof stageColumns>;
  readonly columns: readonly FileColumn[];
  feed(batch: ChangeBatch): readonly FedColumn[];
}

function ledgerLayout(schema: IcebergSchema): LedgerLayout {
  const plain = schema.fields.filter((field) => field.name !== BEFORE);
  const before = schema.fields.find((field) => field.name === BEFORE);
  const beforeFields = before?.type.kind === 'struct' ? before.type.fields : [];
  const columns = tableColumns(schema, (field) =>
    field === before ? beforeExpression(schema, field) : ownType(field),
  );
  return {
    stageColumns: [...stageColumns(plain), ...stageColumns(beforeFields)],
    // The ledger's own columns decide what merges look at, so their bounds are exact.
    columns: columns.map((column) => ({
      ...column,
      exact: column.field.name.startsWith('_firn_'),
    })),
    feed(batch) {
      const after = fedColumns({ batch, schema, fields: plain, own: ownColumns(batch) });
      return [...after, ...beforeColumns(batch, schema, beforeFields)];
    },
  };
}

/** A field's value in the field's own type: rows wait in the types that they came in. */
function ownType(field: NestedField): string {
  const value = stagedValue(field);
  return columnTypeOf(field.type) === null
    ? value
    : `CAST(${value} AS ${duckdbTypeName(field.type)})`;
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
    (child) => `${quoteIdentifier(child.name)} := ${ownType(child)}`,
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

const OP_LETTERS = CHANGE_OPS.map((op) => op.charCodeAt(0));

function opLetters(codes: Uint8Array): ColumnVector {
  const data = new Uint8Array(codes.length);
  const offsets = new Uint32Array(codes.length + 1);
  for (let row = 0; row < codes.length; row++) {
    const letter = OP_LETTERS[codes[row] ?? -1];
    assert(letter !== undefined, 'an op of a change');
    data[row] = letter;
    offsets[row + 1] = row + 1;
  }
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

/**
 * Small tables for tests of the embedded engine: schemas and batches written as plain values, and
 * DuckDB instances that read back what was written.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ColumnBuilder } from '../../src/model/column-builder.ts';
import { OP_CODE } from '../../src/model/change-batch.ts';
import type { ChangeBatch, ChangeOp, RowBatch } from '../../src/model/change-batch.ts';
import type { ColumnType } from '../../src/model/column-type.ts';
import { parseColumnType } from '../../src/model/column-type.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { present } from '../../src/kernel/assert.ts';

/** A value as {@link ColumnBuilder} takes it. */
export type Cell = null | number | bigint | string | Uint8Array | boolean;

/** A change as a test writes it; columns that are left out are NULL. */
export interface Change {
  readonly op: ChangeOp;
  readonly epoch?: number;
  readonly seq: bigint | number;
  readonly row?: number;
  readonly commitTsUs?: bigint;
  readonly tx?: string | null;
  readonly values?: readonly Cell[];
  readonly before?: readonly Cell[];
}

/** A schema of columns `name: type`, ids counted from 1; the first `keys` columns are the key. */
export function tableSchema(
  columns: Readonly<Record<string, string>>,
  options: { readonly keys?: number; readonly version?: number } = {},
): TableSchema {
  const list = Object.entries(columns).map(([name, text], index) => {
    const type: ColumnType = present(parseColumnType(text), text);
    return { id: index + 1, name, sourceName: name, type, sourceType: text };
  });
  return {
    table: { namespace: 'shop', table: 'orders' },
    version: options.version ?? 1,
    columns: list,
    keyColumnIds: list.slice(0, options.keys ?? 1).map(({ id }) => id),
  };
}

/** Appends a value to a builder by its JavaScript type. */
export function appendCell(builder: ColumnBuilder, value: Cell): void {
  if (value === null) builder.appendNull();
  else if (typeof value === 'boolean') builder.appendNumber(value ? 1 : 0);
  else if (typeof value === 'number') builder.appendNumber(value);
  else if (typeof value === 'bigint') builder.appendBigInt(value);
  else if (typeof value === 'string') builder.appendString(value);
  else builder.appendBytes(value);
}

/** A batch of rows. */
export function rowBatch(schema: TableSchema, rows: readonly (readonly Cell[])[]): RowBatch {
  const columns = schema.columns.map(({ type }, index) => {
    const builder = new ColumnBuilder(type);
    for (const row of rows) appendCell(builder, row[index] ?? null);
    return builder.finish();
  });
  return { schema, rowCount: rows.length, columns };
}

/** A batch of changes of one epoch. */
export function changeBatch(schema: TableSchema, changes: readonly Change[]): ChangeBatch {
  const rows = rowBatch(
    schema,
    changes.map((change) => change.values ?? []),
  );
  const tx = new ColumnBuilder({ kind: 'string' });
  for (const change of changes) appendCell(tx, change.tx ?? null);
  const anyBefore = changes.some((change) => change.before !== undefined);
  const before = rowBatch(
    schema,
    changes.map((change) => change.before ?? []),
  );
  return {
    ...rows,
    epoch: changes[0]?.epoch ?? 1,
    op: Uint8Array.from(changes, ({ op }) => OP_CODE[op]),
    seq: BigInt64Array.from(changes, ({ seq }) => BigInt(seq)),
    row: Int32Array.from(changes, ({ op, row }) => row ?? (op === 'd' ? 0 : 1)),
    commitTsUs: BigInt64Array.from(changes, ({ commitTsUs }) => commitTsUs ?? 0n),
    tx: tx.finish(),
    before: anyBefore ? before.columns : null,
  };
}

/** A temporary folder, removed after the test. */
export async function temporaryFolder(context: {
  after(run: () => Promise<void>): void;
}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firn-embedded-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

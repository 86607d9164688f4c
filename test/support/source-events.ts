/**
 * What tests do with a source's events: give tables schemas, turn batches into plain rows, and fold
 * changes into the state they describe, in the simplest way that can be right.
 */
import { present } from '../../src/kernel/assert.ts';
import { CHANGE_OPS } from '../../src/model/change-batch.ts';
import type { ChangeBatch, ChangeOp, RowBatch } from '../../src/model/change-batch.ts';
import type { ColumnVector } from '../../src/model/column-vector.ts';
import { isValid } from '../../src/model/column-vector.ts';
import type { SourceEvent, SourceTable } from '../../src/model/source-event.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { keyColumns } from '../../src/model/table-schema.ts';
import type { ColumnType } from '../../src/model/column-type.ts';
import type { ChangeSource, SchemaResolver } from '../../src/ports/source.ts';

/** A value as tests compare it: binary as `0x…`. */
export type Cell = null | string | number | bigint | boolean;

/** A row by source column name. */
export type Row = Readonly<Record<string, Cell>>;

/** One change as tests compare it. */
export interface Change {
  readonly table: string;
  readonly op: ChangeOp;
  readonly seq: bigint;
  readonly row: number;
  readonly values: Row;
  readonly before: Row | null;
}

/** Events of one kind. */
export type EventOf<K extends SourceEvent['kind']> = Extract<SourceEvent, { readonly kind: K }>;

/** Gives columns ids and versions as the pipeline's registry does, in memory. */
export class TestRegistry {
  readonly #schemas = new Map<string, TableSchema>();
  readonly #ids = new Map<string, Map<string, number>>();

  /** Schemas of everything the source has now. */
  async discover(source: ChangeSource): Promise<readonly TableSchema[]> {
    return (await source.discover()).map((table) => this.give(table));
  }

  readonly resolve: SchemaResolver = async (table) => this.give(table);

  give(source: SourceTable): TableSchema {
    const name = source.table.table;
    const ids = this.#ids.get(name) ?? new Map<string, number>();
    this.#ids.set(name, ids);
    const columns = source.columns.map((column) => {
      const id = ids.get(column.sourceName) ?? ids.size + 1;
      ids.set(column.sourceName, id);
      return { id, name: column.sourceName, ...column };
    });
    const keyColumnIds = source.keyColumns.map((key) => present(ids.get(key), key));
    const known = this.#schemas.get(name);
    const isSame = JSON.stringify(known?.columns) === JSON.stringify(columns);
    if (known !== undefined && isSame) return known;
    const version = (known?.version ?? 0) + 1;
    const schema = { table: source.table, version, columns, keyColumnIds };
    this.#schemas.set(name, schema);
    return schema;
  }
}

/** The rows of a batch. */
export function rowsIn(batch: RowBatch, columns: readonly ColumnVector[] = batch.columns): Row[] {
  return Array.from({ length: batch.rowCount }, (_, row) =>
    Object.fromEntries(
      batch.schema.columns.map((column, index) => [
        column.sourceName,
        cellOf(present(columns[index], 'a vector'), row, column.type),
      ]),
    ),
  );
}

/** The changes of a batch. */
export function changesIn(batch: ChangeBatch): Change[] {
  const before = batch.before === null ? null : rowsIn(batch, batch.before);
  return rowsIn(batch).map((values, index) => ({
    table: batch.schema.table.table,
    op: present(CHANGE_OPS[batch.op[index] ?? -1], 'an op'),
    seq: present(batch.seq[index], 'a seq'),
    row: present(batch.row[index], 'a row number'),
    values,
    before: before?.[index] ?? null,
  }));
}

/** All changes of a list of events, in order of delivery. */
export function changesOf(events: readonly SourceEvent[]): Change[] {
  return events.flatMap((event) => (event.kind === 'changes' ? changesIn(event.batch) : []));
}

/** Events of one kind, in order. */
export function ofKind<K extends SourceEvent['kind']>(
  events: readonly SourceEvent[],
  kind: K,
): EventOf<K>[] {
  return events.filter((event): event is EventOf<K> => event.kind === kind);
}

/** Tables by name, their rows by key text. */
export type State = Map<string, Map<string, Row>>;

/** Key of a row as text. */
export function keyText(schema: TableSchema, row: Row): string {
  return keyColumns(schema)
    .map(({ sourceName }) => cellText(row[sourceName] ?? null))
    .join(' | ');
}

/** Applies changes in order of their sequences; later deliveries of equal sequence win. */
export function fold(events: readonly SourceEvent[], state: State = new Map()): State {
  const batches = ofKind(events, 'changes').map(({ batch }) => batch);
  const ordered = batches
    .flatMap((batch) => changesIn(batch).map((change) => ({ change, schema: batch.schema })))
    .map((item, delivery) => ({ ...item, delivery }))
    .toSorted((left, right) => {
      const [a, b] = [left.change, right.change];
      if (a.seq !== b.seq) return a.seq < b.seq ? -1 : 1;
      return a.row - b.row || left.delivery - right.delivery;
    });
  for (const { change, schema } of ordered) {
    const rows = state.get(change.table) ?? new Map<string, Row>();
    state.set(change.table, rows);
    const key = keyText(schema, change.values);
    if (change.op === 'd') rows.delete(key);
    else rows.set(key, change.values);
  }
  return state;
}

/** Rows of a table as sorted text, for comparing whole states. */
export function stateText(rows: Iterable<Row>): string[] {
  return [...rows].map(rowText).toSorted();
}

/** One row as text; columns without a value do not show, as old rows lack new columns. */
export function rowText(row: Row): string {
  return Object.entries(row)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${cellText(value)}`)
    .join(' ');
}

function cellText(value: Cell): string {
  if (Object.is(value, -0)) return 'number -0';
  return typeof value === 'string' ? JSON.stringify(value) : `${typeof value} ${String(value)}`;
}

function cellOf(vector: ColumnVector, row: number, type: ColumnType): Cell {
  if (!isValid(vector, row)) return null;
  switch (vector.kind) {
    case 'bytes': {
      const bytes = vector.data.subarray(vector.offsets[row], vector.offsets[row + 1]);
      const text = Buffer.from(bytes);
      return type.kind === 'string' ? text.toString('utf8') : `0x${text.toString('hex')}`;
    }
    case 'bool':
      return vector.values[row] === 1;
    case 'int128':
      return present(vector.values[2 * row], 'a value');
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
      return present(vector.values[row], 'a value');
    default:
      return null;
  }
}

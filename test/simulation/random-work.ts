/** Random work on a model table: few keys and every kind of statement, so that changes collide. */
import type { TextRow } from '../oracles/fold-events.ts';
import { keyText } from '../oracles/fold-events.ts';
import type { ModelColumn, ModelDatabase, ModelTable, Statement } from './model-database.ts';
import type { Choice } from './random-choice.ts';

/** A shape of table that histories are made of. */
export interface TableShape {
  readonly columns: readonly ModelColumn[];
  readonly keyLength: number;
  readonly buckets: number;
}

/** Key columns of one and of several columns, numbers and text. */
export const TABLE_SHAPES: readonly TableShape[] = [
  {
    columns: [
      ['id', 'long'],
      ['note', 'string'],
      ['amount', 'long'],
    ],
    keyLength: 1,
    buckets: 3,
  },
  {
    columns: [
      ['code', 'string'],
      ['line', 'int'],
      ['note', 'string'],
    ],
    keyLength: 2,
    buckets: 2,
  },
  {
    columns: [
      ['name', 'string'],
      ['note', 'string'],
    ],
    keyLength: 1,
    buckets: 1,
  },
];

const TEXTS = ['a', 'A', '', 'é', 'e\u0301', '🧊', "it's", '"q"', 'a\nb', 'long text of a key'];

const NUMBERS = ['1', '2', '3', '-4', '2147483647', '0', '-2147483648', '77'];

/** A value of a column; keys are never NULL. */
export function randomCell(choice: Choice, column: ModelColumn, nullable: boolean): string | null {
  if (nullable && choice.once(5)) return null;
  return choice.of(column[1] === 'string' ? TEXTS : NUMBERS);
}

function randomRow(choice: Choice, table: ModelTable): TextRow {
  return table.columns.map((column, index) => randomCell(choice, column, index >= table.keyLength));
}

/**
 * Inserts `count` rows with keys of their own, so that files are large enough for deletes in them.
 */
export function bulkInsert(
  choice: Choice,
  database: ModelDatabase,
  work: { readonly table: string; readonly count: number },
): void {
  const table = database.table(work.table);
  if (table === null) return;
  const first = Number(database.lastSeq) * 100;
  const statements = Array.from({ length: work.count }, (_, index): Statement => {
    const row = randomRow(choice, table).map((cell, column) => {
      if (column >= table.keyLength) return cell;
      const number = 1000 + first + index;
      return table.columns[column]?.[1] === 'string' ? `key ${number}` : String(number);
    });
    return { do: 'insert', table: work.table, row };
  });
  database.transact(statements);
}

/** Runs one random transaction of one to four statements. */
export function randomTransaction(choice: Choice, database: ModelDatabase, name: string): void {
  const table = database.table(name);
  if (table === null) return;
  const keys = new Map([...table.rows].map(([text, row]) => [text, database.keyOf(table, row)]));
  const statements: Statement[] = [];
  const count = 1 + choice.below(4);
  for (let index = 0; index < count; index++) {
    const statement = randomStatement(choice, table, keys);
    if (statement !== null) statements.push(statement);
  }
  if (statements.length > 0) database.transact(statements);
}

/** A statement that fits the rows there are; `keys` is brought up to what it does. */
function randomStatement(
  choice: Choice,
  table: ModelTable,
  keys: Map<string, TextRow>,
): Statement | null {
  const { name, keyLength } = table;
  const row = randomRow(choice, table);
  const fresh = row.slice(0, keyLength);
  const taken = keys.has(keyText(fresh));
  const present = [...keys.values()];
  const forget = (key: TextRow): TextRow => {
    keys.delete(keyText(key));
    return key;
  };
  if (choice.once(40)) {
    keys.clear();
    return { do: 'truncate', table: name };
  }
  if (!taken && (present.length === 0 || choice.once(2))) {
    keys.set(keyText(fresh), fresh);
    return { do: 'insert', table: name, row };
  }
  if (present.length === 0) return null;
  const key = choice.of(present);
  if (choice.once(4)) return { do: 'delete', table: name, key: forget(key) };
  if (!taken && choice.once(3)) {
    forget(key);
    keys.set(keyText(fresh), fresh);
    return { do: 'update', table: name, key, row };
  }
  return { do: 'update', table: name, key, row: [...key, ...row.slice(keyLength)] };
}

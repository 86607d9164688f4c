/**
 * A database that is nothing but its rows and its log: the simplest thing a source can read. Like
 * triggers, capture writes the log inside the transaction, and only for tables it was prepared for.
 */
import { FirnError } from '../../src/kernel/firn-error.ts';
import { assert, present } from '../../src/kernel/assert.ts';
import type { ChangeOp } from '../../src/model/change-batch.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import { keyText } from '../oracles/fold-events.ts';

/** A column: its name and its type as Iceberg spells it. */
export type ModelColumn = readonly [name: string, type: string];

/** A table of the database. Rows added before a column are shorter than the list of columns. */
export interface ModelTable {
  readonly name: string;
  readonly columns: readonly ModelColumn[];
  /** The first columns are the key; 0: none. */
  readonly keyLength: number;
  readonly rows: ReadonlyMap<string, TextRow>;
  /** Tells a table from an earlier one of the same name. */
  readonly generation: number;
}

/** One statement of a transaction. */
export type Statement =
  | { readonly do: 'insert'; readonly table: string; readonly row: TextRow }
  /** The row with key `key` becomes `row`, which may have another key. */
  | { readonly do: 'update'; readonly table: string; readonly key: TextRow; readonly row: TextRow }
  | { readonly do: 'delete'; readonly table: string; readonly key: TextRow }
  /**
   * Removes a row behind the back of the log, which notes only that the key is to be read again.
   */
  | { readonly do: 'vanish'; readonly table: string; readonly key: TextRow }
  | { readonly do: 'truncate'; readonly table: string };

/** One entry of the log. `look`: the row with this key must be read again. */
export interface LogEntry {
  readonly table: string;
  readonly generation: number;
  readonly op: Exclude<ChangeOp, 'r'> | 'look';
  readonly seq: bigint;
  readonly row: number;
  /** After image; before image of a delete; key of a look. */
  readonly values: TextRow;
  /** Before image of an update. */
  readonly before: TextRow | null;
}

interface OpenTable {
  readonly name: string;
  columns: readonly ModelColumn[];
  readonly keyLength: number;
  readonly rows: Map<string, TextRow>;
  readonly generation: number;
}

type Log = (table: OpenTable, op: LogEntry['op'], values: TextRow, before?: TextRow | null) => void;

/** A database as it was. */
export interface DatabaseBackup {
  readonly seq: bigint;
  readonly forgotten: bigint;
  readonly logLength: number;
  readonly tables: readonly (readonly [string, OpenTable])[];
}

/** The database. All methods are whole transactions. */
export class ModelDatabase {
  /** Tells this database from another one. */
  readonly incarnation: string;
  /** Whether nobody can reach it; who tries has SOURCE-UNREACHABLE. */
  isAway = false;
  /** A mark of each transaction, which no other history has. */
  #history: readonly number[] = [];
  /** Everything that was ever logged; what was forgotten too, for oracles. */
  readonly log: LogEntry[] = [];
  #seq = 0n;
  /** Rows without a key lie under numbers; so do generations. */
  #count = 0;
  readonly #tables = new Map<string, OpenTable>();
  /** Captured tables, with the last transaction before capture. */
  readonly #captured = new Map<string, bigint>();
  #forgotten = 0n;

  constructor(incarnation = 'model') {
    this.incarnation = incarnation;
  }

  /** Sequence of the last transaction. */
  get lastSeq(): bigint {
    return this.#seq;
  }

  /** Log entries up to here may be gone. */
  get forgottenTo(): bigint {
    return this.#forgotten;
  }

  /** @throws {FirnError} SOURCE-UNREACHABLE */
  reach(): void {
    if (this.isAway) throw new FirnError('SOURCE-UNREACHABLE', { what: 'the database is away' });
  }

  tables(): readonly ModelTable[] {
    return [...this.#tables.values()];
  }

  table(name: string): ModelTable | null {
    return this.#tables.get(name) ?? null;
  }

  /** Key columns of a row. */
  keyOf(table: ModelTable, row: TextRow): TextRow {
    return row.slice(0, table.keyLength);
  }

  createTable(name: string, columns: readonly ModelColumn[], keyLength: number): void {
    assert(!this.#tables.has(name), `${name} is there already`);
    this.#tables.set(name, {
      name,
      columns,
      keyLength,
      rows: new Map(),
      generation: this.#count++,
    });
  }

  /** The table's rows, definition and capture go. */
  dropTable(name: string): void {
    this.#tables.delete(name);
    this.#captured.delete(name);
  }

  /** Adds a column without a value. */
  addColumn(name: string, column: ModelColumn): void {
    const table = this.#open(name);
    table.columns = [...table.columns, column];
  }

  /** Changes of the table are logged from now on. */
  capture(name: string): void {
    this.#open(name);
    if (!this.#captured.has(name)) this.#captured.set(name, this.#seq);
  }

  /** The last transaction before the table's capture; `null`: it is not captured. */
  capturedAfter(name: string): bigint | null {
    return this.#captured.get(name) ?? null;
  }

  /** The last transaction before the newest capture. */
  get lastCapture(): bigint {
    return [...this.#captured.values()].reduce((left, right) => (left > right ? left : right), 0n);
  }

  /** What a backup holds. */
  backUp(): DatabaseBackup {
    const tables = [...this.#tables].map(
      ([name, table]) => [name, { ...table, rows: new Map(table.rows) }] as const,
    );
    return { seq: this.#seq, forgotten: this.#forgotten, logLength: this.log.length, tables };
  }

  /** Puts a backup back: the log goes back too, and another history begins. */
  restore(backup: DatabaseBackup): void {
    this.#tables.clear();
    for (const [name, table] of backup.tables) {
      this.#tables.set(name, { ...table, rows: new Map(table.rows) });
    }
    this.log.length = backup.logLength;
    this.#seq = backup.seq;
    this.#forgotten = backup.forgotten;
    this.#history = this.#history.slice(0, Number(backup.seq));
    for (const [name, since] of this.#captured) {
      if (since > backup.seq) this.#captured.delete(name);
    }
  }

  /** What tells the transaction `seq` of this history from one of another history. */
  fingerprint(seq: bigint): string {
    return String(this.#history[Number(seq) - 1] ?? '');
  }

  /** Nothing is captured any more. */
  release(): void {
    this.#captured.clear();
  }

  /** Names of captured tables. */
  captured(): readonly string[] {
    return [...this.#captured.keys()];
  }

  /** Log entries up to `seq` are needed no more. */
  forget(seq: bigint): void {
    if (seq > this.#forgotten) this.#forgotten = seq;
  }

  /** Runs statements as one transaction. */
  transact(statements: readonly Statement[]): void {
    this.transactEach(statements.map((statement) => () => statement));
  }

  /** Runs statements as one transaction; each is asked for when those before it have been run. */
  transactEach(statements: readonly (() => Statement)[]): void {
    this.#seq += 1n;
    this.#history = [...this.#history, this.#count++];
    const counts = new Map<string, number>();
    const log: Log = (table, op, values, before = null) => {
      if (!this.#captured.has(table.name)) return;
      const index = counts.get(table.name) ?? 0;
      counts.set(table.name, index + 1);
      const row = 2 * index + (op === 'd' ? 0 : 1);
      const { name, generation } = table;
      this.log.push({ table: name, generation, op, seq: this.#seq, row, values, before });
    };
    for (const next of statements) this.#run(next(), log);
  }

  #run(statement: Statement, log: Log): void {
    const table = this.#open(statement.table);
    const { rows } = table;
    switch (statement.do) {
      case 'insert': {
        const key = this.#keyText(table, statement.row);
        assert(!rows.has(key), `${key} is in ${table.name} already`);
        rows.set(key, statement.row);
        return log(table, 'c', statement.row);
      }
      case 'update': {
        const { row } = statement;
        const key = keyText(statement.key);
        const before = present(rows.get(key), key);
        const after = this.#keyText(table, row);
        rows.delete(key);
        assert(!rows.has(after), `${after} is in ${table.name} already`);
        rows.set(after, row);
        if (after === key) return log(table, 'u', row, before);
        // A change of the key is a delete and an insert (spec: O8).
        log(table, 'd', before);
        return log(table, 'c', row);
      }
      case 'delete': {
        const key = keyText(statement.key);
        const before = present(rows.get(key), key);
        rows.delete(key);
        return log(table, 'd', before);
      }
      case 'vanish':
        rows.delete(keyText(statement.key));
        return log(table, 'look', statement.key);
      case 'truncate':
        rows.clear();
        return log(table, 't', []);
      default:
        return statement satisfies never;
    }
  }

  #keyText(table: OpenTable, row: TextRow): string {
    return table.keyLength === 0 ? String(this.#count++) : keyText(this.keyOf(table, row));
  }

  #open(name: string): OpenTable {
    return present(this.#tables.get(name), `table ${name}`);
  }
}

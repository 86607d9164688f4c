/**
 * What a statement in the log means for stored rows and for the names of tables. Only what surely
 * changes neither is passed over as harmless; a text that is not understood says so and keeps its
 * words (docs/spec/source-mysql.md Y10, Y11, Y12).
 */
import type { TableName } from '../model/table-schema.ts';

/** One effect of a statement on one table, in the statement's order. */
export type TableEffect =
  /**
   * A new table. `replaces`: one of this name may have been there and is gone. `rowsUnlogged`: its
   * first rows come from a SELECT in the statement; without it they follow as rows events.
   */
  | {
      readonly kind: 'created';
      readonly table: TableName;
      readonly replaces: boolean;
      readonly rowsUnlogged: boolean;
    }
  | { readonly kind: 'dropped'; readonly table: TableName }
  | { readonly kind: 'truncated'; readonly table: TableName }
  | { readonly kind: 'renamed'; readonly table: TableName; readonly to: TableName }
  /**
   * New columns that are NULL in every row that is there. `keysDropped`: as below.
   */
  | {
      readonly kind: 'extended';
      readonly table: TableName;
      readonly keysDropped: readonly string[];
    }
  /**
   * Rows, columns and names stay. `keysDropped` are names of indexes or constraints that went: a
   * table whose rows are told apart by one of them has lost its key.
   */
  | { readonly kind: 'kept'; readonly table: TableName; readonly keysDropped: readonly string[] }
  /** Stored rows, columns or the key may differ now. `detail` goes on after "The statement". */
  | { readonly kind: 'changed'; readonly table: TableName; readonly detail: string };

/** What a statement is. Names are as written; the default database stands in where none is. */
export type Statement =
  | { readonly kind: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'harmless' }
  /** `xid` as the log spells it: `X'hex',X'hex',format`. */
  | {
      readonly kind: 'xa';
      readonly action: 'start' | 'end' | 'prepare' | 'commit' | 'rollback';
      readonly xid: string;
    }
  | { readonly kind: 'tables'; readonly effects: readonly TableEffect[] }
  | { readonly kind: 'database-dropped'; readonly database: string }
  /** Rows changed by a statement, without row images; `null`: the text does not say where. */
  | { readonly kind: 'rows'; readonly tables: readonly TableName[] | null }
  /** Not understood: it counts for each table that {@link mentionsTable} finds in `sql`. */
  | { readonly kind: 'unknown'; readonly sql: string };

/** A migration tool that puts a copy in a table's place. */
export type MigrationTool = 'gh-ost' | 'pt-online-schema-change';

/**
 * The statements of one place of the log as a whole, where whoever read them there takes one on
 * several tables for one on each: their effects belong together, a swap is one of them.
 */
export function joined(statements: readonly Statement[]): readonly Statement[] {
  const tables = statements.filter((one) => one.kind === 'tables');
  if (tables.length < 2) return statements;
  const effects = tables.flatMap((one) => one.effects);
  return [...statements.filter((one) => one.kind !== 'tables'), { kind: 'tables', effects }];
}

/** A table whose name another table took over in the same statement. */
export interface TableSwap {
  readonly table: TableName;
  /** Where the old table went. */
  readonly to: TableName;
  /** What has its name now. */
  readonly from: TableName;
  readonly tool: MigrationTool | null;
}

/** `detail` goes on after "The statement". */
export function changed(table: TableName, detail: string): TableEffect {
  return { kind: 'changed', table, detail };
}

/**
 * The tool that renames so: gh-ost moves `t` to `_t_del` (with a time between them if asked to) and
 * `_t_gho` to `t`, pt-online-schema-change `t` to `_t_old` and `_t_new` to `t`, with more `_` in
 * front where such names are taken.
 */
function migrationTool(from: TableName, to: TableName): MigrationTool | null {
  if (isHelper(to.table, from.table, 'del') || isHelper(from.table, to.table, 'gho')) {
    return 'gh-ost';
  }
  const isPercona = isHelper(to.table, from.table, 'old') || isHelper(from.table, to.table, 'new');
  return isPercona ? 'pt-online-schema-change' : null;
}

/** Whether `name` is the helper table of `table`. Long names are cut off to fit 64 letters. */
function isHelper(name: string, table: string, suffix: string): boolean {
  const inside = /^_{1,10}(.*?)(?:_\d{14})?_([a-z]+)$/s.exec(name);
  if (inside?.[2] !== suffix || inside[1] === undefined) return false;
  return inside[1] === table || (table.startsWith(inside[1]) && name.length >= 60);
}

/** Ends of the names of tables that gh-ost and pt-online-schema-change keep beside another. */
const HELPERS = ['gho', 'ghc', 'del', 'new', 'old'];

/** Whether one of the migration tools would give a table this name beside `original`. */
export function isMigrationHelper(table: TableName, original: TableName): boolean {
  const isBeside = table.namespace === original.namespace;
  return isBeside && HELPERS.some((suffix) => isHelper(table.table, original.table, suffix));
}

/** The swaps among the renames of one statement. */
export function swapsIn(effects: readonly TableEffect[]): readonly TableSwap[] {
  const renames = effects.filter((effect) => effect.kind === 'renamed');
  return renames.flatMap(({ table, to }): TableSwap[] => {
    const taker = renames.find((other) => isSameText(other.to, table));
    if (taker === undefined) return [];
    const tool = migrationTool(table, to) ?? migrationTool(taker.table, table);
    return [{ table, to, from: taker.table, tool }];
  });
}

function isSameText(left: TableName, right: TableName): boolean {
  return left.namespace === right.namespace && left.table === right.table;
}

/**
 * Whether the name of a table stands in a text, in any quoting, letters in either case. Errs on the
 * side of yes.
 */
export function mentionsTable(sql: string, table: TableName): boolean {
  const name = table.table.toLowerCase();
  const text = sql.toLowerCase();
  const spellings = [name, name.replaceAll('`', '``'), name.replaceAll('"', '""')];
  return spellings.some((spelling) => standsIn(text, spelling));
}

/** Whether `name` stands in `text` and is not part of a longer bare name. */
function standsIn(text: string, name: string): boolean {
  const letter = /[0-9a-z_$\u0080-\uffff]/;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = letter.test(text[at - 1] ?? '') && letter.test(name[0] ?? '');
    const after = letter.test(text[at + name.length] ?? '') && letter.test(name.at(-1) ?? '');
    if (!before && !after) return true;
  }
  return false;
}

/**
 * Which rule of the pipeline file takes a table, and what it says of the table's columns. Names
 * match with ASCII letters in either case; `*` stands for any run of characters.
 */
import type { MisfitPolicy, TableRule } from './pipeline-config.ts';

/** What was chosen for one table. */
export interface TableChoice {
  readonly isExcluded: (column: string) => boolean;
  readonly onMisfit: (column: string) => MisfitPolicy;
  /** Name of a column in the lake. */
  readonly lakeName: (column: string) => string;
}

/**
 * What the first rule that matches says of a table, or `null` when none takes it.
 *
 * @param table the table as this kind of source writes it: its name, or `database.table`
 */
export function chooseTable(rules: readonly TableRule[], table: string): TableChoice | null {
  const rule = rules.find(({ pattern }) => matches(pattern, table));
  if (rule === undefined) return null;
  const excluded = new Set(rule.exclude.map(folded));
  const policies = byFoldedName(rule.columns);
  const names = byFoldedName(rule.rename);
  return {
    isExcluded: (column) => excluded.has(folded(column)),
    onMisfit: (column) => policies.get(folded(column))?.onMisfit ?? 'halt',
    lakeName: (column) => names.get(folded(column)) ?? column,
  };
}

/** Names of rules that stand for exactly one table. */
export function tablesNamed(rules: readonly TableRule[]): readonly string[] {
  return rules.map(({ pattern }) => pattern).filter((pattern) => !pattern.includes('*'));
}

function folded(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function byFoldedName<T>(record: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(record).map(([name, value]) => [folded(name), value]));
}

function matches(pattern: string, table: string): boolean {
  const [first = '', ...others] = folded(pattern).split('*');
  const name = folded(table);
  const last = others.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const part of others) {
    const found = name.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return name.endsWith(last) && name.length - last.length >= from;
}

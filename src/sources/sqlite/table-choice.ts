/** What a pipeline's table rules say of one SQLite table. Names compare as SQLite compares them. */
import type { MisfitPolicy, TableRule } from '../../config/pipeline-config.ts';
import { foldName } from './sqlite-name.ts';

/** What was chosen for one table. */
export interface TableChoice {
  readonly isExcluded: (column: string) => boolean;
  readonly onMisfit: (column: string) => MisfitPolicy;
  /** Name of a column in the lake. */
  readonly lakeName: (column: string) => string;
}

/** What the first rule that matches says of a table, or `null` when none takes it. */
export function chooseTable(rules: readonly TableRule[], table: string): TableChoice | null {
  const rule = rules.find(({ pattern }) => matches(pattern, table));
  if (rule === undefined) return null;
  const excluded = new Set(rule.exclude.map(foldName));
  const policies = folded(rule.columns);
  const names = folded(rule.rename);
  return {
    isExcluded: (column) => excluded.has(foldName(column)),
    onMisfit: (column) => policies.get(foldName(column))?.onMisfit ?? 'halt',
    lakeName: (column) => names.get(foldName(column)) ?? column,
  };
}

/** Names of rules that stand for exactly one table. */
export function tablesNamed(rules: readonly TableRule[]): readonly string[] {
  return rules.map(({ pattern }) => pattern).filter((pattern) => !pattern.includes('*'));
}

function folded<T>(record: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(record).map(([name, value]) => [foldName(name), value]));
}

function matches(pattern: string, table: string): boolean {
  const [first = '', ...others] = foldName(pattern).split('*');
  const name = foldName(table);
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

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
  const rule = firstRule(rules, [table]);
  if (rule === null) return null;
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

/** The first of some rules that takes a table by one of its names; `null` when none does. */
export function firstRule(rules: readonly TableRule[], names: readonly string[]): TableRule | null {
  const { exact, patterns } = sortedRules(rules);
  const spelled = names.map(folded);
  const named = Math.min(...spelled.map((name) => exact.get(name) ?? Infinity));
  const pattern = patterns.find(
    ({ place, parts }) => place < named && spelled.some((name) => matches(parts, name)),
  );
  return rules[pattern?.place ?? named] ?? null;
}

/** Rules by what is compared: a thousand tables may be asked for by a thousand rules. */
interface SortedRules {
  /** Places of the first rules that name one table, by its folded name. */
  readonly exact: ReadonlyMap<string, number>;
  /** Rules with a `*`, in their order, as the folded text around it. */
  readonly patterns: readonly { readonly place: number; readonly parts: readonly string[] }[];
}

const sorted = new WeakMap<readonly TableRule[], SortedRules>();

function sortedRules(rules: readonly TableRule[]): SortedRules {
  const known = sorted.get(rules);
  if (known !== undefined) return known;
  const split = rules.map(({ pattern }, place) => ({ place, parts: folded(pattern).split('*') }));
  // The first of equal names is set last.
  const exact = split.filter(({ parts }) => parts.length === 1).toReversed();
  const made = {
    exact: new Map(exact.map(({ place, parts }) => [parts.join(''), place])),
    patterns: split.filter(({ parts }) => parts.length > 1),
  };
  sorted.set(rules, made);
  return made;
}

/** Whether a name is made of these parts, with any characters between them; two at least. */
function matches([first = '', ...others]: readonly string[], name: string): boolean {
  const last = others.pop() ?? '';
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const part of others) {
    const found = name.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return name.endsWith(last) && name.length - last.length >= from;
}

/** Ledger rows for people: the change in a word, its time and its place in the order of changes. */
import type { QueryAnswer } from '../../ports/row-engine.ts';

const CHANGES: Readonly<Record<string, string>> = {
  c: 'insert',
  u: 'update',
  d: 'delete',
  t: 'truncate',
  r: 'read again',
};

/** The word for a `_firn_op`. */
export function changeWord(op: string | null): string {
  return CHANGES[op ?? ''] ?? '?';
}

/** `epoch:seq`, the place of a ledger row; its columns are named as in the ledger. */
export function placeOf(columns: readonly string[], row: readonly (string | null)[]): string {
  const value = (name: string): string => row[columns.indexOf(name)] ?? '';
  return `${value('_firn_epoch')}:${value('_firn_seq')}`;
}

/** The answer with the ledger's own columns told in three. */
export function historyView(answer: QueryAnswer): QueryAnswer {
  const names = answer.columns.map(({ name }) => name);
  const own = answer.columns.flatMap(({ name }, index) =>
    name.startsWith('_firn_') ? [] : [index],
  );
  const at = names.indexOf('_firn_commit_ts');
  const op = names.indexOf('_firn_op');
  const text = (name: string): { readonly name: string; readonly type: string } => ({
    name,
    type: 'VARCHAR',
  });
  return {
    columns: [
      text('change'),
      text('at'),
      text('sequence'),
      ...own.flatMap((index) => answer.columns[index] ?? []),
    ],
    rows: (async function* view() {
      for await (const rows of answer.rows) {
        yield rows.map((row) => [
          changeWord(row[op] ?? null),
          row[at] ?? null,
          placeOf(names, row),
          ...own.map((index) => row[index] ?? null),
        ]);
      }
    })(),
  };
}

/** Aligned columns of plain text. */
import { displayWidth, fit } from './printable.ts';

/** How one column is set. */
export interface TextColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Widest a column gets; the last one may be wider. */
const CELL_WIDTH_MAX = 48;

function pad(text: string, width: number, align: TextColumn['align']): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? `${text}${space}` : `${space}${text}`;
}

/**
 * Lines of a table: titles, then rows; cells are cut at 48 columns, except in the last one.
 * `cells` must be printable already.
 */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const last = columns.length - 1;
  const cut = (row: readonly string[]): readonly string[] =>
    row.map((cell, index) => (index === last ? cell : fit(cell, CELL_WIDTH_MAX)));
  const all = [columns.map(({ title }) => title), ...rows.map(cut)];
  const widths = columns.map((_, index) =>
    Math.max(...all.map((row) => displayWidth(row[index] ?? ''))),
  );
  return all.map((row) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join('  ')
      .trimEnd(),
  );
}

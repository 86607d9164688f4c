/** Names and texts as DuckDB's SQL writes them: the only way either enters a statement. */
import { assert } from '../kernel/assert.ts';

/** A name in double quotes. Names are data: any character but NUL may be part of one. */
export function quoteIdentifier(name: string): string {
  assert(!name.includes('\0'), 'a name holds no NUL');
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal. */
export function quoteText(text: string): string {
  assert(!text.includes('\0'), 'a text literal holds no NUL');
  return `'${text.replaceAll("'", "''")}'`;
}

/** A list literal of texts. */
export function quoteTexts(texts: readonly string[]): string {
  return `[${texts.map(quoteText).join(', ')}]`;
}

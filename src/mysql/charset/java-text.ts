/**
 * Which text of a server Java decodes as the server does, and by what one knows where it did not:
 * Debezium and JDBC drivers decode with Java's tables.
 */

/** Sets whose every text Java decodes as the server does. */
const UNICODE_SETS: ReadonlySet<string> = new Set(['utf8', 'utf8mb3', 'utf8mb4']);

/** Sets in which Java finds bytes that are no character; what it puts there is in none of them. */
const NARROW_SETS: ReadonlySet<string> = new Set(['ascii', 'latin1']);

/** Put by Java in the place of what it cannot decode. */
export const REPLACEMENT = '\uFFFD';

/** Whether a set is one of Unicode's, stored as UTF-8. */
export function isUtf8Set(charset: string): boolean {
  return UNICODE_SETS.has(charset);
}

/**
 * What Java makes of text of a set: `exact`; `marked`, where {@link REPLACEMENT} stands for what it
 * could not decode; `other`. `null`: the column names no set.
 */
export function javaDecoding(charset: string | null): 'exact' | 'marked' | 'other' {
  if (charset === null || isUtf8Set(charset)) return 'exact';
  return NARROW_SETS.has(charset) ? 'marked' : 'other';
}

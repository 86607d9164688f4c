/**
 * Names as SQLite reads them: the one place that quotes identifiers. Values never become SQL text,
 * they are bound.
 */

/**
 * `name` as an identifier in SQL text. SQLite doubles a quote inside a quoted identifier and
 * interprets nothing else (sqlite.org, "SQLite Keywords"); a name cannot hold NUL.
 */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Whether two names are one to SQLite, which folds ASCII letters only. */
export function sameName(left: string, right: string): boolean {
  return foldName(left) === foldName(right);
}

/** The form in which names that are one to SQLite are equal. */
export function foldName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

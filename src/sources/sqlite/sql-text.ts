/**
 * SQL text: the one place that quotes identifiers (values never become text, they are bound), and
 * the one that cuts a `CREATE INDEX` statement. SQLite keeps only the text of an index's
 * expressions; they are used again word for word in triggers, never changed.
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

/** The parts of one index statement. */
export interface IndexText {
  /** Text of each indexed term without collation and direction. */
  readonly terms: readonly string[];
  /** Text after WHERE of a partial index. */
  readonly condition: string | null;
}

const SKIPPED =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//y;

/** Cuts an index statement as `sqlite_master` holds it; `null` when it has no term list. */
export function cutIndexText(sql: string): IndexText | null {
  const commas: number[] = [];
  let depth = 0;
  let start = -1;
  for (let at = 0; at < sql.length; at++) {
    SKIPPED.lastIndex = at;
    if (SKIPPED.test(sql)) {
      at = SKIPPED.lastIndex - 1;
      continue;
    }
    const character = sql[at];
    if (character === '(') {
      if (depth++ === 0) start = at + 1;
    } else if (character === ',' && depth === 1) {
      commas.push(at);
    } else if (character === ')' && --depth === 0) {
      const borders = [start - 1, ...commas, at];
      const terms = borders
        .slice(1)
        .map((end, index) => bareTerm(sql.slice((borders[index] ?? 0) + 1, end)));
      return { terms, condition: conditionIn(sql.slice(at + 1)) };
    }
  }
  return null;
}

function bareTerm(text: string): string {
  const name = String.raw`(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|\[[^\]]*\]|[^\s"'()]+)`;
  return text
    .trim()
    .replace(/\s+(?:asc|desc)$/i, '')
    .trim()
    .replace(new RegExp(String.raw`\s*\bcollate\s+${name}$`, 'i'), '')
    .trim();
}

function conditionIn(rest: string): string | null {
  const blank = String.raw`(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*`;
  const match = new RegExp(String.raw`^${blank}where\b([\s\S]*)$`, 'i').exec(rest);
  return match === null ? null : (match[1] ?? '').trim();
}

/**
 * Cuts a statement of MySQL or MariaDB into tokens, in the quoting of the session that wrote it.
 * Any text gives tokens: what is left open at the end is marked, never thrown. The rules are those
 * of the manuals' chapters "Language Structure" and "Comments".
 */
import type { MysqlFlavour } from './mysql-column.ts';

/** How a session reads text. */
export interface SqlDialect {
  readonly flavour: MysqlFlavour;
  /** `major * 10000 + minor * 100 + patch` of the server that wrote the log. */
  readonly version: number;
  /** `"a"` is an identifier (sql_mode ANSI_QUOTES). */
  readonly ansiQuotes: boolean;
  /** A backslash in a string is one (sql_mode NO_BACKSLASH_ESCAPES). */
  readonly noBackslashEscapes: boolean;
}

/** One token. `text` is what it means: without quotes, with doubled quotes and escapes undone. */
export interface SqlToken {
  /** `word`: keyword, bare identifier or number; `sign`: one character. */
  readonly kind: 'word' | 'quoted' | 'string' | 'sign';
  readonly text: string;
  /** `text` of a word in capital letters; else empty: nothing else is ever a keyword. */
  readonly keyword: string;
}

/** The tokens of a statement. */
export interface SqlTokens {
  readonly tokens: readonly SqlToken[];
  /** A quote or comment is left open: the quoting was not understood. */
  readonly isBroken: boolean;
}

const BLANK = /[\s\0]+/y;
const WORD = /[0-9A-Za-z_$\u0080-\u{10FFFF}]+/uy;
/** `-- ` needs a blank or control character behind it; `#` does not. */
const LINE_COMMENT = /(?:#|--(?=[\s\p{Cc}]|$))[^\n]*/uy;
const VERSION = /!(\d{5,6})?/y;
const MARIADB_VERSION = /M!(\d{5,6})?/y;

/** Tokens of a statement. Comments are gone; versioned ones that the server ran are not. */
export function readSqlTokens(sql: string, dialect: SqlDialect): SqlTokens {
  return new Tokenizer(sql, dialect).run();
}

class Tokenizer {
  readonly #sql: string;
  readonly #dialect: SqlDialect;
  readonly #tokens: SqlToken[] = [];
  #at = 0;
  #isBroken = false;
  /** Inside a versioned comment whose text counts. */
  #isVersioned = false;

  constructor(sql: string, dialect: SqlDialect) {
    this.#sql = sql;
    this.#dialect = dialect;
  }

  run(): SqlTokens {
    while (this.#at < this.#sql.length) this.#step();
    return { tokens: this.#tokens, isBroken: this.#isBroken || this.#isVersioned };
  }

  #step(): void {
    if (this.#take(BLANK) !== null || this.#take(LINE_COMMENT) !== null) return;
    const word = this.#take(WORD);
    if (word !== null) {
      this.#tokens.push({ kind: 'word', text: word, keyword: word.toUpperCase() });
      return;
    }
    const sign = this.#sql[this.#at] ?? '';
    if (sign === '/' && this.#sql[this.#at + 1] === '*') return this.#openComment();
    if (this.#isVersioned && this.#sql.startsWith('*/', this.#at)) {
      this.#isVersioned = false;
      this.#at += 2;
    } else if (sign === '`' || (sign === '"' && this.#dialect.ansiQuotes)) {
      this.#quoted(sign, { kind: 'quoted', escapes: false });
    } else if (sign === "'" || sign === '"') {
      this.#quoted(sign, { kind: 'string', escapes: !this.#dialect.noBackslashEscapes });
    } else {
      this.#at++;
      this.#tokens.push({ kind: 'sign', text: sign, keyword: '' });
    }
  }

  /** A comment is passed over; one that the server runs is entered. */
  #openComment(): void {
    const start = this.#at;
    this.#at += 2;
    const version = this.#take(VERSION) ?? this.#take(MARIADB_VERSION);
    if (version !== null && !this.#isVersioned && this.#runs(version)) {
      this.#isVersioned = true;
      return;
    }
    this.#at = start + 2;
    this.#skipComment(version !== null);
  }

  #runs(mark: string): boolean {
    const { flavour, version } = this.#dialect;
    const digits = /\d+/.exec(mark)?.[0];
    const wanted = digits === undefined ? 0 : Number.parseInt(digits, 10);
    if (flavour === 'mysql') return mark.startsWith('!') && wanted <= version;
    // MariaDB passes over what only MySQL 5.7 and later run ("Comment Syntax").
    const isMysqls = mark.startsWith('!') && wanted >= 50_700 && wanted < 100_000;
    return !isMysqls && wanted <= version;
  }

  /** To the end of a comment; one that the server does not run may hold a plain one. */
  #skipComment(mayNest: boolean): void {
    for (let depth = 1; depth > 0;) {
      const end = this.#sql.indexOf('*/', this.#at);
      const inner = mayNest && depth === 1 ? this.#sql.indexOf('/*', this.#at) : -1;
      if (end < 0) {
        this.#at = this.#sql.length;
        this.#isBroken = true;
        return;
      }
      depth += inner >= 0 && inner < end ? 1 : -1;
      this.#at = (inner >= 0 && inner < end ? inner : end) + 2;
    }
  }

  #quoted(
    quote: string,
    form: { readonly kind: 'quoted' | 'string'; readonly escapes: boolean },
  ): void {
    let text = '';
    for (let from = ++this.#at; ; this.#at++) {
      const sign = this.#sql[this.#at];
      if (sign === undefined) {
        this.#isBroken = true;
        text += this.#sql.slice(from);
        break;
      }
      const isEscape = form.escapes && sign === '\\' && this.#at + 1 < this.#sql.length;
      const isDoubled = sign === quote && this.#sql[this.#at + 1] === quote;
      if (isEscape || isDoubled) {
        text += this.#sql.slice(from, this.#at);
        from = ++this.#at;
      } else if (sign === quote) {
        text += this.#sql.slice(from, this.#at++);
        break;
      }
    }
    this.#tokens.push({ kind: form.kind, text, keyword: '' });
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#sql)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }
}

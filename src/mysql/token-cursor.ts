/** A place in a list of tokens: what comes next, and the small forms that every statement has. */
import type { TableName } from '../model/table-schema.ts';
import type { SqlToken } from './sql-tokens.ts';

/** Reads tokens in order; past the end there is nothing, and nothing fails. */
export class TokenCursor {
  readonly #tokens: readonly SqlToken[];
  readonly #end: number;
  #at: number;

  constructor(tokens: readonly SqlToken[], at = 0, end = tokens.length) {
    this.#tokens = tokens;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The keyword that is `ahead` tokens away; empty for anything else. */
  keyword(ahead = 0): string {
    return this.#peek(ahead)?.keyword ?? '';
  }

  /** Whether the next tokens are these keywords, or signs; they are passed if so. */
  take(...wanted: readonly string[]): boolean {
    const isThere = wanted.every((text, ahead) => {
      const token = this.#peek(ahead);
      return token !== undefined && (token.kind === 'sign' ? token.text : token.keyword) === text;
    });
    if (isThere) this.#at += wanted.length;
    return isThere;
  }

  /** Passes the next keyword if it is one of these; which it was, else `null`. */
  takeOne(...wanted: readonly string[]): string | null {
    return wanted.find((text) => this.take(text)) ?? null;
  }

  /** The next token, passed. */
  next(): SqlToken | undefined {
    return this.#at < this.#end ? this.#tokens[this.#at++] : undefined;
  }

  /** A bare or quoted identifier, passed; `null` when something else comes. */
  name(): string | null {
    const token = this.#peek(0);
    if (token?.kind !== 'word' && token?.kind !== 'quoted') return null;
    this.#at++;
    return token.text;
  }

  /** `table` or `database.table`, passed; `null` when neither comes. */
  tableName(database: string): TableName | null {
    // ODBC's form for the default database: `.table`.
    const isDotted = this.take('.');
    const first = this.name();
    if (first === null) return null;
    if (isDotted || !this.take('.')) return { namespace: database, table: first };
    const second = this.name();
    return second === null ? null : { namespace: first, table: second };
  }

  /** Passes a group in parentheses, if one comes; its inside. */
  group(): TokenCursor | null {
    if (!this.take('(')) return null;
    const start = this.#at;
    for (let depth = 1; !this.isAtEnd;) {
      const { kind, text } = this.next() ?? { kind: 'sign', text: '' };
      if (kind === 'sign' && text === '(') depth++;
      if (kind === 'sign' && text === ')' && --depth === 0) {
        return new TokenCursor(this.#tokens, start, this.#at - 1);
      }
    }
    return new TokenCursor(this.#tokens, start, this.#end);
  }

  /** What is left, cut at commas outside parentheses. Nothing left: no parts. */
  parts(): readonly TokenCursor[] {
    const parts: TokenCursor[] = [];
    while (!this.isAtEnd) {
      const start = this.#at;
      while (!this.isAtEnd && !this.#isSign(',')) {
        if (this.group() === null) this.#at++;
      }
      parts.push(new TokenCursor(this.#tokens, start, this.#at));
      this.#at++;
    }
    return parts;
  }

  /** Passes tokens up to one of these keywords outside parentheses, or to the end. */
  skipTo(...keywords: readonly string[]): void {
    while (!this.isAtEnd && !keywords.includes(this.keyword())) {
      if (this.group() === null) this.#at++;
    }
  }

  /** A cursor of its own at the same place. */
  copy(): TokenCursor {
    return new TokenCursor(this.#tokens, this.#at, this.#end);
  }

  #isSign(text: string): boolean {
    const token = this.#peek(0);
    return token?.kind === 'sign' && token.text === text;
  }

  #peek(ahead: number): SqlToken | undefined {
    const at = this.#at + ahead;
    return at < this.#end ? this.#tokens[at] : undefined;
  }
}

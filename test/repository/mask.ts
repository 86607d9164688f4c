/**
 * Blanks out what is not code: comments, and the contents of strings, templates and regular
 * expressions. Everything keeps its place: an offset in the result is an offset in the text.
 */

/** A comment with its place. */
export interface Comment {
  /** Offset of its first character. */
  readonly start: number;
  /** Offset after its last character. */
  readonly end: number;
  readonly text: string;
}

/** The text without anything that is not code. */
export interface Masked {
  readonly code: string;
  readonly comments: readonly Comment[];
}

/** After one of these words a slash begins a regular expression. */
const WORDS_BEFORE_REGEX =
  /\b(?:return|typeof|case|in|of|void|delete|throw|new|else|do|yield|await)$/;

/** What a scan of the text has found so far. */
class Scan {
  readonly comments: Comment[] = [];
  at = 0;
  private readonly text: string;
  private readonly out: string[];
  /** Depth of braces inside each open `${`. */
  private readonly templates: number[] = [];

  constructor(text: string) {
    this.text = text;
    // By UTF-16 unit, as offsets count.
    this.out = text.split('');
  }

  run(): Masked {
    while (this.at < this.text.length) this.step();
    return { code: this.out.join(''), comments: this.comments };
  }

  private step(): void {
    const two = this.text.slice(this.at, this.at + 2);
    const character = two[0];
    if (two === '//') this.comment(this.endOf('\n', this.at));
    else if (two === '/*') this.comment(this.endOf('*/', this.at + 2) + 2);
    else if (character === "'" || character === '"') this.string(character);
    else if (character === '`') this.template();
    else if (character === '/' && this.regexMayStart()) this.regex();
    else this.brace(character);
  }

  private brace(character: string | undefined): void {
    const open = this.templates.length - 1;
    const depth = this.templates[open];
    if (character === '{' && depth !== undefined) this.templates[open] = depth + 1;
    if (character === '}' && depth !== undefined) {
      if (depth === 0) {
        this.templates.pop();
        this.template();
        return;
      }
      this.templates[open] = depth - 1;
    }
    this.at += 1;
  }

  private endOf(mark: string, from: number): number {
    const found = this.text.indexOf(mark, from);
    return found < 0 ? this.text.length : found;
  }

  private blank(start: number, end: number): void {
    for (let index = start; index < end; index++) {
      if (this.text[index] !== '\n') this.out[index] = ' ';
    }
  }

  private comment(end: number): void {
    this.comments.push({ start: this.at, end, text: this.text.slice(this.at, end) });
    this.blank(this.at, end);
    this.at = end;
  }

  private string(quote: string): void {
    const start = this.at + 1;
    this.at = start;
    while (this.at < this.text.length && this.text[this.at] !== quote) {
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    this.blank(start, this.at);
    this.at += 1;
  }

  /** From a back quote, or from the brace that ends a `${`, to the next `${` or the end. */
  private template(): void {
    const start = this.at + 1;
    this.at = start;
    while (this.at < this.text.length) {
      if (this.text[this.at] === '`') break;
      if (this.text.startsWith('${', this.at)) {
        this.blank(start, this.at);
        this.templates.push(0);
        this.at += 2;
        return;
      }
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    this.blank(start, this.at);
    this.at += 1;
  }

  private regexMayStart(): boolean {
    const before = this.out
      .slice(Math.max(0, this.at - 60), this.at)
      .join('')
      .trimEnd();
    if (before === '' || /[([{,;=:!&|?+\-*%<>~^]$/.test(before)) return true;
    return WORDS_BEFORE_REGEX.test(before);
  }

  private regex(): void {
    const start = this.at + 1;
    let inClass = false;
    for (this.at = start; this.at < this.text.length; this.at++) {
      const character = this.text[this.at];
      if (character === '\n' || (character === '/' && !inClass)) break;
      if (character === '\\') this.at += 1;
      else if (character === '[') inClass = true;
      else if (character === ']') inClass = false;
    }
    this.blank(start, this.at);
    this.at += 1;
  }
}

/** Masks TypeScript or JavaScript text. */
export function mask(text: string): Masked {
  return new Scan(text).run();
}

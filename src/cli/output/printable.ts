/**
 * Text from outside (names, values, messages of drivers) made harmless for a terminal: control
 * characters, escape sequences and invisible direction marks are shown, not obeyed.
 */

const SHOWN: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `text` on one line, with what would control the terminal written as escapes. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cs}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu,
    (character) => {
      const code = character.charCodeAt(0);
      const wide = `\\u${code.toString(16).padStart(4, '0')}`;
      return SHOWN[character] ?? (code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : wide);
    },
  );
}

/** JSON with what would control the terminal, and JSON lets stand in its texts, as escapes. */
export function printableJson(json: string): string {
  return json.replaceAll(
    /[\u007F-\u009F\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Letters of East Asian scripts and their full-width forms (Unicode, East Asian Width W and F). */
const WIDE = /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60]/u;

/** Columns that `text` takes on a terminal: wide letters (CJK, emoji) take two, marks none. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7E]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) continue;
    width += WIDE.test(character) || /\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
  }
  return width;
}

/** `text` cut to `width` columns, with an ellipsis where something is missing. */
export function fit(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const character of text) {
    used += displayWidth(character);
    if (used > width) break;
    kept += character;
  }
  return `${kept}…`;
}

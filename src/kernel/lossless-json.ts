/**
 * JSON that keeps 64-bit integers exact in both directions. Snapshot ids made by other engines
 * exceed 2^53; a plain `JSON.parse` would change them without a word. Objects are parsed as plain
 * objects; a key `__proto__` stays an own property and never becomes a prototype.
 */

/**
 * A parsed JSON value. Integers outside +-(2^53 - 1) arrive as `bigint`, other numbers as `number`.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue };

// TypeScript's library does not know the third argument yet (ECMA-262 proposal, Node 21 and later).
type SourceTextReviver = (
  key: string,
  value: unknown,
  context: { readonly source?: string },
) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: SourceTextReviver) => JsonValue;
const rawJson = (JSON as unknown as { readonly rawJSON: (text: string) => unknown }).rawJSON;

const integerText = /^-?(0|[1-9][0-9]*)$/;

/** The digits of 2^53 - 1, the largest integer of which no neighbour is lost. */
const SAFE_DIGITS = '9007199254740991';
const SAFE_MAX = BigInt(SAFE_DIGITS);
const longDigits = /\d{16,}/g;

/** Whether a number in `text` may be an integer that a double does not hold. */
function mayHoldWideInteger(text: string): boolean {
  for (const [digits] of text.matchAll(longDigits)) {
    if (digits.length > SAFE_DIGITS.length || digits > SAFE_DIGITS) return true;
  }
  return false;
}

/**
 * Parses JSON text without losing an integer.
 *
 * @throws SyntaxError where the text is not JSON; the caller names the file
 */
export function parseJson(text: string): JsonValue {
  // Asking for the source of every value takes ten times as long; documents of our own need not.
  if (!mayHoldWideInteger(text)) return JSON.parse(text) as JsonValue;
  return parseWithSource(text, (_key, value, context) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    const source = context.source ?? '';
    return integerText.test(source) ? BigInt(source) : value;
  });
}

/**
 * The same integer as a `number` where that holds it. Documents that a program of our own reads
 * back are written several times as fast without any `bigint`.
 */
export function jsonInteger(value: bigint): number | bigint {
  return value >= -SAFE_MAX && value <= SAFE_MAX ? Number(value) : value;
}

/** Writes JSON text; `bigint` is written as its digits, without quotes. */
export function stringifyJson(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    // There is a `bigint`, or a circle, which is told again below.
    if (!(error instanceof TypeError)) throw error;
  }
  return JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'bigint' ? rawJson(item.toString()) : item),
    indent,
  );
}

/**
 * What a query of a user may be. DuckDB parses it; here its parse tree, as `json_serialize_sql`
 * gives it, is looked at. Files and settings are out of reach anyway (the instance is locked), but
 * some table functions act on the process (`enable_logging`), so only harmless ones are let
 * through.
 */
import type { JsonValue } from '../kernel/lossless-json.ts';

/** Table functions of no effect and no reach. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'generate_series',
  'json_each',
  'json_tree',
  'range',
  'repeat',
  'unnest',
]);

/** What the tree says about a query. */
export type SelectVerdict =
  | { readonly kind: 'select' }
  | { readonly kind: 'refused'; readonly reason: string }
  /** DuckDB cannot parse it; its message. */
  | { readonly kind: 'invalid'; readonly message: string };

/** Asks DuckDB for the parse tree of its one parameter. */
export const PARSE_STATEMENT = 'SELECT json_serialize_sql($1::VARCHAR)';

/** Judges the answer of {@link PARSE_STATEMENT}. */
export function judgeParseTree(tree: JsonValue): SelectVerdict {
  const { error, error_type, error_message, statements } = fieldsOf(tree);
  if (error === true && error_type === 'not implemented') {
    return { kind: 'refused', reason: 'It is not a SELECT.' };
  }
  if (error === true) {
    const message = typeof error_message === 'string' ? error_message : 'DuckDB gave no reason.';
    return { kind: 'invalid', message };
  }
  if (!Array.isArray(statements) || statements.length !== 1) {
    return { kind: 'refused', reason: 'It is not exactly one statement.' };
  }
  const forbidden = tableFunctions(tree).find((name) => !TABLE_FUNCTIONS.has(name));
  if (forbidden === undefined) return { kind: 'select' };
  return { kind: 'refused', reason: `The table function ${forbidden} is not offered here.` };
}

function tableFunctions(node: JsonValue): readonly string[] {
  if (Array.isArray(node)) return node.flatMap((item: JsonValue) => tableFunctions(item));
  const fields = fieldsOf(node);
  const below = Object.values(fields).flatMap((value) => tableFunctions(value));
  if (fields['type'] !== 'TABLE_FUNCTION') return below;
  const name = fieldsOf(fields['function'] ?? null)['function_name'];
  return [typeof name === 'string' ? name.toLowerCase() : '', ...below];
}

function fieldsOf(node: JsonValue): Readonly<Record<string, JsonValue>> {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
    ? (node as Readonly<Record<string, JsonValue>>)
    : {};
}

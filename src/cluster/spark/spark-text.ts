/**
 * Names and texts as Spark's SQL writes them: the only way either enters a statement. Spark puts
 * variables (`${env:HOME}`) into statements before it parses them, inside quotes too: sessions must
 * have {@link NO_SUBSTITUTION}.
 */
import { assert } from '../../kernel/assert.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';

/** Setting without which a name that holds `${...}` would be another name. */
export const NO_SUBSTITUTION = ['spark.sql.variable.substitute', 'false'] as const;

/** A name in backticks. */
export function sparkName(name: string): string {
  assert(!name.includes('\0'), 'a name holds no NUL');
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A name of several parts. */
export function sparkPath(...parts: readonly string[]): string {
  return parts.map(sparkName).join('.');
}

/** A text literal; a backslash in one begins an escape. */
export function sparkText(text: string): string {
  assert(!text.includes('\0'), 'a text literal holds no NUL');
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A mark in a statement; texts stand for numbers that are put in when the statement is sent. */
export type MarkText = { readonly [Part in keyof SequenceMark]: number | bigint | string };

/** Whether a ledger's row lies at or below a mark. */
export function atOrBelowMark({ epoch, seq }: MarkText): string {
  return `(\`_firn_epoch\` < ${epoch} OR (\`_firn_epoch\` = ${epoch} AND \`_firn_seq\` <= ${seq}))`;
}

/** Whether it lies above. */
export function aboveMark({ epoch, seq }: MarkText): string {
  return `(\`_firn_epoch\` > ${epoch} OR (\`_firn_epoch\` = ${epoch} AND \`_firn_seq\` > ${seq}))`;
}

/** Whether it lies at or above. */
export function atOrAboveMark({ epoch, seq }: MarkText): string {
  return `(\`_firn_epoch\` > ${epoch} OR (\`_firn_epoch\` = ${epoch} AND \`_firn_seq\` >= ${seq}))`;
}

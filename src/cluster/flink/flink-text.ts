/**
 * Names, texts and types as Flink's SQL writes them: the only way either enters a statement. Names
 * and texts are data: whatever characters they have, they stay one name, one text.
 */
import { assert, unreachable } from '../../kernel/assert.ts';
import type { ColumnType } from '../../model/column-type.ts';

/** A name in backticks. */
export function flinkName(name: string): string {
  assert(!name.includes('\0'), 'a name holds no NUL');
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A name of several parts, such as catalog, database and table. */
export function flinkPath(...parts: readonly string[]): string {
  return parts.map(flinkName).join('.');
}

/** A text literal. A backslash is a character like any other. */
export function flinkText(text: string): string {
  assert(!text.includes('\0'), 'a text literal holds no NUL');
  return `'${text.replaceAll("'", "''")}'`;
}

/** Options as they stand behind WITH or in a hint, one per line. */
export function flinkOptions(options: Readonly<Record<string, string>>): string {
  const lines = Object.entries(options).map(
    ([name, value]) => `  ${flinkText(name)} = ${flinkText(value)}`,
  );
  return `(\n${lines.join(',\n')}\n)`;
}

/** Flink's type for a column of the lake. */
export function flinkType(type: ColumnType): string {
  switch (type.kind) {
    case 'boolean':
      return 'BOOLEAN';
    case 'int':
      return 'INT';
    case 'long':
      return 'BIGINT';
    case 'float':
      return 'FLOAT';
    case 'double':
      return 'DOUBLE';
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`;
    case 'date':
      return 'DATE';
    case 'timestamp':
      return 'TIMESTAMP(6)';
    case 'timestamptz':
      return 'TIMESTAMP_LTZ(6)';
    case 'string':
      return 'STRING';
    case 'binary':
      return 'BYTES';
    case 'uuid':
      return 'BINARY(16)';
    case 'fixed':
      return `BINARY(${type.lengthBytes})`;
    default:
      return unreachable(type);
  }
}

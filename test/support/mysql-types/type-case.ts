/**
 * One case per type of MySQL and MariaDB: how a column is declared, values as SQL expressions, and
 * what each must be in the lake. The values are those that other tools get wrong. Inserted in a
 * session of {@link CASE_SESSION}.
 */
import type { MysqlFlavour } from '../../../src/mysql/mysql-column.ts';

/** A value: as an expression, and as text of what is in the lake (`lakeText`); `null` is NULL. */
export type TypeValue = readonly [sql: string, lake: string | null];

/** A column and its values. */
export interface TypeCase {
  /** Name of its table. */
  readonly name: string;
  readonly declaration: string;
  /** The type in the lake, as Iceberg names it. */
  readonly type: string;
  /** Where the type exists; absent: on both. */
  readonly only?: MysqlFlavour;
  /** Policy of the column; absent: `halt`. */
  readonly onMisfit?: 'null' | 'text';
  readonly values: readonly TypeValue[];
}

/** What makes a session take the values as they are written, dates that are none among them. */
export const CASE_SESSION =
  "SET NAMES utf8mb4, sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'";

/** Values that are digits on both sides. */
export function same(...literals: readonly string[]): TypeValue[] {
  return literals.map((literal) => [literal, literal]);
}

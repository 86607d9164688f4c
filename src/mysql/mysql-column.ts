/** A column as `information_schema.COLUMNS` describes it; the server's own words, unchanged. */

/** Which of the two servers speaks. They share a protocol, not a dialect. */
export type MysqlFlavour = 'mysql' | 'mariadb';

/** One column of a table. */
export interface MysqlColumn {
  readonly name: string;
  /** `DATA_TYPE` in small letters: `bigint`. */
  readonly dataType: string;
  /** `COLUMN_TYPE`: `bigint(20) unsigned`, `enum('a','b')`. */
  readonly columnType: string;
  /** `CHARACTER_SET_NAME` of text, ENUM and SET columns; else `null`. */
  readonly charset: string | null;
  readonly collation: string | null;
  readonly nullable: boolean;
  /** Whether the server computes it: `VIRTUAL` or `STORED`. */
  readonly generated: boolean;
  readonly invisible: boolean;
}

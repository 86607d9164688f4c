/**
 * What the demo needs of a database to tell its story with it. The shop's SQL is the same for all
 * of them; what differs is said here.
 */

/** A connection to the shop's database. */
export interface ShopStore {
  /** Runs one statement and gives the id that an INSERT made, else 0. */
  run(sql: string, values?: readonly (string | number)[]): Promise<number>;
  /** The one number that a query answers. */
  number(sql: string): Promise<number>;
  close(): Promise<void>;
}

/** A database in which the demo opens its shop. */
export interface DemoShop {
  /** For people: `SQLite`, `MySQL 9.7.2`. */
  readonly kind: string;
  /** For people: where the data is. */
  readonly where: string;
  /** Debezium's connector for it; `null`: there is none. */
  readonly connector: 'mysql' | 'mariadb' | null;
  /** Lines of the pipeline file below `source:`. */
  readonly source: readonly string[];
  /** What stands before a table's name in the pipeline file. */
  readonly prefix: string;
  /** What the demo's other processes find in their environment; nothing secret is an argument. */
  readonly environment: Readonly<Record<string, string>>;
  /** The argument of the writer's process, see `openShopStore`. */
  readonly address: string;
  /** Statements that make the three tables. */
  readonly schema: readonly string[];
  /** A command that a user could go on with, after the program's name. */
  readonly advice: string;
  open(): Promise<ShopStore>;
  /** Ends what the demo started for it. */
  close(): Promise<void>;
}

/** The writer's argument for a server; its address is in the environment variable below. */
export const SERVER_WORD = 'server';

/** Where the demo's processes find the address of the server, a URL with a password. */
export const SERVER_VARIABLE = 'FIRN_DEMO_SERVER';

/** Where the pipeline finds its password. */
export const PASSWORD_VARIABLE = 'FIRN_DEMO_PASSWORD';

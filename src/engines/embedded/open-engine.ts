/** A running engine: an instance of DuckDB, and the ways of getting vectors into it. */
import { registerBucketFunctions } from './buckets.ts';
import { createBulkFeeder } from './bulk-feeder.ts';
import { openDuckdb } from './duckdb-instance.ts';
import type { DuckdbInstance, DuckdbLimits } from './duckdb-instance.ts';
import { registerRowFeed } from './row-feed.ts';
import type { RowFeed } from './row-feed.ts';
import { createPlainFeeder, createTableFeeder } from './vector-feeder.ts';
import type { TableFeeder } from './vector-feeder.ts';
import { present } from '../../kernel/assert.ts';

/** A running engine. */
export interface OpenEngine {
  readonly instance: DuckdbInstance;
  /** Vectors into tables. */
  readonly feed: TableFeeder;
  /** Vectors as relations. */
  readonly rows: RowFeed;
  /** Bytes of data files whose rows can be sorted in memory, in a table's usual columns. */
  readonly sortBytesMax: number;
}

/** Values take four times the room of their files, sorting them twice that. */
const SORT_SHARE = 8;

/** Opens an instance with the functions of the engine. */
export async function openEngine(
  limits: DuckdbLimits,
  feeder: 'bulk' | 'plain' = 'bulk',
): Promise<OpenEngine> {
  let rows: RowFeed | null = null;
  const create = feeder === 'plain' ? createPlainFeeder : createBulkFeeder;
  const instance = await openDuckdb(limits, async (connection, driver) => {
    registerBucketFunctions(connection, driver);
    rows = registerRowFeed(connection, driver, create(driver));
  });
  const { driver } = instance;
  const feed = createTableFeeder(driver, create(driver));
  const sortBytesMax = Math.trunc(limits.memoryBytesMax / SORT_SHARE);
  return { instance, feed, rows: present<RowFeed>(rows, 'a row feed'), sortBytesMax };
}

/**
 * XA transactions that were read as prepared and not as decided, with the captured tables that they
 * touch: their rows stand where they are prepared, and are in the tables from the commit on
 * (docs/spec/source-mysql.md Y8). Outlives the connections of a stream.
 */
import type { TableName } from '../../../model/table-schema.ts';

/** Those that are remembered; of the others nothing is known at their commit. */
const PREPARED_MAX = 10_000;

/** Prepared transactions by their ids. */
export class PreparedTransactions {
  readonly #tables = new Map<string, readonly TableName[]>();

  /** Takes one up. `xid` is the log's own text of its id. */
  prepare(xid: string, tables: readonly TableName[]): void {
    if (this.#tables.size < PREPARED_MAX) this.#tables.set(xid, tables);
  }

  /**
   * It is decided: the tables that it touches. `null`: it was prepared before reading began, and
   * may touch any table.
   */
  decide(xid: string): readonly TableName[] | null {
    const tables = this.#tables.get(xid) ?? null;
    this.#tables.delete(xid);
    return tables;
  }
}

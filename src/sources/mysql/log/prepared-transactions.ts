/**
 * XA transactions that were read as prepared and not as decided, with the captured tables that they
 * touch: their rows stand where they are prepared, and are in the tables from the commit on
 * (docs/spec/source-mysql.md Y8). Outlives the connections of a stream.
 */
import { FirnError } from '../../../kernel/firn-error.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { TableName } from '../../../model/table-schema.ts';
import type { LogSpot } from './log-status.ts';
import type { PreparedRequest } from './prepared-scan.ts';

/** Those that are remembered; of the others nothing is known at their commit. */
const PREPARED_MAX = 10_000;

/** A table that an XA transaction stops, and why. */
export interface XaHalt {
  readonly table: TableName;
  readonly error: FirnError;
}

/** Prepared transactions by their ids. */
export class PreparedTransactions {
  readonly #find: (request: PreparedRequest) => Promise<readonly TableName[] | null>;
  readonly #tables = new Map<string, readonly TableName[]>();

  /** `find` looks for a PREPARE in the log: its tables, or `null` when it is not there. */
  constructor(find: (request: PreparedRequest) => Promise<readonly TableName[] | null>) {
    this.#find = find;
  }

  /** Takes one up. `xid` is the log's own text of its id. */
  prepare(xid: string, tables: readonly TableName[]): void {
    if (this.#tables.size < PREPARED_MAX) this.#tables.set(xid, tables);
  }

  /** It is decided: the tables that it touches. `null`: its PREPARE was not read. */
  decide(xid: string): readonly TableName[] | null {
    const tables = this.#tables.get(xid) ?? null;
    this.#tables.delete(xid);
    return tables;
  }

  /**
   * The tables of one whose PREPARE was not read, from the log itself; `null`: it may touch any.
   * What was found is kept, should its COMMIT be read once more.
   */
  async find(xid: string, before: LogSpot): Promise<readonly TableName[] | null> {
    const tables = await this.#find({ xid, before });
    if (tables !== null) this.prepare(xid, tables);
    return tables;
  }
}

/**
 * What a COMMIT stops: the tables that the transaction touched, also when they were loaded after
 * the PREPARE and lack its rows; all of `captured` where `touched` is `null`.
 */
export function haltsOfCommit(
  touched: readonly TableName[] | null,
  commit: { readonly captured: readonly TableName[]; readonly where: string },
): readonly XaHalt[] {
  const what =
    touched === null
      ? 'An XA transaction was committed, and the log that is kept does not say which tables it changed'
      : 'An XA transaction that changed it was committed';
  return (touched ?? commit.captured).map((table) => {
    const where = `${formatTableName(table)} at ${commit.where}`;
    return { table, error: new FirnError('SOURCE-XA', { what, where }) };
  });
}

/** What reading and streaming of a model source share: places, tables, rows read again. */
import { present } from '../../src/kernel/assert.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { ChangeBatch } from '../../src/model/change-batch.ts';
import { REREAD_ROW } from '../../src/model/change-sequence.ts';
import { parseColumnType } from '../../src/model/column-type.ts';
import type { SourceTable } from '../../src/model/source-event.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { keyText } from '../oracles/fold-events.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import type { ModelDatabase, ModelTable } from './model-database.ts';
import { changeBatch } from './row-cells.ts';
import type { TextChange } from './row-cells.ts';

/** What a model source is made with. */
export interface ModelSourceParts {
  readonly database: ModelDatabase;
  readonly clock: Clock;
  /** Namespace of the tables. */
  readonly namespace: string;
  /** Rows per bootstrap chunk at most; default 3. */
  readonly chunkRowsMax?: number;
}

/** Commit time of a transaction: hours apart, so that ledgers have several days. */
export function commitTsUs(seq: bigint): bigint {
  return (BigInt(Date.UTC(2026, 0, 1)) + seq * 5n * 3_600_000n) * 1000n;
}

/** The place after a transaction. */
export function positionAt(database: ModelDatabase, seq: bigint): SourcePosition {
  const { incarnation } = database;
  const token = `${seq}:${database.fingerprint(seq)}`;
  return { sourceId: incarnation, partition: 'main', token };
}

/** The transaction that a position is after. */
export function seqAt(position: SourcePosition): bigint {
  return BigInt(position.token.slice(0, position.token.indexOf(':')));
}

/** A table as the pipeline sees it. */
export function sourceTable(parts: ModelSourceParts, table: ModelTable): SourceTable {
  return {
    table: { namespace: parts.namespace, table: table.name },
    columns: table.columns.map(([sourceName, sourceType]) => ({
      sourceName,
      sourceType,
      type: present(parseColumnType(sourceType), sourceType),
    })),
    keyColumns: table.columns.slice(0, table.keyLength).map(([name]) => name),
    ledgerOnlyReason: table.keyLength === 0 ? 'it has no key' : null,
    rowsEstimate: BigInt(table.rows.size),
  };
}

/** The rows with these keys as they are now, as changes. */
export function rereads(
  database: ModelDatabase,
  request: {
    readonly schema: TableSchema;
    readonly epoch: number;
    /** Rows of which at least the key columns are filled. */
    readonly keys: readonly TextRow[];
  },
): ChangeBatch {
  const { schema, epoch, keys } = request;
  const table = database.table(schema.table.table);
  const changes = keys.map((key): TextChange => {
    const row = table?.rows.get(keyText(key.slice(0, table.keyLength)));
    const place = { seq: database.lastSeq, row: REREAD_ROW };
    return row === undefined
      ? { op: 'd', values: key, ...place }
      : { op: 'r', values: row, ...place };
  });
  return changeBatch(schema, changes, { epoch, commitTsUs });
}

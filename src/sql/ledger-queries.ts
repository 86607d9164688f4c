/** SELECT statements over a ledger, for the history of a key and for new rows. Text only. */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import { quoteIdentifier } from './quoting.ts';

/** A ledger as a query names it. */
export interface LedgerName {
  readonly namespace: string;
  readonly name: string;
  readonly icebergSchema: IcebergSchema;
}

/** Columns of the source, and of the ledger's own those that people read. */
function readableColumns(ledger: LedgerName): string {
  const own = ['_firn_op', '_firn_epoch', '_firn_seq', '_firn_row', '_firn_commit_ts'];
  const source = ledger.icebergSchema.fields
    .map((field) => field.name)
    .filter((name) => !name.startsWith('_firn_'));
  return [...own, ...source].map(quoteIdentifier).join(', ');
}

function tableName(ledger: LedgerName): string {
  return `${quoteIdentifier(ledger.namespace)}.${quoteIdentifier(ledger.name)}`;
}

const IN_ORDER = 'ORDER BY _firn_epoch, _firn_seq, _firn_row';

/** All rows of one key; parameters are the key columns' values as text, in order. */
export function historyQuery(
  ledger: LedgerName,
  key: readonly { readonly name: string }[],
): string {
  const conditions = key.map((column, index) => {
    const name = quoteIdentifier(column.name);
    return `CAST(${name} AS VARCHAR) = $${index + 1}`;
  });
  const where = conditions.join(' AND ');
  return `SELECT ${readableColumns(ledger)} FROM ${tableName(ledger)} WHERE ${where} ${IN_ORDER}`;
}

/** All rows of a ledger's given files. */
export function tailQuery(ledger: LedgerName): string {
  return `SELECT ${readableColumns(ledger)} FROM ${tableName(ledger)} ${IN_ORDER}`;
}

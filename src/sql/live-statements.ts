/**
 * Definitions of the relations a query sees: a table is its live rows, and `<table>_live` is the
 * base with the ledger's unmerged rows folded in (docs/spec/merge.md M20), by the rules of a merge.
 */
import { REREAD_ROW } from '../model/change-sequence.ts';
import { atOrBelow, keysEqual } from './merge-statements.ts';
import type { ChangeRules } from './merge-statements.ts';

/** Live rows of files: `columns` from a relation, without the rows in a table of dead ones. */
export function liveRows(request: {
  readonly relation: string;
  /** Select items over the relation `rows`. */
  readonly columns: readonly string[];
  /** Table `(fi, pos)`; `null`: no row is dead. */
  readonly dead: string | null;
}): string {
  const { relation, columns, dead } = request;
  const alive =
    dead === null
      ? ''
      : ` ANTI JOIN ${dead} AS dead
          ON rows.file_index::BIGINT = dead.fi AND rows.file_row_number = dead.pos`;
  return `SELECT ${columns.join(', ')} FROM ${relation} AS rows${alive}`;
}

/** What `<table>_live` is made of. */
export interface LiveRequest {
  /** A query for the base's live rows with columns `b0`, `b1`, ... */
  readonly base: string;
  /** A query for the ledger's rows with `op, epoch, seq, rw, dsn` and columns `b0`, `b1`, ... */
  readonly ledger: string;
  /** Places of the key columns among the columns. */
  readonly keys: readonly number[];
  /** Names of the columns in the answer, quoted. */
  readonly names: readonly string[];
  readonly rules: ChangeRules;
}

/** A column in a live definition. */
export function liveColumn(index: number): string {
  return `b${index}`;
}

/** The base with the newest change of each key of the window folded in. */
export function liveTable(request: LiveRequest): string {
  const { rules } = request;
  const columns = { epoch: 'epoch', seq: 'seq' };
  const above = rules.from === null ? 'true' : `NOT ${atOrBelow(columns, rules.from)}`;
  const applies = `CASE WHEN rw = ${REREAD_ROW} THEN dsn > ${rules.rereadsAfter} ELSE ${above} END`;
  const keys = request.keys.map(liveColumn);
  const winnerKeys = keys.map((key) => `winners.${key}`);
  const list = request.names.map((name, index) => `${liveColumn(index)} AS ${name}`).join(', ');
  return `WITH changes AS MATERIALIZED (
      SELECT *, ${applies} AS applies FROM (${request.ledger}) WHERE ${atOrBelow(columns, rules.to)}
    ), cut AS (
      SELECT epoch, seq, rw FROM changes WHERE op = 't'
        ORDER BY epoch DESC, seq DESC, rw DESC LIMIT 1
    ), newest AS (
      SELECT * FROM changes WHERE op <> 't' QUALIFY row_number() OVER (
        PARTITION BY ${keys.join(', ')} ORDER BY epoch DESC, seq DESC, rw DESC, dsn DESC) = 1
    ), winners AS (
      SELECT * FROM newest WHERE applies AND NOT EXISTS (FROM cut
        WHERE (cut.epoch, cut.seq, cut.rw) > (newest.epoch, newest.seq, newest.rw))
    ), base AS (${request.base})
    SELECT ${list} FROM base ANTI JOIN winners
      ON ${keysEqual(
        keys.map((key) => `base.${key}`),
        winnerKeys,
      )}
      WHERE NOT EXISTS (FROM changes WHERE op = 't' AND applies)
    UNION ALL SELECT ${list} FROM winners WHERE op <> 'd'`;
}

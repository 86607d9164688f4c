/**
 * How the job reads identity and time of a change, by what wrote the envelope: a connector of
 * Debezium, whose place in the log is computed (`source-place.ts`), or Firn's own reader, which
 * writes the sequence as it stands (docs/spec/cluster.md E1, E26).
 */
import type { ClusterPlan } from '../cluster-plan.ts';
import { flinkName, flinkText } from './flink-text.ts';
import { rowExpression, seqExpression } from './source-place.ts';

/** Expressions over the fields of an envelope. */
export interface ChangeIdentity {
  /** Fields of the source block that the expressions name. */
  readonly fields: readonly string[];
  readonly seq: string;
  readonly row: string;
  /** Name of the transaction. */
  readonly tx: string;
  /** Operations that are known. */
  readonly ops: readonly string[];
}

/**
 * The identity of a plan's changes.
 *
 * @param logName what stands before the dot of the names of the log's files; not asked of Firn's
 *   own reader
 */
export function changeIdentity(
  { source, epoch }: Pick<ClusterPlan, 'source' | 'epoch'>,
  logName: string,
): ChangeIdentity {
  const part = (name: string): string => `\`source\`.${flinkName(name)}`;
  if (source.type === 'sqlite') {
    return {
      fields: ['ts_ms', 'ts_us', 'epoch', 'seq', 'row'],
      seq: ownSeqExpression({ epoch: part('epoch'), seq: part('seq') }, epoch),
      row: `CASE WHEN TRY_CAST(${part('row')} AS INT) >= 0 THEN TRY_CAST(${part('row')} AS INT) END`,
      tx: 'CAST(NULL AS STRING)',
      ops: ['c', 'u', 'd', 't', 'r'],
    };
  }
  const columns = { file: part('file'), pos: part('pos'), row: part('row'), op: '`op`' };
  return {
    fields: ['ts_ms', 'ts_us', 'gtid', 'file', 'pos', 'row'],
    seq: seqExpression(columns, flinkText(logName)),
    row: rowExpression(columns),
    tx: part('gtid'),
    ops: ['c', 'u', 'd', 't'],
  };
}

/** `seq` as it stands. The expression **fails** for another epoch, whose rows no job may read. */
function ownSeqExpression(
  { epoch, seq }: { readonly epoch: string; readonly seq: string },
  ownEpoch: number,
): string {
  const number = `TRY_CAST(${epoch} AS INT)`;
  const value = `TRY_CAST(${seq} AS BIGINT)`;
  const failure = `CAST(CONCAT('this is another epoch: ', ${epoch}) AS BIGINT)`;
  return `CASE
    WHEN ${number} <> ${ownEpoch} THEN ${failure}
    WHEN ${number} = ${ownEpoch} AND ${value} >= 0 THEN ${value}
  END`;
}

/** Why a table of a running stream stops, and who can mend it. */
import { FirnError } from '../../kernel/firn-error.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { TopicTable } from './topic-table.ts';

/** The event of a table that stopped. */
export function halted(
  { table }: TableSchema,
  error: FirnError,
  recovery: 'bootstrap' | 'operator' = recoveryOf(error),
): SourceEvent {
  return { kind: 'table-halted', table, error, recovery, completeFrom: null };
}

/** What was lost comes back by loading the table again; what is wrong is somebody's decision. */
export function recoveryOf({ code }: FirnError): 'bootstrap' | 'operator' {
  const isLost = code === 'SOURCE-CAPTURE-BEGAN' || code === 'KAFKA-OFFSETS-GONE';
  return isLost ? 'bootstrap' : 'operator';
}

/** The connector began anew behind changes that it never told. */
export function snapshotError(
  { name }: TopicTable,
  { topic, offset }: { readonly topic: string; readonly offset: bigint },
): FirnError {
  const what = `The connector took a new snapshot (offset ${offset} of ${topic}): changes before it may be missing`;
  return new FirnError('SOURCE-CAPTURE-BEGAN', { what, where: name });
}

/** Records that a table needs are no longer there. */
export function lostError({ name }: TopicTable, { code, what, where }: FirnError): FirnError {
  return new FirnError(code, { what, where: `${name}, ${where ?? ''}` });
}

/** A change came although its topic was read to the end behind its place: others may be missing. */
export function lateError({ name, topic }: TopicTable, offset: bigint): FirnError {
  const what = `The change at offset ${offset} of ${topic} came late: the topic had been read past its place`;
  return new FirnError('SOURCE-CAPTURE-BEGAN', { what, where: name });
}

/** A record that is no change of the table. */
export function unreadableError(
  { name, topic }: TopicTable,
  { offset, reason }: { readonly offset: bigint; readonly reason: string },
): FirnError {
  const what = `The record at offset ${offset} of ${topic} cannot be read. ${reason}`;
  return new FirnError('SOURCE-RECORD-UNREADABLE', { what, where: name });
}

/** The server has done what Debezium carries wrongly: some changes of the table may be of it. */
export function notCarriedError({ name }: TopicTable, what: string): FirnError {
  return new FirnError('SOURCE-NOT-CARRIED', { what, where: name });
}

/** What Spark answers about the changes of a merge, read strictly: counts, places, buckets. */
import {
  changesView,
  checkQuery,
  conflictsQuery,
  countsQuery,
  lateTruncateQuery,
  surveyQuery,
} from '../../../cluster/spark/merge-job.ts';
import type { MergeRun } from '../../../cluster/spark/merge-run.ts';
import type { MergeSubject } from '../../../cluster/spark/merge-subject.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import type { JsonObject, JsonValue } from '../../../kernel/lossless-json.ts';
import type { Random } from '../../../kernel/random.ts';
import type { ChangeSequence } from '../../../model/change-sequence.ts';
import type { StatementSession } from './spark-branch.ts';

/** The changes of a merge. */
export interface ChangeCounts {
  /** Rows of the ledger that were read. */
  readonly events: number;
  /** Keys that have a row afterwards. */
  readonly upserts: number;
  /** Keys that have none. */
  readonly deletes: number;
  /** Buckets of all these keys, ascending. */
  readonly buckets: readonly number[];
  /** The newest truncate of what was read. */
  readonly truncate: ChangeSequence | null;
}

/** What was read, before the changes of each key were looked at one by one. */
export interface Survey extends ChangeCounts {
  /** The counts of keys are those of the merge. */
  readonly isExact: boolean;
}

/** Whose changes. */
export interface ChangesRequest {
  readonly subject: MergeSubject;
  readonly run: MergeRun;
  /** The base, for messages. */
  readonly where: string;
}

/**
 * Counts what a merge reads.
 *
 * @throws FirnError MERGE-IDENTITY-CONFLICT, MERGE-LATE-TRUNCATE, CLUSTER-…
 */
export async function surveyWindow(
  session: StatementSession,
  request: ChangesRequest,
): Promise<Survey> {
  const { subject, run, where } = request;
  const row = await onlyRow(session, surveyQuery(subject, run));
  if (count(row, 'doubles') > 0) {
    const [conflict] = await session.query(conflictsQuery(subject, run));
    if (conflict !== undefined) {
      const { epoch, seq, row: index } = sequence(conflict);
      throw new FirnError('MERGE-IDENTITY-CONFLICT', {
        what: `Two ledger rows at ${epoch}:${seq}, row ${index}, have the same key and differ.`,
        where,
      });
    }
  }
  const truncate = optionalSequence(row['truncate'] ?? null);
  const lateTruncate = truncate === null ? null : lateTruncateQuery(subject, run);
  if (lateTruncate !== null) {
    const [late] = await session.query(lateTruncate);
    if (late !== undefined) {
      const { epoch, seq } = sequence(late);
      const what = `A truncate at ${epoch}:${seq} came when the base had passed it.`;
      throw new FirnError('MERGE-LATE-TRUNCATE', { what, where });
    }
  }
  const isExact = run.late === null && truncate === null && count(row, 'ties') === 0;
  return { ...countsOf(row), events: count(row, 'events'), truncate, isExact };
}

/** Makes the view of the changes; counts them, unless the survey has. */
export async function countChanges(
  session: StatementSession,
  request: Omit<ChangesRequest, 'where'> & { readonly survey: Survey },
): Promise<ChangeCounts> {
  const { subject, run, survey } = request;
  if (survey.isExact && survey.upserts + survey.deletes === 0) return survey;
  await session.execute(changesView(subject, run));
  if (survey.isExact) return survey;
  return { ...survey, ...countsOf(await onlyRow(session, countsQuery(subject))) };
}

/**
 * Looks on the branch at every key that changes in one of the buckets, chosen at random: all of
 * them would cost as much as the merge.
 *
 * @throws FirnError MERGE-COUNT-MISMATCH, CLUSTER-…
 */
export async function checkBucket(
  session: StatementSession,
  request: ChangesRequest & { readonly counts: ChangeCounts; readonly random: Random },
): Promise<void> {
  const { subject, run, counts, random, where } = request;
  const { buckets } = counts;
  const chosen = buckets[new DataView(random.bytes(4).buffer).getUint32(0) % buckets.length];
  if (chosen === undefined) return;
  const row = await onlyRow(session, checkQuery(subject, run, chosen));
  const wrong = count(row, 'wrong');
  if (wrong === 0 && count(row, 'keys') > 0) return;
  const what = `Of ${count(row, 'keys')} changed keys in bucket ${chosen}, ${wrong} are not in the base as they should be.`;
  throw new FirnError('MERGE-COUNT-MISMATCH', { what, where });
}

async function onlyRow(session: StatementSession, sql: string): Promise<JsonObject> {
  const rows = await session.query(sql);
  const [row] = rows;
  if (row === undefined || rows.length > 1) throw notUnderstood(`${rows.length} rows for one`);
  return row;
}

function countsOf(row: JsonObject): Pick<ChangeCounts, 'upserts' | 'deletes' | 'buckets'> {
  const { buckets } = row;
  if (!Array.isArray(buckets)) throw notUnderstood('no list of buckets');
  return {
    upserts: count(row, 'upserts'),
    deletes: count(row, 'deletes'),
    buckets: buckets.map(integer).toSorted((left, right) => left - right),
  };
}

function count(row: JsonObject, name: string): number {
  return integer(row[name] ?? null);
}

function optionalSequence(value: JsonValue): ChangeSequence | null {
  if (value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value))
    throw notUnderstood('no place of a change');
  return sequence(value as JsonObject);
}

function sequence(row: JsonObject): ChangeSequence {
  const { _firn_epoch: epoch, _firn_seq: seq, _firn_row: index } = row;
  if (typeof seq !== 'number' && typeof seq !== 'bigint') throw notUnderstood('no seq');
  return { epoch: integer(epoch ?? null), seq: BigInt(seq), row: integer(index ?? null) };
}

function integer(value: JsonValue): number {
  if (typeof value === 'bigint') return toSafeNumber(value);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw notUnderstood('no whole number');
}

function notUnderstood(what: string): FirnError {
  return new FirnError('CLUSTER-ANSWER', { what: `Spark’s answer holds ${what}` });
}

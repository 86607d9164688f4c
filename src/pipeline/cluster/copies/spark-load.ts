/**
 * The first copy of a table by Spark (docs/spec/cluster.md E25): Spark reads the source by JDBC
 * and writes all rows as one snapshot on a branch that only this copy has; Firn counts them, looks
 * for keys that are there twice, adds its keys and moves the bootstrap's branch there. Until then
 * that branch has no row, so whatever is cut off, lost or late is begun again from nothing.
 */
import { bucketingOf } from '../../../base/base-table.ts';
import type { BranchLoad } from '../../../bootstrap/copy-parts.ts';
import {
  keysQuery,
  loadStatement,
  rangeViews,
  sameServerQuery,
} from '../../../cluster/spark/load-job.ts';
import type { LoadRun, LoadSource } from '../../../cluster/spark/load-job.ts';
import { MISFIT_MARK, loadObstacle } from '../../../cluster/spark/load-column.ts';
import type { TableRule } from '../../../config/pipeline-config.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import { stringifyJson } from '../../../kernel/lossless-json.ts';
import { uuidV7 } from '../../../kernel/identifiers.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { TableSchema } from '../../../model/table-schema.ts';
import type { ChangeSource, ForeignRead } from '../../../ports/source.ts';
import { commitState } from '../spark/branch-state.ts';
import { SparkBranch, removeDeadBranches } from '../spark/spark-branch.ts';
import type { StatementSession } from '../spark/spark-branch.ts';
import { mergeSubjectOf } from '../spark/spark-merge.ts';
import type { SparkMergeParts } from '../spark/spark-merge.ts';
import { countWork } from '../spark/spark-work.ts';
import type { SparkWork, WrittenSnapshot } from '../spark/spark-work.ts';

/** Prefix of the branches of copies; a UUIDv7 follows, so no name is used twice. */
const LOAD_BRANCH_PREFIX = 'firn_load_';

/** What a copy by Spark works with. */
export interface SparkLoadParts extends SparkMergeParts {
  readonly source: Pick<ChangeSource, 'planRead'>;
  /** How Spark reaches the source. */
  readonly reach: LoadSource;
}

/** Which table, and onto what. */
export interface SparkLoadRequest extends BranchLoad {
  readonly schema: TableSchema;
  readonly epoch: number;
  /** The pipeline's table rules. */
  readonly rules: readonly TableRule[];
  /** Rows of a range, about. */
  readonly rangeRows: number;
  readonly signal: AbortSignal;
}

/**
 * Loads all rows; gives their number.
 *
 * @throws FirnError CLUSTER-BOOTSTRAP, CLUSTER-OTHER-SERVER, SOURCE-VALUE-MISFIT,
 *   BOOTSTRAP-OTHER-SOURCE,
 *   BOOTSTRAP-RESTARTED, MERGE-BRANCH-WRONG, MERGE-COUNT-MISMATCH, and CLUSTER-… for what Spark did
 *   not do: nothing of it is on the bootstrap's branch then
 */
export async function loadOnSpark(
  parts: SparkLoadParts,
  request: SparkLoadRequest,
): Promise<number> {
  const { schema, base, rules } = request;
  const where = formatTableName(schema.table);
  const obstacle = loadObstacle(schema, rules);
  if (obstacle !== null) throw new FirnError('CLUSTER-BOOTSTRAP', { what: obstacle, where });
  await removeDeadBranches(parts, base, 'copy');
  const read = await plannedRead(parts, request);
  const { clock, random } = parts.context;
  const run: LoadRun = {
    branch: `${LOAD_BRANCH_PREFIX}${uuidV7(clock, random)}`,
    session: read.session,
    ranges: read.ranges,
  };
  const { branch: ref, state } = request;
  const branch = new SparkBranch(parts, { branch: run.branch, ref, base, state });
  try {
    const session = await branch.session();
    await proveServer(session, { reach: parts.reach, read, where });
    for (const view of rangeViews(parts.reach, schema, run)) await session.execute(view);
    return await writeRows(parts, request, { run, branch, session });
  } catch (error) {
    throw toldOf(error, schema);
  } finally {
    await branch.close();
  }
}

/** The plan of the read, at a mark that is not before the copy's beginning. */
async function plannedRead(
  { source }: SparkLoadParts,
  { schema, epoch, rangeRows, signal, state }: SparkLoadRequest,
): Promise<ForeignRead> {
  const where = formatTableName(schema.table);
  const low = state.bootstrap?.low ?? null;
  const read = await source.planRead?.({ schema, epoch, low, rangeRows, signal });
  if (read === undefined) {
    const what = 'The source cannot be read by another program';
    throw new FirnError('CLUSTER-BOOTSTRAP', { what, where });
  }
  if (compareMarks(read.mark.completeTo, state.lowMark) >= 0) return read;
  const what = 'The log of the source stands before the copy’s beginning: it is another one.';
  throw new FirnError('BOOTSTRAP-RESTARTED', { what, where });
}

/** Says in words what would otherwise end the statement: Spark reaches another server. */
async function proveServer(
  session: StatementSession,
  proof: { readonly reach: LoadSource; readonly read: ForeignRead; readonly where: string },
): Promise<void> {
  const [view, query] = sameServerQuery(proof.reach, proof.read.isSame);
  await session.execute(view);
  const [row] = await session.query(query);
  if (row?.['same'] === '1') return;
  const what =
    'Spark reaches another server of the source than this program, or one that lacks changes which this one has';
  throw new FirnError('CLUSTER-OTHER-SERVER', { what, where: proof.where });
}

async function writeRows(
  parts: SparkLoadParts,
  request: SparkLoadRequest,
  work: {
    readonly run: LoadRun;
    readonly branch: SparkBranch;
    readonly session: StatementSession;
  },
): Promise<number> {
  const { schema, base, state } = request;
  const { run, branch, session } = work;
  const subject = mergeSubjectOf(parts, { schema, base });
  const written = await branch.write(loadStatement(subject, { schema, source: parts.reach }, run));
  const done = await countWork(parts.context, written);
  refuseOther(written, done);
  const bytes = parts.context.random.bytes(4);
  const bucket = new DataView(bytes.buffer).getUint32(0) % bucketingOf(base.metadata, schema).count;
  const [found] = await session.query(keysQuery(subject, run.branch, bucket));
  const [rows, keys] = [stringifyJson(found?.['rows']), stringifyJson(found?.['keys'])];
  if (found === undefined || rows !== keys) {
    const what = `Of ${rows} rows in bucket ${bucket}, ${keys} have a key of their own.`;
    throw new FirnError('MERGE-COUNT-MISMATCH', { what, where: formatTableName(schema.table) });
  }
  const progress = present(state.bootstrap, 'progress of a bootstrap');
  const snapshotId = await commitState(parts, {
    written: written.base,
    name: run.branch,
    state: { ...state, bootstrap: { ...progress, chunksDone: true, rows: done.rowsAdded } },
  });
  await branch.publish(snapshotId);
  return done.rowsAdded;
}

/** A copy adds rows, and does nothing else. */
function refuseOther({ base }: WrittenSnapshot, done: SparkWork): void {
  const { rowsAdded, rowsMore, filesRemoved } = done;
  if (filesRemoved === 0 && rowsMore === rowsAdded) return;
  const { namespace, name } = base.identifier;
  const what = `Spark was to add rows; it has added ${rowsAdded}, and there are ${rowsMore} more.`;
  throw new FirnError('MERGE-BRANCH-WRONG', { what, where: `${namespace}.${name}` });
}

/** A failure as one of the copy: a value that ended the statement by its column's name. */
function toldOf(error: unknown, schema: TableSchema): unknown {
  if (isFirnError(error, 'MERGE-BASE-MOVED')) {
    const { what, where } = error;
    return new FirnError('BOOTSTRAP-RESTARTED', { what, ...(where !== null && { where }) });
  }
  if (!isFirnError(error, 'CLUSTER-STATEMENT')) return error;
  const place = new RegExp(`${MISFIT_MARK}(\\d+)`).exec(error.what)?.[1];
  const column = schema.columns[Number.parseInt(place ?? '', 10)];
  if (column === undefined) return error;
  return new FirnError('SOURCE-VALUE-MISFIT', {
    what: `Column ${column.sourceName}: a value is none that the lake’s type has.`,
    where: formatTableName(schema.table),
    remedy:
      'Correct the value in the source, or set cluster.bootstrap: firn, which can store NULL for it; then `firn resume`.',
  });
}

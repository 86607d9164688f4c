/**
 * Compaction of a base by Spark (docs/spec/merge.md M19), bucket by bucket: Firn chooses buckets as
 * it would for its own, Spark rewrites their files on a branch, Firn looks at what became of the
 * rows, adds its keys and moves main there. Runs as a job on the base.
 */
import { baseStateOf, headOf } from '../../../base/base-table.ts';
import { filesToCompact } from '../../../base/compact-base.ts';
import type { CompactionReport } from '../../../base/compact-base.ts';
import { compactBucket } from '../../../cluster/spark/compaction-job.ts';
import { fileKey } from '../../../iceberg/manifest.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import type { ScanFile } from '../../../iceberg/scan-file.ts';
import { MAIN_BRANCH, refSnapshot } from '../../../iceberg/snapshot.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import { uuidV7 } from '../../../kernel/identifiers.ts';
import { refuseForeignChanges } from '../../../lake/foreign-changes.ts';
import { isLive, readManifest, readManifestList } from '../../../lake/manifest-files.ts';
import { scanFiles } from '../../../lake/scan-files.ts';
import type { LoadedTable, TableIdentifier } from '../../../ports/catalog.ts';
import type { CompactRequest } from '../../../base/base-work.ts';
import { commitState } from './branch-state.ts';
import { SparkBranch, removeDeadBranches } from './spark-branch.ts';
import { mergeSubjectOf } from './spark-merge.ts';
import type { SparkMergeParts } from './spark-merge.ts';

/** Prefix of the branches of compactions; a UUIDv7 follows. */
const COMPACT_BRANCH_PREFIX = 'firn_compact_';

/** Buckets of one commit at most: what is left waits for the next round. */
const BUCKETS_MAX = 16;

/**
 * Rewrites what is worth it, at most one commit; `null` when nothing is.
 *
 * @throws FirnError MERGE-BRANCH-WRONG when Spark changed a row, MERGE-BASE-MOVED, CLUSTER-…
 */
export async function compactOnSpark(
  parts: SparkMergeParts,
  request: CompactRequest,
): Promise<CompactionReport | null> {
  const { base } = request;
  const { metadata } = base;
  await removeDeadBranches(parts, base);
  const state = baseStateOf(base);
  if (state === null) return null;
  // What others did to main is not put down to Spark, and is not rewritten in vain.
  await refuseForeignChanges(parts.context, { metadata, ref: MAIN_BRANCH, kind: 'base' });
  const before = await scanFiles(parts.context, { metadata, ref: MAIN_BRANCH });
  const groups = filesToCompact(before, metadata.defaultSpecId);
  const buckets = [...new Set(groups.map(([scan]) => scan?.file.partition[0]))]
    .filter((bucket) => typeof bucket === 'number')
    .slice(0, BUCKETS_MAX);
  if (buckets.length === 0) return null;
  const subject = mergeSubjectOf(parts, request);
  const name = `${COMPACT_BRANCH_PREFIX}${uuidV7(parts.context.clock, parts.context.random)}`;
  const branch = new SparkBranch(parts, { branch: name, ref: MAIN_BRANCH, base, state: null });
  try {
    await branch.make();
    const session = await branch.session();
    for (const bucket of buckets) {
      await session.execute(compactBucket(subject, { branch: name, bucket }));
    }
    const written = await branch.load();
    // Spark found nothing worth it after all.
    if (headOf(written.metadata, name) === headOf(metadata, MAIN_BRANCH)) return null;
    const since = present(headOf(metadata, MAIN_BRANCH), 'the head of a base with state');
    await refuseOtherRows(parts, written, { ref: name, since });
    const after = await scanFiles(parts.context, { metadata: written.metadata, ref: name });
    const removed = await danglingDeletes(parts, { written, name, files: after });
    await branch.publish(await committed(parts, { written, name, state, removed }));
    const kept = new Set(after.map(({ file }) => file.filePath));
    const filesBefore = before.filter(({ file }) => !kept.has(file.filePath)).length;
    return { filesBefore, filesAfter: filesBefore + after.length - before.length };
  } finally {
    await branch.close();
  }
}

/**
 * Whatever the pipeline file accepts of others: a compaction changes no row. Where it accepts
 * nothing, the commit that follows looks at the same snapshots.
 */
async function refuseOtherRows(
  { context }: SparkMergeParts,
  { identifier, metadata }: LoadedTable,
  branch: { readonly ref: string; readonly since: bigint },
): Promise<void> {
  if (context.foreignChanges !== 'accept') return;
  try {
    await refuseForeignChanges({ store: context.store }, { metadata, ...branch, kind: 'base' });
  } catch (error) {
    throw asWrong(error, identifier);
  }
}

/** The state on the branch; Firn's commit looks at what Spark did before it. */
async function committed(
  parts: SparkMergeParts,
  work: Parameters<typeof commitState>[1],
): Promise<bigint> {
  try {
    return await commitState(parts, work);
  } catch (error) {
    throw asWrong(error, work.written.identifier);
  }
}

/** What is said of rows that Spark changed. */
function asWrong(error: unknown, { namespace, name }: TableIdentifier): unknown {
  if (!isFirnError(error, 'MERGE-FOREIGN-CHANGE')) return error;
  const what = `A rewrite of files by Spark changed rows: ${error.what}`;
  return new FirnError('MERGE-BRANCH-WRONG', { what, where: `${namespace}.${name}`, cause: error });
}

/**
 * The position deletes of the branch that apply to no file there any more: what they were for was
 * rewritten. One for a whole partition is applied while that has a file which is not younger.
 */
async function danglingDeletes(
  { context }: SparkMergeParts,
  work: {
    readonly written: LoadedTable;
    readonly name: string;
    readonly files: readonly ScanFile[];
  },
): Promise<readonly DataFile[]> {
  const { metadata } = work.written;
  const applied = new Set(work.files.flatMap(({ deletes }) => deletes.map(fileKey)));
  const dangling: DataFile[] = [];
  const head = present(refSnapshot(metadata, work.name), 'the head of a branch');
  for (const manifest of await readManifestList(context, head)) {
    if (manifest.content !== 'deletes') continue;
    for (const entry of await readManifest(context, metadata, manifest)) {
      const { file } = entry;
      const isPosition = isLive(entry) && file.content === 'position-deletes';
      if (isPosition && !applied.has(fileKey(file))) dangling.push(file);
    }
  }
  return dangling;
}

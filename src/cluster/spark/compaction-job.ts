/**
 * Statements that rewrite a base's files on Spark without changing a row (docs/spec/merge.md M19),
 * one bucket at a time, on a branch that Firn checks and publishes as it does a merge. Expiry and
 * removal of files are Firn's own on every engine: it alone knows what its state needs.
 */
import { DELETED_SHARE_MAX, SMALL_BYTES_MAX } from '../../merge/choose-rewrites.ts';
import { bucketOf } from './merge-subject.ts';
import type { MergeSubject } from './merge-subject.ts';
import { sparkName, sparkPath, sparkText } from './spark-text.ts';

/** Larger than any file: what is large is not cut. */
const FILE_BYTES_MAX = 2 ** 40;

/** One compaction. Texts stand for values that are put in later. */
export interface CompactionRun {
  readonly branch: string;
  readonly bucket: number | string;
}

/**
 * Rewrites the files of one bucket that have deletes or are small, in the order of the key. Deletes
 * that this leaves behind are not Spark's to remove (`remove-dangling-deletes`): it would commit
 * that to main, whatever the branch (Iceberg 1.11).
 */
export function compactBucket(subject: MergeSubject, run: CompactionRun): string {
  const { base, catalogName, keys } = subject;
  const order = keys.map((name) => `${sparkName(name)} ASC NULLS FIRST`);
  return `CALL ${sparkName(catalogName)}.system.rewrite_data_files(
  table => ${sparkText(sparkPath(base.namespace, base.name))},
  branch => ${sparkText(run.branch)},
  strategy => 'sort',
  sort_order => ${sparkText(order.join(', '))},
  where => ${sparkText(`${bucketOf(subject, null)} = ${run.bucket}`)},
  options => map(
    'min-file-size-bytes', '${SMALL_BYTES_MAX}',
    'max-file-size-bytes', '${FILE_BYTES_MAX}',
    'min-input-files', '2',
    'delete-ratio-threshold', '${DELETED_SHARE_MAX}',
    'use-starting-sequence-number', 'true'
  )
)`;
}

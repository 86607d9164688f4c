/**
 * Which dead letters a copy of the table has settled (docs/spec/cluster.md E22): those of changes
 * from before its low mark, for the rows were read after it. Judged by file, from what manifests
 * say; a file with one letter that is open stays. Pure.
 */
import type { ScanFile } from '../iceberg/scan-file.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { compareMarks } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { highestMark } from './file-marks.ts';

/** Dead letters on main, and what is known of the copy. */
export interface LettersRequest {
  readonly metadata: TableMetadata;
  readonly files: readonly ScanFile[];
  /** Taken before the first row of the copy was read. */
  readonly lowMark: SequenceMark;
  /** Where the source's log ended after the newest letter was made: a letter may name no place. */
  readonly madeBefore: SequenceMark;
}

/** The files whose letters are all settled. */
export function settledFiles(request: LettersRequest): readonly ScanFile[] {
  const { metadata, lowMark, madeBefore } = request;
  const seq = currentSchema(metadata).fields.find(({ name }) => name === 'seq');
  if (seq === undefined) return [];
  const isPast = (mark: SequenceMark): boolean => compareMarks(mark, lowMark) <= 0;
  return request.files.filter((scan) => {
    const { nullValueCounts, recordCount } = scan.file;
    const unplaced = nullValueCounts?.get(seq.id) ?? null;
    if (unplaced !== 0n && !isPast(madeBefore)) return false;
    if (unplaced === recordCount) return true;
    const highest = highestMark(metadata, scan, { epoch: 'epoch', seq: 'seq' });
    return highest !== null && isPast(highest);
  });
}

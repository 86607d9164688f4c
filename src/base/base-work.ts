/** What is done to a base, whoever does it: the same rows and the same state come of it. */
import type { TableSchema } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CompactionReport } from './compact-base.ts';
import type { MergeOutcome, MergeRequest } from './merge-base.ts';

/** Which base to compact. */
export interface CompactRequest {
  readonly schema: TableSchema;
  readonly base: LoadedTable;
}

/** Work on bases. Each call runs as a job on its base. */
export interface BaseWork {
  /** As `mergeBase`. */
  merge(request: MergeRequest): Promise<MergeOutcome>;
  /** As `compactBase`. */
  compact(request: CompactRequest): Promise<CompactionReport | null>;
}

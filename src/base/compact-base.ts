/**
 * Compaction of a base (docs/spec/merge.md M19): small files and files with many deleted rows of
 * one bucket become few sorted ones. No row changes, watermark and `ledger-seen` stay.
 */
import { fileKey } from '../iceberg/manifest.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { MAIN_BRANCH } from '../iceberg/snapshot.ts';
import { partitionText } from '../iceberg/snapshot-summary.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { scanFiles } from '../lake/scan-files.ts';
import { chooseCompaction } from '../merge/choose-rewrites.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { baseStateOf, bucketingOf, mainCommit, writeTarget } from './base-table.ts';
import type { MergeParts } from './merge-base.ts';

/** What a compaction did. */
export interface CompactionReport {
  readonly filesBefore: number;
  readonly filesAfter: number;
}

/**
 * Rewrites what is worth it, at most one commit; `null` when nothing is. Runs as a job on the base.
 */
export async function compactBase(
  parts: MergeParts,
  request: { readonly schema: TableSchema; readonly base: LoadedTable },
): Promise<CompactionReport | null> {
  const { base, schema } = request;
  const { metadata } = base;
  const state = baseStateOf(base);
  if (state === null) return null;
  const files = await scanFiles(parts.context, { metadata, ref: MAIN_BRANCH });
  const added: DataFile[] = [];
  const removed: DataFile[] = [];
  let filesBefore = 0;
  for (const group of filesToCompact(files, metadata.defaultSpecId)) {
    added.push(
      ...(await parts.engine.compact({
        schema,
        target: writeTarget(metadata),
        bucketing: bucketingOf(metadata, schema),
        files: group,
      })),
    );
    removed.push(...group.map((scan) => scan.file));
    filesBefore += group.length;
  }
  if (removed.length === 0) return null;
  removed.push(...deletesOnlyFor(removed, files));
  const change = { operation: 'replace', added, removed, state } as const;
  const result = await parts.commit(mainCommit(base, change));
  if (result.kind === 'halted') throw result.error;
  // Somebody moved the base: the next round plans again, the files written now are orphans.
  if (result.kind === 'replan') return null;
  return { filesBefore, filesAfter: added.length };
}

/** Delete files that apply to nothing but these data files: only they may go with them. */
function deletesOnlyFor(
  data: readonly DataFile[],
  files: readonly ScanFile[],
): readonly DataFile[] {
  const gone = new Set(data.map((file) => file.filePath));
  const deletes = new Map<string, DataFile>();
  const needed = new Set<string>();
  for (const scan of files) {
    for (const file of scan.deletes) {
      if (gone.has(scan.file.filePath)) deletes.set(fileKey(file), file);
      else needed.add(fileKey(file));
    }
  }
  return [...deletes.values()].filter((file) => !needed.has(fileKey(file)));
}

/** Groups of files of one bucket each; only the present spec, whose buckets the engine knows. */
export function filesToCompact(
  files: readonly ScanFile[],
  specId: number,
): readonly (readonly ScanFile[])[] {
  const buckets = Map.groupBy(
    files.filter((scan) => scan.file.specId === specId),
    (scan) => partitionText(scan.file),
  );
  const groups: (readonly ScanFile[])[] = [];
  for (const bucket of buckets.values()) {
    const chosen = chooseCompaction(
      bucket.map((scan) => ({
        scan,
        path: scan.file.filePath,
        rowCount: toSafeNumber(scan.file.recordCount),
        deletedRows: scan.deletes.reduce((sum, file) => sum + toSafeNumber(file.recordCount), 0),
        sizeBytes: toSafeNumber(scan.file.fileSizeBytes),
      })),
    );
    groups.push(...chosen.map((group) => group.map(({ scan }) => scan)));
  }
  return groups;
}

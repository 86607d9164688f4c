/**
 * What other engines did to a ref since Firn's newest snapshot there (docs/spec/sharing.md X5, X6).
 * Judged by the live files before and after each of their snapshots, never by what the snapshot
 * says of itself alone. Nothing of Firn is ever committed on top of a change that was not accepted.
 */
import { fileKey } from '../iceberg/manifest.ts';
import type { ResolvedEntry } from '../iceberg/manifest.ts';
import type { ManifestFile } from '../iceberg/manifest-list.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { ancestors, findRef, findSnapshot } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import { partitionText } from '../iceberg/snapshot-summary.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { referencedFile } from './delete-index.ts';
import type { LakeContext } from './lake-context.ts';
import { isLive, readManifest, readManifestList } from './manifest-files.ts';
import { scanFiles } from './scan-files.ts';
import { stampOf } from './table-state.ts';

/** Which ref of which table, and what the table is to Firn. */
export interface ForeignRequest {
  readonly metadata: TableMetadata;
  readonly ref: string;
  readonly kind: 'ledger' | 'base';
  /** This snapshot and those before it are not looked at. Left out: Firn's newest one. */
  readonly since?: bigint;
}

/**
 * Refuses what others did to a ref, unless it is provably harmless: their snapshots left the live
 * files as they were, or, in a base, replaced files by others with as many rows. The policy can
 * accept more for bases, never for ledgers.
 *
 * @throws {FirnError} LEDGER-FOREIGN-CHANGE, MERGE-FOREIGN-CHANGE, and those of reading manifests
 */
export async function refuseForeignChanges(
  context: Pick<LakeContext, 'store' | 'foreignChanges'>,
  request: ForeignRequest,
): Promise<void> {
  const { metadata, kind } = request;
  if (kind === 'base' && context.foreignChanges === 'accept') return;
  const counts: Counts = { last: null };
  for (const snapshot of foreignSnapshots(request)) {
    const found = await foreignChange(context, { ...request, snapshot, counts });
    if (found === null) continue;
    throw new FirnError(kind === 'ledger' ? 'LEDGER-FOREIGN-CHANGE' : 'MERGE-FOREIGN-CHANGE', {
      what: `snapshot ${snapshot.snapshotId} on ${request.ref}, ${authorOf(snapshot)}, ${found}`,
      where: metadata.location,
    });
  }
}

/** Rows of the snapshot that was counted last: counting reads all manifests of a snapshot. */
interface Counts {
  last: { readonly snapshotId: bigint; readonly rows: bigint | null } | null;
}

/** Snapshots of others since Firn's newest one on the ref, oldest first. */
function foreignSnapshots({ metadata, ref, since }: ForeignRequest): readonly Snapshot[] {
  const foreign: Snapshot[] = [];
  for (const snapshot of ancestors(metadata, findRef(metadata, ref)?.snapshotId ?? null)) {
    if (stampOf(snapshot) !== null || snapshot.snapshotId === since) break;
    foreign.push(snapshot);
  }
  return foreign.toReversed();
}

/** What a snapshot changed, as the end of a sentence; `null`: nothing that matters. */
async function foreignChange(
  context: Pick<LakeContext, 'store'>,
  request: ForeignRequest & { readonly snapshot: Snapshot; readonly counts: Counts },
): Promise<string | null> {
  const { metadata, kind, snapshot, counts } = request;
  const { parentSnapshotId } = snapshot;
  const parent = parentSnapshotId === null ? null : findSnapshot(metadata, parentSnapshotId);
  if (parent === null && parentSnapshotId !== null) return 'follows a snapshot that is gone';
  const { added, removed } = await differingFiles(context, metadata, [parent, snapshot]);
  if (added === 0 && removed === 0) return null;
  const change = `added ${added} files and removed ${removed}`;
  if (kind === 'ledger' || snapshot.summary['operation'] !== 'replace') return change;
  const before = parent === null ? 0n : await rowsOf(context, { metadata, counts }, parent);
  const after = await rowsOf(context, { metadata, counts }, snapshot);
  if (before === null || after === null) {
    return `${change}; whether it kept the rows cannot be told from the manifests`;
  }
  return before === after ? null : `${change}, and ${before} rows became ${after}`;
}

/** How many live files only one of two snapshots has, or has with another age or partition. */
export async function differingFiles(
  context: Pick<LakeContext, 'store'>,
  metadata: TableMetadata,
  [parent, child]: readonly [Snapshot | null, Snapshot],
): Promise<{ readonly added: number; readonly removed: number }> {
  const before = parent === null ? [] : await readManifestList(context, parent);
  const after = await readManifestList(context, child);
  const shared = new Set(before.map(({ path }) => path));
  const kept = new Set(after.map(({ path }) => path).filter((path) => shared.has(path)));
  const filesIn = async (manifests: readonly ManifestFile[]): Promise<ReadonlySet<string>> => {
    const files = new Set<string>();
    for (const manifest of manifests) {
      // Manifests are immutable: one that both have holds the same files in both.
      if (kept.has(manifest.path)) continue;
      for (const entry of await readManifest(context, metadata, manifest)) {
        if (isLive(entry)) files.add(identityOf(entry));
      }
    }
    return files;
  };
  const [old, young] = [await filesIn(before), await filesIn(after)];
  return { added: countMissing(young, old), removed: countMissing(old, young) };
}

function countMissing(files: ReadonlySet<string>, among: ReadonlySet<string>): number {
  return [...files].filter((file) => !among.has(file)).length;
}

function identityOf({ file, dataSequenceNumber }: ResolvedEntry): string {
  return JSON.stringify([
    fileKey(file),
    file.content,
    String(dataSequenceNumber),
    partitionText(file),
  ]);
}

async function rowsOf(
  context: Pick<LakeContext, 'store'>,
  { metadata, counts }: { readonly metadata: TableMetadata; readonly counts: Counts },
  snapshot: Snapshot,
): Promise<bigint | null> {
  const { snapshotId } = snapshot;
  if (counts.last?.snapshotId !== snapshotId) {
    counts.last = { snapshotId, rows: await countRows(context, metadata, snapshot) };
  }
  return counts.last.rows;
}

/**
 * Live rows of a snapshot by its manifests alone; `null` where deletes are not for one file each,
 * because what they delete is not counted.
 */
async function countRows(
  context: Pick<LakeContext, 'store'>,
  metadata: TableMetadata,
  { snapshotId }: Snapshot,
): Promise<bigint | null> {
  const files = await scanFiles(context, { metadata, ref: '', snapshotId });
  if (!files.every(isCounted)) return null;
  return files.reduce((sum, { file, deletes }) => {
    return sum + file.recordCount - deletes.reduce((dead, one) => dead + one.recordCount, 0n);
  }, 0n);
}

function isCounted({ deletes, equalityDeletes = [] }: ScanFile): boolean {
  // Two delete files for one data file may name the same row.
  const scoped = deletes.every((file) => referencedFile(file) !== null);
  return scoped && deletes.length <= 1 && equalityDeletes.length === 0;
}

/** Who made a snapshot, as far as its summary says, for messages. */
function authorOf({ summary }: Snapshot): string {
  const operation = plain(summary['operation'] ?? 'of no operation');
  const engine = summary['engine-name'] ?? ('spark.app.id' in summary ? 'spark' : null);
  return engine === null ? `${operation} by another engine` : `${operation} by ${plain(engine)}`;
}

/** Texts of others are shown short and without anything but plain characters. */
function plain(text: string): string {
  return text.slice(0, 40).replaceAll(/[^\w .-]/g, '?');
}

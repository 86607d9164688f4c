/**
 * Which manifests become one. Every commit adds a manifest, and readers open them all, so small
 * ones are joined when enough of about the same size are there: each entry is rewritten a few times
 * in its life, whatever the number of commits. Pure.
 */
import type { ManifestFile } from '../iceberg/manifest-list.ts';
import { liveFilesCount } from './manifest-files.ts';

/** Manifests of one size, spec and content that are joined as soon as there are so many. */
const MANIFESTS_PER_TIER = 30;

/** A manifest with this many files is left alone: about 8 MB. */
const FILES_MAX = 20_000;

/** Groups of manifests to join; each group is of one spec and one content. */
export function manifestsToMerge(
  manifests: readonly ManifestFile[],
): readonly (readonly ManifestFile[])[] {
  const tiers = Map.groupBy(
    manifests.filter((manifest) => liveFilesCount(manifest) < FILES_MAX),
    (manifest) => {
      const size = Math.floor(Math.log10(Math.max(1, liveFilesCount(manifest))));
      return `${manifest.specId} ${manifest.content} ${size}`;
    },
  );
  return [...tiers.values()].filter((tier) => tier.length >= MANIFESTS_PER_TIER);
}

/**
 * Spelling of locations. Iceberg metadata of other engines names one file as `file:///a/b`,
 * `file:/a/b` or `/a/b`; inside Firn a location has one spelling, and it lies under the root.
 * Nothing is percent-decoded: no Iceberg engine does, so `%2e%2e` is a plain name.
 */
import { FirnError } from '../kernel/firn-error.ts';

/** The one spelling of locations under a root. */
export interface LocationSpace {
  /** Root without a trailing slash. */
  readonly root: string;
  /** Spells an object's location. Outside the root: STORAGE-OUTSIDE-WAREHOUSE. */
  object(location: string): string;
  /** Like `object`; the root itself is a folder too. */
  folder(location: string): string;
}

/**
 * `file:/a`, `file://localhost/a` and `/a` as `file:///a`, `s3a://` and `s3n://` (Hadoop's) as
 * `s3://`; other schemes as they are.
 */
function withOneScheme(location: string): string {
  if (location.startsWith('/')) return `file://${location}`;
  if (/^s3[an]:/i.test(location)) return `s3${location.slice(3)}`;
  const match = /^file:(?:\/\/(?:localhost)?)?(?=\/(?!\/))/i.exec(location);
  return match === null ? location : `file://${location.slice(match[0].length)}`;
}

/** Scheme with authority, and the names after it; `null` for what is not an absolute location. */
function split(location: string): { readonly base: string; readonly names: string[] } | null {
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/]*)(\/.*)?$/is.exec(withOneScheme(location));
  if (match === null) return null;
  const names = (match[2] ?? '').split('/').filter((name) => name !== '' && name !== '.');
  return { base: match[1] ?? '', names };
}

function refusal(location: string, root: string): FirnError {
  return new FirnError('STORAGE-OUTSIDE-WAREHOUSE', {
    what: `location ${JSON.stringify(location)} is not under the warehouse`,
    where: root,
  });
}

/**
 * The locations under `root`, an absolute URI or absolute path. `..` is refused, not resolved: what
 * it means depends on symbolic links. So are NUL and, outside the scheme, nothing else: any other
 * character may be part of a name.
 */
export function locationSpace(root: string): LocationSpace {
  const parsed = split(root);
  if (parsed === null || parsed.names.includes('..')) throw refusal(root, root);
  const canonicalRoot = [parsed.base, ...parsed.names].join('/');
  const spell = (location: string): string => {
    const parts = split(location);
    if (parts === null || parts.names.includes('..') || location.includes('\0')) {
      throw refusal(location, canonicalRoot);
    }
    return [parts.base, ...parts.names].join('/');
  };
  return {
    root: canonicalRoot,
    object(location) {
      const spelled = spell(location);
      if (!spelled.startsWith(`${canonicalRoot}/`)) throw refusal(location, canonicalRoot);
      return spelled;
    },
    folder(location) {
      const spelled = spell(location);
      if (spelled === canonicalRoot || spelled.startsWith(`${canonicalRoot}/`)) return spelled;
      throw refusal(location, canonicalRoot);
    },
  };
}

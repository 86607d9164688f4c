/**
 * Where a REST catalog is, and the paths of what is in it. The levels of a namespace are joined by
 * dots in Firn, as in a SQL catalog, and by the server's separator in a path. A name that a path
 * cannot carry without being read as another one is refused.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { TableIdentifier } from '../../ports/catalog.ts';
import { encodeUriPart } from '../http/signature-v4.ts';

/** A host, and the path in front of all others there. */
export interface RestAddress {
  readonly secure: boolean;
  /** For connecting. */
  readonly hostname: string;
  readonly port: number;
  /** For the header: with a port that is not the scheme's own. */
  readonly host: string;
  /** Encoded, without a slash at its end. */
  readonly path: string;
  /** All of it, for messages. */
  readonly uri: string;
}

/** The separator of levels in paths, unless the server names another. */
export const LEVEL_SEPARATOR = '\u001F';

/** The address that a URI of `http:` or `https:` names. */
export function restAddress(uri: string): RestAddress {
  const url = new URL(uri);
  const secure = url.protocol === 'https:';
  return {
    secure,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 443 : 80) : Number.parseInt(url.port, 10),
    host: url.host,
    path: url.pathname.replace(/\/+$/, ''),
    uri: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
  };
}

/** The levels of a namespace. */
export function levelsOf(namespace: string): readonly string[] {
  return namespace.split('.');
}

/** How a catalog spells paths. */
export interface RestPaths {
  /** All that a path begins with: `/v1`, or `/v1/` and the server's prefix. */
  readonly root: string;
  /** Between the levels of a namespace, not encoded. */
  readonly separator: string;
}

/** The path of a namespace. */
export function namespacePath(paths: RestPaths, namespace: string): string {
  return `${paths.root}/namespaces/${namespaceText(paths, namespace)}`;
}

/** The path of the tables of a namespace. */
export function tablesPath(paths: RestPaths, namespace: string): string {
  return `${namespacePath(paths, namespace)}/tables`;
}

/** The path of a table. */
export function tablePath(paths: RestPaths, { namespace, name }: TableIdentifier): string {
  return `${tablesPath(paths, namespace)}/${encodeUriPart(checked(name))}`;
}

/** A namespace as one part of a path. */
function namespaceText({ separator }: RestPaths, namespace: string): string {
  const levels = levelsOf(namespace);
  const text = levels.map((level) => encodeUriPart(checked(level))).join(encodeUriPart(separator));
  checked(text);
  return text;
}

/**
 * Names that are no name, or a step in a path, would lead a request elsewhere. Servers know no
 * escape for them.
 */
function checked(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && name.isWellFormed()) return name;
  throw new FirnError('CATALOG-REMOTE-NAME', {
    what: 'a REST catalog cannot be asked for an empty name, `.`, `..`, or one that is no Unicode',
    where: JSON.stringify(name),
  });
}

/** A table's name for messages. */
export function spelledTable({ namespace, name }: TableIdentifier): string {
  return JSON.stringify([namespace, name]);
}

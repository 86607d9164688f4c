/**
 * Lists in pages. A page's token is the last name of the page before, so a list that changes
 * between two pages loses and repeats nothing that stayed. Without `pageToken` a list is given
 * whole (Iceberg REST specification, `PageToken`).
 */
import { badRequest } from './rest-error.ts';

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;

/** One page. */
export interface Page {
  readonly names: readonly string[];
  /** `null` after the last page. */
  readonly nextToken: string | null;
}

/**
 * The page of `names` that a query asks for, in the order of code units.
 *
 * @throws {RestRefusal} 400
 */
export function pageOf(names: readonly string[], query: URLSearchParams): Page {
  const sorted = names.toSorted();
  const token = query.get('pageToken');
  if (token === null) return { names: sorted, nextToken: null };
  const after = Buffer.from(token, 'base64url').toString('utf8');
  const start = token === '' ? 0 : sorted.findIndex((name) => name > after);
  if (start < 0) return { names: [], nextToken: null };
  const page = sorted.slice(start, start + pageSize(query));
  const last = page.at(-1);
  const more = last !== undefined && start + page.length < sorted.length;
  return { names: page, nextToken: more ? Buffer.from(last).toString('base64url') : null };
}

function pageSize(query: URLSearchParams): number {
  const text = query.get('pageSize');
  if (text === null) return PAGE_SIZE_DEFAULT;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw badRequest('pageSize must be a number of at least 1');
  return Math.min(PAGE_SIZE_MAX, Number.parseInt(text, 10));
}

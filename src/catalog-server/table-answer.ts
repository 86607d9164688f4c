/**
 * Answers that carry a table. The metadata is sent as the bytes of its file where those are at
 * hand: what a client gets is what is stored, to the last digit.
 */
import { createHash } from 'node:crypto';
import { encodeTableMetadata } from '../iceberg/table-metadata-json.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import type { RestAnswer, RestRequest } from './rest-answer.ts';
import { badRequest } from './rest-error.ts';
import type { ServerParts } from './server-parts.ts';

/** What answers are made from. */
type AnswerParts = Pick<ServerParts, 'catalog' | 'clientConfig'>;

/** The answer to a commit: `CommitTableResponse`. */
export function committedAnswer(catalog: ServedCatalog, table: LoadedTable): RestAnswer {
  const location = JSON.stringify(table.metadataLocation);
  const body = `{"metadata-location":${location},"metadata":${catalog.metadataText(table)}}`;
  return { status: 200, body, etag: entityTag(table, 'all') };
}

/** The answer to loading, making or registering a table: `LoadTableResult`. */
export function tableAnswer(parts: AnswerParts, table: LoadedTable): RestAnswer {
  const metadata = parts.catalog.metadataText(table);
  const body = resultText(parts, { metadataLocation: table.metadataLocation, metadata });
  return { status: 200, body, etag: entityTag(table, 'all') };
}

/** The answer to a table that is planned and not made: it has no file yet. */
export function stagedAnswer(parts: AnswerParts, metadata: TableMetadata): RestAnswer {
  const body = resultText(parts, { metadataLocation: null, metadata: textOf(metadata) });
  return { status: 200, body };
}

/**
 * The answer to loading a table as `request` wants it: only the snapshots that a ref points at, or
 * nothing when the client has this very state.
 *
 * @throws {RestRefusal} 400
 */
export function loadedAnswer(
  parts: AnswerParts,
  table: LoadedTable,
  request: RestRequest,
): RestAnswer {
  const snapshots = request.query.get('snapshots') ?? 'all';
  if (snapshots !== 'all' && snapshots !== 'refs') {
    throw badRequest('snapshots must be all or refs');
  }
  const etag = entityTag(table, snapshots);
  if (isListed(request.ifNoneMatch, etag)) return { status: 304, body: null, etag };
  if (snapshots === 'all') return tableAnswer(parts, table);
  const heads = new Set(Object.values(table.metadata.refs).map((ref) => ref.snapshotId));
  const kept = table.metadata.snapshots.filter(({ snapshotId }) => heads.has(snapshotId));
  const metadata = textOf({ ...table.metadata, snapshots: kept });
  const body = resultText(parts, { metadataLocation: table.metadataLocation, metadata });
  return { status: 200, body, etag };
}

function resultText(
  { clientConfig }: AnswerParts,
  table: { readonly metadataLocation: string | null; readonly metadata: string },
): string {
  const location = JSON.stringify(table.metadataLocation);
  const config = JSON.stringify(clientConfig);
  return `{"metadata-location":${location},"metadata":${table.metadata},"config":${config}}`;
}

function textOf(metadata: TableMetadata): string {
  return Buffer.from(encodeTableMetadata(metadata)).toString('utf8');
}

/** A metadata file never changes, so its location says which state of the table this is. */
function entityTag(table: LoadedTable, snapshots: 'all' | 'refs'): string {
  const hash = createHash('sha256').update(table.metadataLocation).update(snapshots);
  return `"${hash.digest('base64url').slice(0, 27)}"`;
}

function isListed(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

/**
 * Places in the journal. A position is the id of a row and a fingerprint of its content: ids can be
 * given again after a database was restored, a row with the same time and values cannot.
 */
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { FirnError } from '../../kernel/firn-error.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import type { SourcePosition } from '../../model/source-position.ts';
import type { PositionVerdict, SourceMark } from '../../ports/source.ts';
import { LOG_TABLE } from './journal-names.ts';
import { readMeta } from './journal.ts';
import { atOneMoment, query } from './sqlite-database.ts';
import type { SqliteRow } from './sqlite-value.ts';

const TOKEN = /^(\d{1,16})-([0-9a-f]{16})$/;

/** What a position's token says. */
export interface JournalPlace {
  readonly id: number;
  readonly fingerprint: string;
}

/** Id of a source by its incarnation. */
export function sourceIdOf(incarnation: string): string {
  return `sqlite:${incarnation}`;
}

/** Reads a position's token; `null` when this source did not make it. */
export function journalPlace(position: SourcePosition): JournalPlace | null {
  const match = TOKEN.exec(position.token);
  if (match === null) return null;
  return { id: Number.parseInt(match[1] ?? '', 10), fingerprint: match[2] ?? '' };
}

/** Highest id in the journal. */
export function lastId(db: DatabaseSync): number {
  return edgeId(db, 'max');
}

/** The place of row `id`; `null` when the journal has no such row. */
export function placeAt(db: DatabaseSync, id: number): JournalPlace | null {
  const [row] = query(db, `SELECT * FROM ${LOG_TABLE} WHERE id = ?1`, BigInt(id));
  return row === undefined ? null : { id, fingerprint: fingerprintOf(row) };
}

/** The position and mark of a place. */
export function markOf(
  place: JournalPlace,
  context: { readonly sourceId: string; readonly epoch: number },
): SourceMark {
  const token = `${place.id}-${place.fingerprint}`;
  return {
    position: { sourceId: context.sourceId, partition: 'main', token },
    completeTo: { epoch: context.epoch, seq: BigInt(place.id) },
  };
}

/**
 * The mark of what a read in the same transaction sees.
 *
 * @throws {FirnError} SOURCE-NOT-PREPARED without a journal
 */
export function markNow(db: DatabaseSync, epoch: number): SourceMark {
  const meta = readMeta(db);
  const place = meta === null ? null : placeAt(db, lastId(db));
  if (meta === null || place === null) {
    throw new FirnError('SOURCE-NOT-PREPARED', {
      what: 'The database has no journal of Firn',
      where: `sqlite:${db.location() ?? ''}`,
    });
  }
  return markOf(place, { sourceId: sourceIdOf(meta.incarnation), epoch });
}

/**
 * Whether the journal up to `position` is the one that was read, and all after it is still there.
 */
export function verifyPlace(db: DatabaseSync, position: SourcePosition): PositionVerdict {
  return atOneMoment(db, () => {
    const broken = (reason: string): PositionVerdict => ({ kind: 'broken', reason });
    const meta = readMeta(db);
    if (meta === null) return broken('The database has no journal: it is a copy from before Firn.');
    if (sourceIdOf(meta.incarnation) !== position.sourceId) {
      return broken('The journal was made anew since the position was saved.');
    }
    const place = journalPlace(position);
    if (place === null) return broken('The position is not one of this source.');
    const last = lastId(db);
    if (last < place.id) {
      return broken(
        `The journal ends at ${last}, before the position ${place.id}: an older copy was restored.`,
      );
    }
    const found = placeAt(db, place.id);
    if (found === null) {
      const first = edgeId(db, 'min');
      return broken(`The journal begins at ${first}: changes after ${place.id} were removed.`);
    }
    if (found.fingerprint !== place.fingerprint) {
      return broken(`Row ${place.id} of the journal is another one: an older copy was restored.`);
    }
    return contiguity(db, { from: place.id, to: last });
  });
}

/**
 * Makes sure that a read in the same transaction sees everything up to a place. What came before it
 * may have been removed from the journal since.
 *
 * @throws {FirnError} BOOTSTRAP-OTHER-SOURCE
 */
export function assertPassed(db: DatabaseSync, position: SourcePosition): void {
  const meta = readMeta(db);
  const place = journalPlace(position);
  const isSame = meta !== null && sourceIdOf(meta.incarnation) === position.sourceId;
  if (isSame && place !== null && lastId(db) >= place.id) return;
  throw new FirnError('BOOTSTRAP-OTHER-SOURCE', {
    what: isSame
      ? 'The journal of the database ends before the low mark: it is an older copy'
      : 'The database is not the one of the low mark',
    where: `sqlite:${db.location() ?? ''}`,
  });
}

/** Ids are given without gaps, and a rolled-back one is given again: a gap is a removed row. */
function contiguity(
  db: DatabaseSync,
  range: { readonly from: number; readonly to: number },
): PositionVerdict {
  const sql = `SELECT count(*) FROM ${LOG_TABLE} WHERE id >= ?1`;
  const [row] = query(db, sql, BigInt(range.from));
  const missing = BigInt(range.to - range.from + 1) - (typeof row?.[0] === 'bigint' ? row[0] : 0n);
  if (missing === 0n) return { kind: 'valid' };
  return {
    kind: 'broken',
    reason: `${missing} rows between ${range.from} and ${range.to} were removed from the journal.`,
  };
}

function edgeId(db: DatabaseSync, edge: 'min' | 'max'): number {
  const [row] = query(db, `SELECT ${edge}(id) FROM ${LOG_TABLE}`);
  return typeof row?.[0] === 'bigint' ? toSafeNumber(row[0]) : 0;
}

/**
 * Places added to the journal later are NULL in older rows and must not change their fingerprint.
 */
function fingerprintOf(row: SqliteRow): string {
  const hash = createHash('sha256');
  const length = row.findLastIndex((value) => value !== null) + 1;
  for (const value of row.slice(0, length)) {
    if (value instanceof Uint8Array) hash.update(`b${value.length};`).update(value);
    else hash.update(`${typeof value}${String(value).length}:${String(value)};`);
  }
  return hash.digest('hex').slice(0, 16);
}

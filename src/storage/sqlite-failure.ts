/** What a failed SQLite call means to a user (sqlite.org, "Result and Error Codes"). */
import type { ErrorCode } from '../kernel/error-registry.ts';
import { FirnError } from '../kernel/firn-error.ts';

/** SQLITE_READONLY_DBMOVED: the file was moved or removed under the open connection. */
const movedCode = 1032;

const codes: Readonly<Record<number, ErrorCode>> = {
  1: 'CATALOG-CORRUPT', // SQLITE_ERROR: tables of these names with other columns
  3: 'CATALOG-CANNOT-OPEN', // SQLITE_PERM
  5: 'CATALOG-BUSY', // SQLITE_BUSY
  6: 'CATALOG-BUSY', // SQLITE_LOCKED
  8: 'CATALOG-READ-ONLY', // SQLITE_READONLY
  10: 'CATALOG-IO', // SQLITE_IOERR
  11: 'CATALOG-CORRUPT', // SQLITE_CORRUPT
  13: 'CATALOG-FULL', // SQLITE_FULL
  14: 'CATALOG-CANNOT-OPEN', // SQLITE_CANTOPEN
  26: 'CATALOG-CORRUPT', // SQLITE_NOTADB
};

function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode : null;
}

/** Whether a lock of another connection is why the call failed; trying again may succeed. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== null && codes[code & 0xff] === 'CATALOG-BUSY';
}

/**
 * What `error`, met on the catalog file `path`, means to a user. Errors that SQLite did not give
 * stay as they are.
 */
export function catalogError(error: unknown, path: string): unknown {
  const code = resultCode(error);
  if (code === null || !(error instanceof Error)) return error;
  const known = code === movedCode ? 'CATALOG-CANNOT-OPEN' : codes[code & 0xff];
  return new FirnError(known ?? 'CATALOG-IO', {
    what: `SQLite: ${error.message} (code ${code})`,
    where: path,
    cause: error,
  });
}

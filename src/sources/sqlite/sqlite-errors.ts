/** Turns what SQLite says into coded errors. Its own messages name objects, never row values. */
import { FirnError } from '../../kernel/firn-error.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';

// Primary result codes (sqlite.org, "Result and Error Codes"); the low byte of the extended ones.
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [5, 'SOURCE-BUSY'],
  [6, 'SOURCE-BUSY'],
  [8, 'SOURCE-READ-ONLY'],
  [11, 'SOURCE-DAMAGED'],
  [13, 'SOURCE-DISK-FULL'],
  [14, 'SOURCE-MISSING'],
  [26, 'SOURCE-NOT-A-DATABASE'],
]);

/** SQLite's primary result code of an error, or `null` when SQLite did not raise it. */
export function sqliteResultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** `error` as a coded error when SQLite raised it; anything else as it is. */
export function sourceError(error: unknown, where: string): unknown {
  const result = sqliteResultCode(error);
  if (result === null || !(error instanceof Error)) return error;
  const code = CODES.get(result) ?? 'SOURCE-FAILED';
  return new FirnError(code, { what: `SQLite says: ${error.message}`, where, cause: error });
}

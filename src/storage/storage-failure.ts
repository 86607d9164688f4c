/**
 * What a failed file operation means to a user: an operating system's error number becomes a coded
 * error that names the path. Anything unknown is STORAGE-IO, which stops; it is never retried,
 * because after a failed fsync nobody knows what the disk holds.
 */
import type { ErrorCode } from '../kernel/error-registry.ts';
import { FirnError } from '../kernel/firn-error.ts';

/** Largest object that is read whole unless the caller says otherwise: 512 MiB. */
export const readBytesMaxDefault = 512 * 1024 * 1024;

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'STORAGE-NOT-FOUND',
  ENOTDIR: 'STORAGE-NOT-FOUND',
  ENOSPC: 'STORAGE-FULL',
  EDQUOT: 'STORAGE-FULL',
  EROFS: 'STORAGE-READ-ONLY',
  EACCES: 'STORAGE-DENIED',
  EPERM: 'STORAGE-DENIED',
};

/** The error number's name of a failed system call (`ENOENT`), or `null` for any other error. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

/** What `error`, met at `where`, means to a user. Errors that are no failed system call stay. */
export function storageError(error: unknown, where: string): unknown {
  const name = systemCode(error);
  if (name === null || error instanceof FirnError) return error;
  const call = error instanceof Error && 'syscall' in error ? String(error.syscall) : 'access';
  const inTheWay = call === 'mkdir' && (name === 'EEXIST' || name === 'ENOTDIR');
  return new FirnError(inTheWay ? 'STORAGE-NOT-A-FOLDER' : (codes[name] ?? 'STORAGE-IO'), {
    what: `${call} failed with ${name}`,
    where,
    cause: error,
  });
}

/** The error for an object that is not there. */
export function notFound(location: string): FirnError {
  return new FirnError('STORAGE-NOT-FOUND', { what: 'there is no such object', where: location });
}

/** The error for an object that is larger than the caller wants in memory. */
export function tooLarge(detail: {
  readonly location: string;
  readonly sizeBytes: number;
  readonly bytesMax: number;
}): FirnError {
  return new FirnError('STORAGE-TOO-LARGE', {
    what: `object of ${detail.sizeBytes} bytes, allowed are ${detail.bytesMax}`,
    where: detail.location,
  });
}

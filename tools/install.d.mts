/** Types of `install.mjs`, for its tests. */
import type { LockFile } from './lock.ts';

/** The system a package must suit; `libc` is `null` where that makes no difference. */
export interface Machine {
  readonly os: string;
  readonly cpu: string;
  readonly libc: 'glibc' | 'musl' | null;
}

export function missingPackages(
  lock: LockFile,
  installed: LockFile | null,
  machine: Machine,
  development: boolean,
): string[];

export function hasDevelopment(lock: LockFile, installed: LockFile | null): boolean;

/**
 * The one class of operating errors. Code and disposition come from the registry, so an error
 * cannot claim a behaviour that its code does not have. Messages never hold row values or secrets.
 */
import { ERROR_REGISTRY } from './error-registry.ts';
import type { ErrorCode } from './error-registry.ts';
import type { Disposition } from './error-spec.ts';

/** What the thrower knows. */
export interface ErrorDetail {
  /** What failed and what was expected: one or two sentences, no row values, no secrets. */
  readonly what: string;
  /** On what: table, file with line, position, path. */
  readonly where?: string;
  /** What to do next, where the registry's remedy can be made more exact. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** An operating error a user can meet. */
export class FirnError extends Error {
  override readonly name = 'FirnError';
  readonly code: ErrorCode;
  readonly disposition: Disposition;
  readonly what: string;
  readonly where: string | null;
  readonly remedy: string;

  constructor(code: ErrorCode, detail: ErrorDetail) {
    const spec = ERROR_REGISTRY[code];
    const place = detail.where === undefined ? '' : ` (${detail.where})`;
    super(
      `${code}: ${detail.what}${place}`,
      detail.cause === undefined ? {} : { cause: detail.cause },
    );
    this.code = code;
    this.disposition = spec.disposition;
    this.what = detail.what;
    this.where = detail.where ?? null;
    this.remedy = detail.remedy ?? spec.remedy;
  }
}

/** Whether `error` is a {@link FirnError}, with one of `codes` when any are given. */
export function isFirnError(error: unknown, ...codes: readonly ErrorCode[]): error is FirnError {
  return error instanceof FirnError && (codes.length === 0 || codes.includes(error.code));
}

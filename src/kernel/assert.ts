/**
 * Checks for programmer errors. They stay on in production: a broken invariant must stop the
 * process before it can reach a table. Operating errors (a missing file, a refused connection) are
 * never asserted; they are `FirnError`s.
 */

/** A broken invariant inside Firn. Never caught to be retried. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Throws when `condition` does not hold.
 *
 * @param message a sentence with the values that broke the invariant, never row values
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Returns `value`, which the caller knows to be present. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionError(`${what} must be present`);
  return value;
}

/** Ends an exhaustive `switch`: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionError(`unexpected variant ${JSON.stringify(value)}`);
}

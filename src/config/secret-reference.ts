/** Where a secret is kept. A pipeline file never holds one, only the way to it. */

/** Read only where the secret is used, and kept in memory only. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

/**
 * Reads a secret where it is kept.
 *
 * @throws {FirnError} CONFIG-SECRET-MISSING
 */
export type SecretReader = (reference: SecretReference) => Promise<string>;

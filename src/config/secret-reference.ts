/** Where a secret is kept. A pipeline file never holds one, only the way to it. */

/** Read only where the secret is used, and kept in memory only. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

/**
 * The part of a catalog that differs between kinds: a small table from names to metadata locations
 * that is changed by compare-and-swap. All else is the same for all (`pointer-catalog.ts`).
 */
import type { TableIdentifier } from '../ports/catalog.ts';

/** Moves one table from the metadata it was read with to its successor. */
export interface PointerSwap {
  readonly identifier: TableIdentifier;
  /** `null`: the table was not there, and is made; lost when the name is taken now. */
  readonly from: string | null;
  readonly to: string;
}

/**
 * - `swapped`: all pointers moved, durably.
 * - `lost`: none moved, because `identifier` no longer pointed to its `from` (or is gone).
 * - `unknown`: the transaction's end failed; all moved or none did.
 */
export type SwapOutcome =
  | { readonly kind: 'swapped' }
  | { readonly kind: 'lost'; readonly identifier: TableIdentifier }
  | { readonly kind: 'unknown'; readonly cause: unknown };

/** Answer of an insert; only `inserted` changed anything. */
export type InsertOutcome =
  | { readonly kind: 'inserted' }
  | { readonly kind: 'taken' }
  | { readonly kind: 'no-namespace' }
  | { readonly kind: 'unknown'; readonly cause: unknown };

/**
 * Names and the metadata locations they point to. Every call is one transaction. A call that throws
 * has changed nothing, for certain; what is not certain is answered with `unknown`.
 */
export interface MetadataPointers {
  /** Random id, the same for every process that opens these pointers. */
  catalogId(): Promise<string>;
  addNamespace(namespace: string): Promise<void>;
  namespaces(): Promise<readonly string[]>;
  /** Names of the tables of a namespace. */
  tables(namespace: string): Promise<readonly string[]>;
  /** Where the table's current metadata lies; `null` when there is no such table. */
  find(identifier: TableIdentifier): Promise<string | null>;
  insert(identifier: TableIdentifier, location: string): Promise<InsertOutcome>;
  /** Moves all or none. A namespace that is not there: CATALOG-NAMESPACE-MISSING. */
  swap(swaps: readonly PointerSwap[]): Promise<SwapOutcome>;
  remove(identifier: TableIdentifier): Promise<void>;
  close(): Promise<void>;
}

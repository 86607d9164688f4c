/**
 * Where to resume reading a source. Opaque outside its source: two positions may be incomparable
 * (two sets of transaction ids), so everything that needs an order uses sequences instead.
 */

import { parseJson } from '../kernel/lossless-json.ts';

/** A place to resume reading one partition of a source; valid only at a transaction's commit. */
export interface SourcePosition {
  /** Id of the source, as `ChangeSource.identify` gave it. */
  readonly sourceId: string;
  /** Source partition; sources with a single log use `main`. */
  readonly partition: string;
  /** Canonical text: equal positions have equal text. At most 64 KiB. */
  readonly token: string;
}

/** One line of JSON, the form kept in snapshot summaries and state files. */
export function formatPosition(position: SourcePosition): string {
  return JSON.stringify([position.sourceId, position.partition, position.token]);
}

/** Reads {@link formatPosition}'s text; `null` when it is not one. */
export function parsePosition(text: string): SourcePosition | null {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    // Not JSON: the caller reports which state held it.
    return null;
  }
  if (!Array.isArray(value) || value.length !== 3) return null;
  const [sourceId, partition, token] = value as readonly unknown[];
  if (typeof sourceId !== 'string' || typeof partition !== 'string') return null;
  return typeof token === 'string' ? { sourceId, partition, token } : null;
}

/** What reads one value, out of a row image or out of a text result set. */
import type { ColumnBuilder } from '../model/column-builder.ts';

/**
 * Appends exactly one value, which is not NULL, to `builder`, or throws and appends nothing.
 *
 * @param view over the same memory as `bytes`, with the same offsets
 * @param at first byte of the value itself, behind any length
 * @param end behind its last byte
 * @throws {FirnError} VALUE-DAMAGED, SOURCE-VALUE-MISFIT
 */
export type ValueReader = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  builder: ColumnBuilder,
) => void;

/** Takes the bytes of a value as they are. */
export const appendRun: ValueReader = (bytes, _view, at, end, builder) =>
  builder.appendRun(bytes, at, end);

/** Sets of byte ranges: sorted, without overlap, without empty ones. */
import type { ByteRange } from '../../ports/object-store.ts';

/** Bytes between two wanted ranges that are fetched along: cheaper than one more request. */
const gapBytesMax = 64 * 1024;

/** The bytes of both. */
export function unite(
  left: readonly ByteRange[],
  right: readonly ByteRange[],
): readonly ByteRange[] {
  return joinNear([...left, ...right], 0);
}

/** The bytes of `wanted` that are not in `have`. */
export function missing(
  wanted: readonly ByteRange[],
  have: readonly ByteRange[],
): readonly ByteRange[] {
  let left = unite(wanted, []);
  for (const { start, end } of have) {
    left = left.flatMap((range) => [
      { start: range.start, end: Math.min(range.end, start) },
      { start: Math.max(range.start, end), end: range.end },
    ]);
    left = left.filter((range) => range.start < range.end);
  }
  return left;
}

/** Requests that bring these bytes: near ranges together, and none longer than `bytesMax`. */
export function requestsFor(ranges: readonly ByteRange[], bytesMax: number): readonly ByteRange[] {
  return joinNear(ranges, gapBytesMax).flatMap(({ start, end }) =>
    Array.from({ length: Math.ceil((end - start) / bytesMax) }, (_, index) => ({
      start: start + index * bytesMax,
      end: Math.min(end, start + (index + 1) * bytesMax),
    })),
  );
}

/** How many bytes they are. */
export function countBytes(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

function joinNear(ranges: readonly ByteRange[], gap: number): readonly ByteRange[] {
  const joined: { start: number; end: number }[] = [];
  const sorted = ranges
    .filter(({ start, end }) => start < end)
    .toSorted((left, right) => left.start - right.start);
  for (const { start, end } of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && start - last.end <= gap) last.end = Math.max(last.end, end);
    else joined.push({ start, end });
  }
  return joined;
}

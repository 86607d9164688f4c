/** The name a mistyped one was meant to be. */

/** Edits that turn `left` into `right`: letters added, left out, replaced, swapped. */
function distance(left: string, right: string): number {
  let beforeLast: readonly number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      const at = (cells: readonly number[], index: number): number => cells[index] ?? Infinity;
      const cell = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current.push(swapped ? Math.min(cell, at(beforeLast, column - 2) + 1) : cell);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? Infinity;
}

/**
 * The nearest of `names` to `name` without regard to case, or `null` when none is near: at most a
 * third of its letters may differ.
 */
export function nearestName(name: string, names: readonly string[]): string | null {
  if (name.length > 64) return null;
  const ranked = names
    .map((candidate) => ({
      candidate,
      edits: distance(name.toLowerCase(), candidate.toLowerCase()),
    }))
    .toSorted((left, right) => left.edits - right.edits);
  const best = ranked[0];
  if (best === undefined) return null;
  return best.edits <= Math.max(1, Math.floor(best.candidate.length / 3)) ? best.candidate : null;
}

/**
 * Works on many things a few at a time. Nothing is left running when the answer is there, so a
 * failure is the caller's to throw once everything that was begun has ended.
 */

/** What became of each item, in order; at most `max` are worked on at the same time. */
export async function inParallel<T, R>(
  items: readonly T[],
  max: number,
  work: (item: T) => Promise<R>,
): Promise<readonly PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    // All workers take from the one queue.
    for (const [index, item] of queue) {
      [results[index]] = await Promise.allSettled([work(item)]);
    }
  };
  await Promise.all(Array.from({ length: max }, worker));
  return results;
}

/**
 * The value of a result.
 *
 * @throws what the work threw
 */
export function valueOf<R>(result: PromiseSettledResult<R>): R {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

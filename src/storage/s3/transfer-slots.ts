/**
 * How many pieces of objects are on their way at once, in both directions and whoever asks: each
 * lies in memory, so this bounds the memory of all transfers together.
 */

/** Bytes of one piece of a large object: the smallest part that S3 takes is 5 MiB. */
export const pieceBytes = 8 * 1024 * 1024;

const slotsMax = 6;

/** Slots of one store. */
export class TransferSlots {
  #free = slotsMax;
  readonly #waiting: (() => void)[] = [];

  /** Runs a transfer of one piece when there is room. A transfer must not ask for a slot itself. */
  async run<T>(transfer: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await transfer();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  /**
   * Runs the transfers of one object, a few at a time. After a failure no further one begins, and
   * none is under way when the failure is thrown.
   */
  async all<Item>(items: readonly Item[], transfer: (item: Item) => Promise<void>): Promise<void> {
    const left = [...items];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const item = next;
        await this.run(() => transfer(item)).catch((error: unknown) => {
          left.length = 0;
          throw error;
        });
      }
    };
    const results = await Promise.allSettled(Array.from({ length: slotsMax }, work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

/**
 * Reads an iterable ahead of its consumer, up to a weight: what is behind it works while the
 * consumer is busy with something else.
 */

/** An iterable that is being read ahead. */
export class Prefetch<T> implements AsyncIterable<T> {
  readonly #source: AsyncIterator<T>;
  readonly #weigh: (item: T) => number;
  readonly #weightMax: number;
  readonly #pump: Promise<void>;
  #items: T[] = [];
  #weight = 0;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;
  #wake: (() => void) | null = null;

  /** Begins at once. At least one item is read ahead, however heavy it is. */
  constructor(
    source: AsyncIterable<T>,
    options: { readonly weigh: (item: T) => number; readonly weightMax: number },
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#weigh = options.weigh;
    this.#weightMax = options.weightMax;
    this.#pump = this.#run();
  }

  /** The items in order, then what the source threw. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#weight -= this.#weigh(item);
        this.#wakeUp();
        yield item;
        continue;
      }
      if (this.#failure !== null) throw this.#failure.error;
      if (this.#ended) return;
      await this.#sleep();
    }
  }

  /** Reads no further; resolves when the source has let go. */
  async stop(): Promise<void> {
    this.#ended = true;
    this.#items = [];
    this.#wakeUp();
    await this.#pump;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#ended) {
        if (this.#items.length > 0 && this.#weight >= this.#weightMax) {
          await this.#sleep();
          continue;
        }
        const next = await this.#source.next();
        if (next.done === true) break;
        this.#items.push(next.value);
        this.#weight += this.#weigh(next.value);
        this.#wakeUp();
      }
      await this.#source.return?.();
    } catch (error) {
      this.#failure = { error };
    }
    this.#ended = true;
    this.#wakeUp();
  }

  /** Both sides never sleep at once: one waits for items, the other for room. */
  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

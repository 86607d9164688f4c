/**
 * One fault at one operation, for sweeps over all of them: run once without a fault and see
 * `operations`, then run again for each number with each fault that fits. Store and catalog of one
 * simulated process share one plan, so their operations are numbered together and die together.
 */
import { unreachable } from '../../src/kernel/assert.ts';

/** The simulated process is dead: thrown by the operation of the crash and every later one. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

/**
 * What happens at the chosen operation:
 * - `crash-before`, `crash-after`: the process dies before or after the operation's effect.
 * - `answer-lost`: the effect is done; the caller gets `unknown`, or an error that leaves it open.
 * - `answer-late`: the caller gets the same, but the effect comes only `operations` (default 1)
 *   operations later, or when `settle` is called. Only commits and creations of tables.
 * - `crash-late`: the process dies, and the effect comes when `settle` is called. Only the same.
 * - `conflict`: a commit answers `conflict` without an effect.
 * - `foreign`: `act`, a commit of somebody else, comes first; then the operation goes on.
 */
export type Fault =
  | { readonly kind: 'crash-before' }
  | { readonly kind: 'crash-after' }
  | { readonly kind: 'answer-lost' }
  | { readonly kind: 'answer-late'; readonly operations?: number }
  | { readonly kind: 'crash-late' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'foreign'; readonly act: () => Promise<void> };

/** One operation as the plan saw it. */
export interface Operation {
  /** `store.write`, `catalog.commit`... */
  readonly name: string;
  /** Whether it changes anything; a crash before and after one that does not is the same. */
  readonly effect: boolean;
}

/** An operation that a plan may disturb. */
export interface PlannedOperation<T> extends Operation {
  readonly act: () => Promise<T>;
  /** Gives, or throws, what the caller of an unanswered operation gets. */
  readonly unanswered: () => T;
  /** Gives the answer of a conflict; absent where there is none. */
  readonly conflict?: () => T;
  /** The effect when it comes after the answer; absent where it cannot. */
  readonly actLate?: () => Promise<unknown>;
}

/** One fault, where it strikes, and what happened so far. */
export class FaultPlan {
  /** All operations so far, the first one has number 0. */
  readonly operations: Operation[] = [];
  /** Called before each operation with its number. */
  onOperation: ((number: number) => Promise<void>) | null = null;
  readonly #at: number;
  readonly #fault: Fault;
  #fired = false;
  #crashed = false;
  #late: { readonly due: number; readonly act: () => Promise<unknown> } | null = null;

  /** @param at number of the operation; one that never comes: no fault */
  constructor(at: number, fault: Fault) {
    this.#at = at;
    this.#fault = fault;
  }

  /** Whether the fault happened. It does not where it does not fit the operation. */
  get fired(): boolean {
    return this.#fired;
  }

  /** Whether the simulated process is dead. */
  get crashed(): boolean {
    return this.#crashed;
  }

  /** Brings about the effect of a late operation, if one is still to come. */
  async settle(): Promise<void> {
    const late = this.#late;
    this.#late = null;
    // Whatever it answers now, nobody waits for it any more.
    await late?.act().catch(() => {});
  }

  /** Throws when the process is dead. */
  checkAlive(): void {
    if (this.#crashed) throw new SimulatedCrash('the process is dead');
  }

  /** Runs the next operation, with the fault if it is the one. */
  async run<T>(operation: PlannedOperation<T>): Promise<T> {
    this.checkAlive();
    const number = this.operations.length;
    this.operations.push({ name: operation.name, effect: operation.effect });
    if (this.#late !== null && this.#late.due <= number) await this.settle();
    await this.onOperation?.(number);
    return number === this.#at ? this.#disturb(operation, number) : operation.act();
  }

  async #disturb<T>(operation: PlannedOperation<T>, number: number): Promise<T> {
    const fault = this.#fault;
    const { act, actLate, unanswered, conflict } = operation;
    switch (fault.kind) {
      case 'crash-before':
        return this.#crash(operation);
      case 'crash-after':
        await act();
        return this.#crash(operation);
      case 'answer-lost':
        this.#fired = true;
        await act();
        return unanswered();
      case 'answer-late':
        if (actLate === undefined) return act();
        this.#fired = true;
        this.#late = { due: number + (fault.operations ?? 1), act: actLate };
        return unanswered();
      case 'crash-late':
        if (actLate === undefined) return act();
        this.#late = { due: Infinity, act: actLate };
        return this.#crash(operation);
      case 'conflict':
        if (conflict === undefined) return act();
        this.#fired = true;
        return conflict();
      case 'foreign':
        this.#fired = true;
        await fault.act();
        return act();
      default:
        return unreachable(fault);
    }
  }

  #crash(operation: Operation): never {
    this.#fired = true;
    this.#crashed = true;
    throw new SimulatedCrash(`crash at ${operation.name}`);
  }
}

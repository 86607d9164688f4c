/**
 * Any number of processes that share a table's chunks, in any interleaving of claims, commits,
 * commits that arrive late or whose answer is lost, expiries and deaths: every row is committed
 * once.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { present } from '../kernel/assert.ts';
import { newProgress } from '../model/bootstrap-progress.ts';
import type { BootstrapProgress, ChunkClaim } from '../model/bootstrap-progress.ts';
import {
  ClaimWatch,
  advance,
  chooseChunk,
  claimNext,
  giveBack,
  readersOf,
  shareRest,
  takeOver,
} from './chunk-claims.ts';
import type { ChunkReader, Claimed } from './chunk-claims.ts';

const low = { sourceId: 's', partition: 'main', token: 't' };

function begun(cursor: string | null): BootstrapProgress {
  return shareRest({ ...newProgress({ schemaVersion: 1, low }), cursor, isAsked: true });
}

/** Keys are numbers; a cursor is one as text. */
const keyOf = (cursor: string | null, none: number): number =>
  cursor === null ? none : Number.parseInt(cursor, 10);

/** A commit on its way: applied only on the version that it was planned on. */
interface Commit {
  readonly version: number;
  readonly next: BootstrapProgress;
  readonly rows: readonly number[];
}

/** The branch: one state, changed by compare-and-swap. */
class Branch {
  version = 0;
  progress: BootstrapProgress;
  readonly rows: number[] = [];
  readonly late: Commit[] = [];

  constructor(progress: BootstrapProgress) {
    this.progress = progress;
  }

  apply({ version, next, rows }: Commit): boolean {
    if (version !== this.version) return false;
    this.version++;
    this.progress = next;
    this.rows.push(...rows);
    return true;
  }
}

/** What a step of the schedule says; each number is taken modulo what there is. */
interface Step {
  readonly worker: number;
  readonly act: 'work' | 'stale' | 'die' | 'expire' | 'give-back' | 'late';
  /** `doubted`: it was made, and is planned once more all the same. */
  readonly answer: 'given' | 'lost' | 'late' | 'doubted';
  readonly size: number;
}

/** One process: what it saw last, and the claim it believes to have. */
class Worker {
  readonly #branch: Branch;
  readonly #count: number;
  reader: ChunkReader;
  claim: ChunkClaim | null = null;
  #seen: { readonly version: number; readonly progress: BootstrapProgress };
  expired = false;
  /** What it is about to claim: others may do something first. */
  #intent: ((now: BootstrapProgress) => Claimed | null) | null = null;

  constructor(branch: Branch, reader: ChunkReader, count: number) {
    this.#branch = branch;
    this.#count = count;
    this.reader = reader;
    this.#seen = branch;
  }

  look(): void {
    this.#seen = { version: this.#branch.version, progress: this.#branch.progress };
  }

  die(name: string): void {
    this.reader = { ...this.reader, holder: name };
    this.claim = null;
    this.#intent = null;
  }

  leave(step: Step): void {
    if (this.claim === null) return;
    const next = giveBack(this.#seen.progress, this.claim);
    this.claim = null;
    if (next !== null) this.#commit({ next, rows: [] }, step);
  }

  work(step: Step): void {
    const { progress } = this.#seen;
    if (progress.chunksDone) return;
    const shared = present(progress.shared, 'a shared copy');
    if (this.claim !== null) this.#read(this.claim, step);
    else if (this.#intent === null) this.#choose(shared, step);
    else this.#take(step);
  }

  #choose(shared: NonNullable<BootstrapProgress['shared']>, step: Step): void {
    const { reader } = this;
    const choice = chooseChunk(shared, reader, () => this.expired);
    this.expired = false;
    if (choice.kind === 'take-over') {
      this.#intent = (now) => takeOver(now, reader, choice.claim);
    } else if (choice.kind === 'claim') {
      const border = keyOf(choice.after, 0) + step.size;
      const upTo = border >= this.#count ? null : `${border}`;
      this.#intent = (now) => claimNext(now, reader, { after: choice.after, upTo });
    }
  }

  #take(step: Step): void {
    const claimed = this.#intent?.(this.#seen.progress) ?? null;
    this.#intent = null;
    if (claimed === null) return;
    const isKnown = this.#commit({ next: claimed.progress, rows: [] }, step);
    this.claim = isKnown ? claimed.claim : null;
  }

  #read(claim: ChunkClaim, step: Step): void {
    const from = keyOf(claim.after, 0);
    const end = keyOf(claim.upTo, this.#count);
    const to = Math.min(end, from + step.size);
    const cursor = to >= end ? null : `${to}`;
    const rows = Array.from({ length: to - from }, (_, index) => from + index + 1);
    const next = advance(this.#seen.progress, claim, { cursor, rows: rows.length });
    if (next === null) {
      this.claim = null;
      return;
    }
    const isKnown = this.#commit({ next, rows }, step);
    if (isKnown) this.claim = cursor === null ? null : { ...claim, after: cursor };
    // Whether it was made is not known, or somebody was faster: the state says.
    else if (step.answer !== 'doubted') this.claim = null;
  }

  /** Whether this process knows that the commit was made. */
  #commit(change: Omit<Commit, 'version'>, { answer }: Step): boolean {
    const commit = { ...change, version: this.#seen.version };
    if (answer === 'late') {
      this.#branch.late.push(commit);
      return false;
    }
    return this.#branch.apply(commit) && answer === 'given';
  }
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  worker: fc.nat(3),
  act: fc.constantFrom('work', 'work', 'stale', 'die', 'expire', 'give-back', 'late'),
  answer: fc.constantFrom('given', 'given', 'given', 'lost', 'late', 'doubted'),
  size: fc.integer({ min: 1, max: 7 }),
});

function play(branch: Branch, workers: readonly Worker[], step: Step, number: number): void {
  const worker = present(workers[step.worker], 'a worker');
  // One that is stale plans on what it saw earlier.
  if (step.act !== 'stale') worker.look();
  if (step.act === 'die') worker.die(`${worker.reader.holder}+${number}`);
  else if (step.act === 'expire') worker.expired = true;
  else if (step.act === 'give-back') worker.leave(step);
  else if (step.act === 'late') {
    const commit = branch.late.shift();
    if (commit !== undefined) branch.apply(commit);
  } else worker.work(step);
}

test('spec: B14, B15, B16 — whatever processes do, every row is committed once', () => {
  fc.assert(
    fc.property(
      fc.nat(40),
      fc.nat(10),
      fc.array(anyStep, { maxLength: 120, size: 'max' }),
      (count, done, steps) => {
        const start = Math.min(done, count);
        const branch = new Branch(begun(start === 0 ? null : `${start}`));
        const workers = [0, 1, 2, 3].map((index) => {
          return new Worker(branch, { holder: `w${index}`, isOwner: index === 0 }, count);
        });
        for (const [number, step] of steps.entries()) {
          play(branch, workers, step, number);
          assertDisjoint(branch, start, count);
        }
        // One that lives on finishes whatever the others left.
        const last = present(workers[0], 'the owner');
        for (let round = 0; !branch.progress.chunksDone; round++) {
          ok(round < 500, 'a process alone comes to an end');
          last.look();
          last.expired = true;
          last.work({ worker: 0, act: 'work', answer: 'given', size: 5 });
        }
        for (const commit of branch.late) branch.apply(commit);
        const all = Array.from({ length: count - start }, (_, index) => start + index + 1);
        deepEqual(
          branch.rows.toSorted((left, right) => left - right),
          all,
        );
        equal(branch.progress.rows, all.length);
      },
    ),
    { numRuns: 200 },
  );
});

/** Rows that are in, claimed ranges and the rest are the table, with nothing twice. */
function assertDisjoint({ progress, rows }: Branch, start: number, count: number): void {
  const keys = [...rows];
  const { shared } = progress;
  const add = (after: string | null, upTo: string | null): void => {
    for (let key = keyOf(after, 0) + 1; key <= keyOf(upTo, count); key++) keys.push(key);
  };
  for (const { after, upTo } of shared?.claims ?? []) add(after, upTo);
  if (shared?.isOpen === true) add(shared.next, null);
  const all = Array.from({ length: count - start }, (_, index) => start + index + 1);
  deepEqual(
    keys.toSorted((left, right) => left - right),
    all,
  );
}

test('a state stays small: so many claims at a time, and so much text', () => {
  const reader = { holder: 'w', isOwner: false };
  const claimAll = (key: (index: number) => string): number => {
    let progress = begun(null);
    for (let count = 0; ; count++) {
      const after = progress.shared?.next ?? null;
      const next = claimNext(progress, reader, { after, upTo: key(count) });
      if (next === null) return count;
      ({ progress } = next);
    }
  };
  equal(claimAll(String), 64);
  ok(claimAll((index) => `${index}${'x'.repeat(6000)}`) < 10);
});

test('spec: B16 a claim is expired by the clock of who looks, once it was seen unchanged so long', () => {
  const watch = new ClaimWatch(100);
  const first = present(
    claimNext(begun(null), { holder: 'w', isOwner: false }, { after: null, upTo: '9' }),
    'a claim',
  );
  const shared = present(first.progress.shared, 'a shared copy');
  equal(readersOf(first.progress), 1);
  equal(watch.isExpired(first.claim, 1000), false);
  watch.see(shared, 1000);
  equal(watch.isExpired(first.claim, 1099), false);
  watch.see(shared, 1099);
  equal(watch.isExpired(first.claim, 1100), true);
  const moved = present(
    advance(first.progress, first.claim, { cursor: '4', rows: 4 })?.shared,
    'a moved claim',
  );
  watch.see(moved, 1100);
  equal(watch.isExpired(first.claim, 1150), false);
});

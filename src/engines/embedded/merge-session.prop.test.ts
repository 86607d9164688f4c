/** For random histories, base = fold of the changes, whatever the merges. spec: M1 */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { openLake } from '../../../test/embedded/mini-lake.ts';
import { tableSchema } from '../../../test/embedded/rows.ts';
import type { Change } from '../../../test/embedded/rows.ts';

const SCHEMA = tableSchema({ id: 'string', part: 'int', name: 'string' }, { keys: 2 });
const KEYS = ['', 'a', 'A', 'é', '😀', 'a key that is longer than twelve bytes'];
const STEPS = 30;

/** Numbers below `bound`, repeatable. */
function dice(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.trunc((state / 2 ** 32) * bound);
  };
}

/** A source with its rows, that says every change and sometimes says one again. */
class SimulatedSource {
  readonly rows = new Map<string, string>();
  readonly said: Change[] = [];
  #seq = 0;
  readonly #roll: (bound: number) => number;

  constructor(roll: (bound: number) => number) {
    this.#roll = roll;
  }

  get seq(): number {
    return this.#seq;
  }

  /** One transaction. */
  change(): readonly Change[] {
    const seq = ++this.#seq;
    if (this.#roll(25) === 0) {
      this.rows.clear();
      return this.#say([{ op: 't', seq, row: 1 }]);
    }
    const changes: Change[] = [];
    for (let index = 0; index <= this.#roll(3); index++) {
      const [id, part] = [KEYS[this.#roll(KEYS.length)] ?? '', this.#roll(3)];
      const key = JSON.stringify([id, part]);
      const name = `v${seq}.${index}`;
      if (this.rows.has(key) && this.#roll(3) === 0) {
        this.rows.delete(key);
        changes.push({ op: 'd', seq, row: 2 * index, values: [id, part, null] });
      } else {
        const op = this.rows.has(key) ? 'u' : 'c';
        this.rows.set(key, name);
        changes.push({ op, seq, row: 2 * index + 1, values: [id, part, name] });
      }
    }
    return this.#say(changes);
  }

  /** A row as it is now, stamped with the place of now. */
  reread(): Change {
    const [id, part] = [KEYS[this.#roll(KEYS.length)] ?? '', this.#roll(3)];
    const name = this.rows.get(JSON.stringify([id, part])) ?? null;
    const op = name === null ? 'd' : 'r';
    return { op, seq: this.#seq, row: REREAD_ROW, values: [id, part, name] };
  }

  #say(changes: readonly Change[]): readonly Change[] {
    this.said.push(...changes);
    return changes;
  }
}

for (const [seed, buckets] of [
  [1, 3],
  [2, 1],
] as const) {
  test(`base equals source after every merge, seed ${seed}, buckets: ${buckets}`, async (t) => {
    const roll = dice(seed);
    const lake = await openLake(t, SCHEMA, { buckets });
    const source = new SimulatedSource(roll);
    let from = 0;
    let seen = 0n;
    let held: Change | null = null;
    for (let step = 0; step < STEPS; step++) {
      const changes = [...source.change()];
      if (roll(4) === 0) changes.push(...source.said.slice(-1 - roll(6), -changes.length));
      held ??= roll(3) === 0 ? source.reread() : null;
      if (held !== null && roll(3) === 0) {
        changes.push(held);
        held = null;
      }
      const appended = await lake.append(changes);
      if (roll(4) !== 0) continue;
      const marks = {
        from: { epoch: 1, seq: BigInt(from) },
        to: { epoch: 1, seq: BigInt(source.seq) },
      };
      const rewriteShare = roll(2) === 0 ? 0.3 : 2;
      // Every other time each file's rows are sorted by themselves.
      const sorting = roll(2) === 0 ? { sortBytesMax: 1 } : {};
      await lake.merge({ ...marks, seen, rewriteShare, ...sorting });
      [from, seen] = [source.seq, appended];
      const expected = [...source.rows].map(([key, name]) => {
        return JSON.stringify([...(JSON.parse(key) as unknown[]), name]);
      });
      deepEqual(await lake.rows(), expected.toSorted(), `after step ${step}`);
    }
  });
}

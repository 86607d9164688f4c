/** Any fault at any request of an S3 object store, by a seeded plan. */
import { ok } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import type { S3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import { errorBody } from '../support/fault-proxy.ts';
import type { Fault } from '../support/fault-proxy.ts';
import type { WithProxy } from '../support/s3-proxied.ts';

const FAULTS: readonly Fault[] = [
  { kind: 'answer', status: 503, body: errorBody('SlowDown') },
  { kind: 'refused', status: 500, body: errorBody('InternalError') },
  { kind: 'lost' },
  { kind: 'reset' },
  { kind: 'cut' },
  { kind: 'answer', status: 500, body: '' },
];

/** Any fault at any time, by a seeded plan: state is what the last good write says. */
export function s3FaultSwarm(withProxy: WithProxy): void {
  withProxy('whatever fails, what is read is what was written', async (under) => {
    const { store, plain, proxy, scratch } = under;
    const random = seededRandom(5);
    const dice = (sides: number): number => (random.bytes(1)[0] ?? 0) % sides;
    proxy.plan = () => (dice(3) === 0 ? (FAULTS[dice(FAULTS.length)] ?? null) : null);
    /** What may be there: after a failed write the old or the new. */
    const possible = new Map<string, Set<string | null>>();
    let failures = 0;
    for (let step = 0; step < 150; step++) {
      const location = `${store.root}/${dice(4)}`;
      const before = possible.get(location) ?? new Set([null]);
      const text = `${step}:${'x'.repeat(dice(200))}`;
      try {
        const done = await act({ store, location, text, scratch, kind: dice(5) });
        if (done.kind === 'read') ok(before.has(done.text), `${step} read ${String(done.text)}`);
        possible.set(location, new Set([done.text]));
      } catch (error) {
        ok(isFirnError(error, 'STORAGE-REMOTE-FAILED'), String(error));
        failures++;
        possible.set(location, new Set([...before, text, null]));
      }
    }
    proxy.plan = () => null;
    for (const [location, texts] of possible) {
      const found = await plain.readIfPresent(location);
      ok(texts.has(found === null ? null : Buffer.from(found).toString()), location);
    }
    ok(failures < 30, `${failures} of 150 failed`);
  });
}

async function act(step: {
  readonly store: S3ObjectStore;
  readonly location: string;
  readonly text: string;
  readonly scratch: string;
  readonly kind: number;
}): Promise<{ readonly kind: 'read' | 'wrote'; readonly text: string | null }> {
  const { store, location, text, scratch, kind } = step;
  if (kind === 0) {
    await store.remove(location);
    return { kind: 'wrote', text: null };
  }
  if (kind === 1) {
    await store.write(location, Buffer.from(text));
    return { kind: 'wrote', text };
  }
  if (kind === 2) {
    const path = join(scratch, 'staged');
    await writeFile(path, text);
    await store.upload(path, location);
    return { kind: 'wrote', text };
  }
  if (kind === 3) {
    const answer = await store.write(location, Buffer.from(text), { ifAbsent: true });
    if (answer === 'written') return { kind: 'wrote', text };
  }
  const found = await store.readIfPresent(location);
  return { kind: 'read', text: found === null ? null : Buffer.from(found).toString() };
}

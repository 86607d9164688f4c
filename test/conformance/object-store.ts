/**
 * What every object store must do, whatever it stands on. A store's own test runs this suite and
 * adds what only that kind can show.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { lstat, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/kernel/error-registry.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import type { ObjectStore, StoredObject } from '../../src/ports/object-store.ts';

/** An empty store and what a test needs beside it. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** A local folder outside the store. */
  readonly scratch: string;
  close(): Promise<void>;
}

/** Asserts that `act` fails with a coded error. */
export async function rejectsWith(code: ErrorCode, act: () => Promise<unknown>): Promise<void> {
  await rejects(act, (error) => {
    ok(isFirnError(error, code), `expected ${code}, got ${String(error)}`);
    return true;
  });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(content: Uint8Array | null): string | null {
  return content === null ? null : new TextDecoder().decode(content);
}

async function listed(store: ObjectStore, folder: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of store.list(folder)) found.push(object);
  return found.toSorted((left, right) => (left.location < right.location ? -1 : 1));
}

/** Locations under a folder, sorted. */
export async function listedNames(store: ObjectStore, folder: string): Promise<string[]> {
  return (await listed(store, folder)).map(({ location }) => location);
}

/** Names that a file may have and that a careless store trips over. */
const hostileNames = [
  'plain.parquet',
  'two words',
  '🧊❄️',
  `quo'te"s`,
  'per%2e%2ecent%20',
  'q?a=b&c#d',
  '[glob]*{x}',
  '~tilde',
  '-rf',
  '$(HOME)',
  '...three',
  ' leading and trailing ',
  'col:on',
  '\u00e9',
  'e\u0301',
  'line\nbreak',
  'x'.repeat(200),
];

function outsideOf(root: string): readonly string[] {
  return [
    root,
    `${root}/`,
    `${root}x/a`,
    `${root}/..`,
    `${root}/../x`,
    `${root}/a/../../x`,
    `${root}/a/..`,
    `${root}/nul\0byte`,
    '',
    'a',
    'a/b',
    './a',
    '../a',
    '/etc/passwd',
    'file:///etc/passwd',
    'file:/etc/passwd',
    'file://otherhost/etc/passwd',
    's3://other/key',
    'https://example.org/a',
    '\\\\server\\share',
  ];
}

/** Runs the suite against new, empty stores. `cannotHold`: names a store under test may refuse. */
export function objectStoreConformance(
  name: string,
  make: () => Promise<StoreUnderTest>,
  cannotHold: (name: string) => boolean = () => false,
): void {
  const withStore = (title: string, body: (under: StoreUnderTest) => Promise<void>): void => {
    test(title, async () => {
      const under = await make();
      try {
        await body(under);
      } finally {
        await under.close();
      }
    });
  };
  describe(`object store: ${name}`, () => {
    readingAndWriting(withStore);
    localFiles(withStore);
    listing(withStore);
    locations(
      withStore,
      hostileNames.filter((hostile) => !cannotHold(hostile)),
    );
    races(withStore);
  });
}

type WithStore = (title: string, body: (under: StoreUnderTest) => Promise<void>) => void;

function readingAndWriting(withStore: WithStore): void {
  withStore('gives back what was written, also an empty object', async ({ store }) => {
    equal(await store.write(`${store.root}/a/b/c`, bytes('hello')), 'written');
    await store.write(`${store.root}/empty`, new Uint8Array());
    equal(text(await store.read(`${store.root}/a/b/c`)), 'hello');
    equal(text(await store.readIfPresent(`${store.root}/a/b/c`)), 'hello');
    equal((await store.read(`${store.root}/empty`)).length, 0);
  });

  withStore('says by code that an object is not there', async ({ store }) => {
    await store.write(`${store.root}/folder/a`, bytes('1'));
    for (const missing of ['none', 'none/b', 'folder', 'folder/a/b']) {
      await rejectsWith('STORAGE-NOT-FOUND', () => store.read(`${store.root}/${missing}`));
      await rejectsWith('STORAGE-NOT-FOUND', () => store.materialise(`${store.root}/${missing}`));
      equal(await store.readIfPresent(`${store.root}/${missing}`), null);
      await store.remove(`${store.root}/${missing === 'folder' ? 'none' : missing}`);
    }
  });

  withStore('replaces an object whole, by a shorter one too', async ({ store }) => {
    await store.write(`${store.root}/state`, bytes('a long first state'));
    await store.write(`${store.root}/state`, bytes('short'));
    equal(text(await store.read(`${store.root}/state`)), 'short');
  });

  withStore('leaves an existing object alone when asked to', async ({ store }) => {
    const location = `${store.root}/once`;
    equal(await store.write(location, bytes('first'), { ifAbsent: true }), 'written');
    equal(await store.write(location, bytes('second'), { ifAbsent: true }), 'exists');
    equal(text(await store.read(location)), 'first');
    equal(await store.write(location, bytes('third'), { ifAbsent: false }), 'written');
    equal(text(await store.read(location)), 'third');
    deepEqual(await listedNames(store, store.root), [location]);
  });

  withStore('keeps its own copy of what it was given and gives', async ({ store }) => {
    const given = bytes('abc');
    await store.write(`${store.root}/a`, given);
    given.fill(0);
    (await store.read(`${store.root}/a`)).fill(0);
    equal(text(await store.read(`${store.root}/a`)), 'abc');
  });

  withStore('refuses to read more than the caller wants in memory', async ({ store }) => {
    await store.write(`${store.root}/a`, bytes('12345'));
    equal(text(await store.read(`${store.root}/a`, 5)), '12345');
    await rejectsWith('STORAGE-TOO-LARGE', () => store.read(`${store.root}/a`, 4));
    await rejectsWith('STORAGE-TOO-LARGE', () => store.readIfPresent(`${store.root}/a`, 4));
  });

  withStore('keeps every byte of a large object', async ({ store }) => {
    const large = new Uint8Array(24 * 1024 * 1024 + 7);
    for (let index = 0; index < large.length; index += 4093) large[index] = index & 0xff;
    await store.write(`${store.root}/large`, large);
    const back = await store.read(`${store.root}/large`);
    equal(Buffer.compare(back, large), 0);
  });

  withStore('removes an object, and one that is not there without a word', async ({ store }) => {
    await store.write(`${store.root}/f/a`, bytes('1'));
    await store.write(`${store.root}/f/b`, bytes('2'));
    await store.remove(`${store.root}/f/a`);
    await store.remove(`${store.root}/f/a`);
    await store.remove(`${store.root}/never/there`);
    deepEqual(await listedNames(store, store.root), [`${store.root}/f/b`]);
    await store.write(`${store.root}/f/a`, bytes('again'));
    equal(text(await store.read(`${store.root}/f/a`)), 'again');
  });
}

function localFiles(withStore: WithStore): void {
  withStore('takes a local file in: it is gone afterwards', async ({ store, scratch }) => {
    const local = join(scratch, 'staged.parquet');
    await writeFile(local, 'rows');
    deepEqual(await store.upload(local, `${store.root}/data/x.parquet`), { sizeBytes: 4 });
    equal(text(await store.read(`${store.root}/data/x.parquet`)), 'rows');
    await rejects(lstat(local), { code: 'ENOENT' });
    await rejectsWith('STORAGE-NOT-FOUND', () => store.upload(local, `${store.root}/data/y`));
    deepEqual(await listedNames(store, store.root), [`${store.root}/data/x.parquet`]);
  });

  withStore('makes an object readable as a local file', async ({ store }) => {
    await store.write(`${store.root}/a`, bytes('content'));
    const file = await store.materialise(`${store.root}/a`);
    equal(file.sizeBytes, 7);
    equal(await readFile(file.path, 'utf8'), 'content');
    await file.release();
    await file.release();
    equal(text(await store.read(`${store.root}/a`)), 'content');
  });
}

function listing(withStore: WithStore): void {
  withStore('lists a folder with all below it, and nothing beside it', async ({ store }) => {
    deepEqual(await listed(store, store.root), []);
    for (const path of ['t/data/1', 't/data/2', 't/x/y/z/3', 'tt/4', 't.5', 'top']) {
      await store.write(`${store.root}/${path}`, bytes(path));
    }
    const below = ['t/data/1', 't/data/2', 't/x/y/z/3'].map((path) => `${store.root}/${path}`);
    deepEqual(await listedNames(store, `${store.root}/t`), below);
    deepEqual(await listedNames(store, `${store.root}/t/`), below);
    deepEqual(await listedNames(store, `${store.root}/t/data/1`), []);
    deepEqual(await listedNames(store, `${store.root}/absent`), []);
    equal((await listedNames(store, store.root)).length, 6);
    const [first] = await listed(store, `${store.root}/t`);
    equal(first?.sizeBytes, 8);
    ok(Number.isInteger(first?.modifiedMs) && (first?.modifiedMs ?? 0) > 0);
  });

  withStore('lists while objects are removed', async ({ store }) => {
    for (let index = 0; index < 20; index++)
      await store.write(`${store.root}/${index}/a`, bytes('x'));
    let seen = 0;
    for await (const { location } of store.list(store.root)) {
      seen++;
      await store.remove(location);
    }
    equal(seen, 20);
    deepEqual(await listedNames(store, store.root), []);
  });
}

function locations(withStore: WithStore, names: readonly string[]): void {
  withStore('takes any name literally', async ({ store }) => {
    const expected: string[] = [];
    for (const hostile of names) {
      const location = `${store.root}/${hostile}/${hostile}`;
      await store.write(location, bytes(hostile));
      expected.push(location);
    }
    for (const [index, location] of expected.entries()) {
      equal(text(await store.read(location)), names[index]);
    }
    deepEqual(
      await listedNames(store, store.root),
      expected.toSorted((a, b) => (a < b ? -1 : 1)),
    );
  });

  withStore('spells one object one way', async ({ store }) => {
    await store.write(`${store.root}//a/./b`, bytes('1'));
    equal(text(await store.read(`${store.root}/a/b`)), '1');
    deepEqual(await listedNames(store, `${store.root}/./a//`), [`${store.root}/a/b`]);
  });

  withStore('spec: T5 refuses every location outside its root', async ({ store, scratch }) => {
    const local = join(scratch, 'staged');
    await writeFile(local, 'rows');
    const code = 'STORAGE-OUTSIDE-WAREHOUSE';
    for (const outside of outsideOf(store.root)) {
      await rejectsWith(code, () => store.read(outside));
      await rejectsWith(code, () => store.readIfPresent(outside));
      await rejectsWith(code, () => store.write(outside, bytes('x')));
      await rejectsWith(code, () => store.upload(local, outside));
      await rejectsWith(code, () => store.materialise(outside));
      await rejectsWith(code, () => store.remove(outside));
      if (outside.replace(/\/$/, '') === store.root) continue;
      await rejectsWith(code, () => listed(store, outside));
    }
    equal(await readFile(local, 'utf8'), 'rows');
    deepEqual(await listedNames(store, store.root), []);
  });
}

function races(withStore: WithStore): void {
  withStore('spec: T2 lets one of many exclusive writers win', async ({ store }) => {
    const location = `${store.root}/new/folder/owner`;
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, writer) => ({
        writer,
        answer: await store.write(location, bytes(`${writer}`), { ifAbsent: true }),
      })),
    );
    const winners = answers.filter(({ answer }) => answer === 'written');
    equal(winners.length, 1);
    equal(text(await store.read(location)), `${winners[0]?.writer}`);
    deepEqual(await listedNames(store, store.root), [location]);
  });

  withStore('spec: T1 never shows part of an object', async ({ store }) => {
    const location = `${store.root}/state`;
    const states = [1, 2, 3, 4].map((value) => new Uint8Array(value * 300_000).fill(value));
    const writers = states.map(async (state) => {
      for (let round = 0; round < 4; round++) await store.write(location, state);
    });
    const writing = new AbortController();
    const reader = async (): Promise<void> => {
      while (!writing.signal.aborted) {
        const state = await store.readIfPresent(location);
        const value = state?.[0];
        if (state === null || value === undefined) continue;
        equal(state.length, value * 300_000);
        ok(state.every((byte) => byte === value));
        for (const object of await listed(store, store.root)) equal(object.location, location);
      }
    };
    const reading = reader();
    await Promise.all(writers).finally(() => {
      writing.abort();
    });
    await reading;
  });
}

/**
 * spec: X11 Metadata, manifest lists and manifests that are damaged or forged: each reader ends
 * soon, with a coded error or an answer, and touches nothing outside the warehouse. `FIRN_RUNS`
 * multiplies the number of trials.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import {
  appendTo,
  baseState,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import { decodeTableMetadata, encodeTableMetadata } from '../iceberg/table-metadata-json.ts';
import { defaultExpiryPolicy, snapshotsToExpire } from '../iceberg/expiry.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import { parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { commitTables } from './commit-table.ts';
import { refuseForeignChanges } from './foreign-changes.ts';
import { readManifestList } from './manifest-files.ts';
import { reachableFiles } from './reachable-files.ts';
import { scanFiles } from './scan-files.ts';
import { STATE_TAG, readState } from './table-state.ts';

const RUNS = 150 * Number.parseInt(process.env['FIRN_RUNS'] ?? '1', 10);
const TRIAL_MS_MAX = 5000;

/** A small table with deletes, and the files that make it up. */
async function soundTable(): Promise<{
  table: LoadedTable;
  store: ObjectStore;
  files: readonly string[];
}> {
  const lake = testLake();
  const { context } = lake;
  let table = await testTable(context);
  for (let count = 0; count < 3; count++) {
    const data = await testFile(context, table, { bucket: count, keys: [1n, 9n] });
    const deletes = await testFile(context, table, { deletesIn: data, rows: 2n });
    const [result] = await commitTables(context, [
      appendTo(table, [data, deletes], { operation: 'overwrite', state: baseState(1n) }),
    ]);
    assert.equal(result?.kind, 'committed');
    ({ table } = result);
  }
  const { store } = context;
  const head = table.metadata.snapshots.at(-1);
  assert.ok(head !== undefined);
  const manifests = await readManifestList(context, head);
  return { table, store, files: [head.manifestList, ...manifests.map(({ path }) => path)] };
}

/** Everything that reads a table's metadata; answers the coded error that ended it, if one did. */
async function readAll(
  store: ObjectStore,
  table: LoadedTable,
  decode: () => TableMetadata,
): Promise<FirnError | null> {
  const startMs = performance.now();
  try {
    const metadata = decode();
    decodeTableMetadata(encodeTableMetadata(metadata), 'written again');
    snapshotsToExpire(metadata, { policy: defaultExpiryPolicy, nowMs: 0, stateTag: STATE_TAG });
    await scanFiles({ store }, { metadata, ref: 'main' });
    await refuseForeignChanges({ store }, { metadata, ref: 'main', kind: 'base' });
    await reachableFiles({ store }, { ...table, metadata });
    readState(metadata, 'main');
    return null;
  } catch (error) {
    if (!(error instanceof FirnError)) throw error;
    return error;
  } finally {
    assert.ok(performance.now() - startMs < TRIAL_MS_MAX, 'it ends soon');
  }
}

/** A store that lets nobody but the test write or remove. */
function readOnly(store: ObjectStore, replaced: ReadonlyMap<string, Uint8Array>): ObjectStore {
  const refuse = (): never => assert.fail('a reader writes nothing');
  return {
    ...store,
    root: store.root,
    read: async (location, bytesMax) => replaced.get(location) ?? store.read(location, bytesMax),
    write: refuse,
    remove: refuse,
    upload: refuse,
  };
}

const damage = fc.oneof(
  fc.record({ kind: fc.constant('cut'), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('flip'),
    bits: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
  }),
);

function damaged(
  bytes: Uint8Array,
  how: typeof damage extends fc.Arbitrary<infer T> ? T : never,
): Uint8Array {
  if ('at' in how) return bytes.subarray(0, Math.trunc(how.at * bytes.length));
  const copy = Uint8Array.from(bytes);
  for (const place of how.bits) {
    const bit = Math.trunc(place * (bytes.length * 8 - 1));
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
  return copy;
}

test('spec: X11 damaged metadata, lists and manifests end every reader with a code', async () => {
  const { table, store, files } = await soundTable();
  assert.equal(await readAll(readOnly(store, new Map()), table, () => table.metadata), null);
  const bytes = encodeTableMetadata(table.metadata);
  await fc.assert(
    fc.asyncProperty(fc.nat(files.length), damage, async (which, how) => {
      const path = files[which];
      if (path === undefined) {
        const decode = (): TableMetadata => decodeTableMetadata(damaged(bytes, how), 'm.json');
        await readAll(readOnly(store, new Map()), table, decode);
        return;
      }
      const whole = await store.read(path);
      const replaced = new Map([[path, damaged(whole, how)]]);
      await readAll(readOnly(store, replaced), table, () => table.metadata);
    }),
    { numRuns: RUNS },
  );
});

/** Every place in a document: as a list of keys. */
function placesIn(value: JsonValue, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, item]) => placesIn(item, [...at, key]))];
}

function replaceAt(value: JsonValue, at: readonly string[], by: JsonValue): JsonValue {
  const [key, ...rest] = at;
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    const items: readonly JsonValue[] = value;
    return items.map((item, index) => (String(index) === key ? replaceAt(item, rest, by) : item));
  }
  assert.ok(typeof value === 'object' && value !== null);
  const object = value as Readonly<Record<string, JsonValue>>;
  return { ...object, [key]: replaceAt(object[key] ?? null, rest, by) };
}

const forged: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(null, -1, 0, 2 ** 31, 2n ** 63n - 1n, 2n ** 64n, -(2n ** 63n), 1e308),
  fc.constantFrom<JsonValue>('', '../../etc/passwd', 'file:///etc/passwd', 's3://other/x', '\0'),
  fc.constantFrom<JsonValue>([], {}, [[]], [null], true, { type: 'struct', fields: [] }),
  fc.constant(deep(300)),
  fc.jsonValue().map((value) => parseJson(stringifyJson(value))),
);

function deep(depth: number): JsonValue {
  let value: JsonValue = 'bottom';
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}

test('spec: X11 forged metadata is refused by code, or read as what it says', async () => {
  const { table, store } = await soundTable();
  const document = parseJson(Buffer.from(encodeTableMetadata(table.metadata)).toString('utf8'));
  const places = placesIn(document);
  const place = fc.nat(places.length - 1).map((index) => places[index] ?? []);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(place, forged), { minLength: 1, maxLength: 3 }),
      async (changes) => {
        let changed = document;
        for (const [at, by] of changes) {
          if (placesIn(changed).some((known) => known.join('\0') === at.join('\0'))) {
            changed = replaceAt(changed, at, by);
          }
        }
        const bytes = Buffer.from(stringifyJson(changed));
        const decode = (): TableMetadata => decodeTableMetadata(bytes, 'forged.json');
        await readAll(readOnly(store, new Map()), table, decode);
      },
    ),
    { numRuns: RUNS },
  );
});

test('spec: X11 a circle of parents ends, a bomb is refused', async () => {
  const { table, store } = await soundTable();
  const [first, ...rest] = table.metadata.snapshots;
  assert.ok(first !== undefined);
  const circle = [{ ...first, parentSnapshotId: table.metadata.currentSnapshotId }, ...rest];
  const metadata = { ...table.metadata, snapshots: circle };
  await readAll(readOnly(store, new Map()), table, () => metadata);
  const bomb = gzipSync(Buffer.alloc(129 * 1024 * 1024, 0x20));
  assert.throws(
    () => decodeTableMetadata(bomb, 'bomb.gz.metadata.json'),
    (error) =>
      isFirnError(error, 'ICEBERG-JSON-INVALID') && error.where === 'bomb.gz.metadata.json',
  );
});

test('spec: X11 values nested without end are refused, wherever they are kept', async () => {
  const { table } = await soundTable();
  const text = Buffer.from(encodeTableMetadata(table.metadata)).toString('utf8');
  for (const depth of [200, 200_000]) {
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    for (const forgedText of [
      text.replace('{', `{"unknown":${nested},`),
      text.replace('"snapshots":[{', `"snapshots":[{"unknown":${nested},`),
      text.replace('"statistics":[]', `"statistics":[{"unknown":${nested}}]`),
    ]) {
      assert.notEqual(forgedText, text);
      assert.throws(
        () => decodeTableMetadata(Buffer.from(forgedText), 'deep.json'),
        (error) => isFirnError(error, 'ICEBERG-JSON-INVALID'),
      );
    }
  }
});

test('spec: X11 a list or manifest outside the warehouse is refused, never read', async () => {
  const { table, store } = await soundTable();
  for (const manifestList of ['file:///etc/passwd', 'memory://other/x', 'memory://lake/../x']) {
    const snapshots = table.metadata.snapshots.map((snapshot) => ({ ...snapshot, manifestList }));
    const error = await readAll(readOnly(store, new Map()), table, () => {
      return { ...table.metadata, snapshots };
    });
    assert.ok(isFirnError(error, 'STORAGE-OUTSIDE-WAREHOUSE'), String(error));
  }
});

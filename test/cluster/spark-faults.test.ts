/**
 * Accidents in the middle of a merge by a real Spark: whatever is lost, comes late or dies, the
 * base has all of the merge or nothing, and the next merge brings it up.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { baseStateOf, headOf } from '../../src/base/base-table.ts';
import type { MergeOutcome } from '../../src/base/merge-base.ts';
import { MAIN_BRANCH } from '../../src/iceberg/snapshot.ts';
import { present } from '../../src/kernel/assert.ts';
import { FirnError, isFirnError } from '../../src/kernel/firn-error.ts';
import { commitTables, publishBranch } from '../../src/lake/commit-table.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { prepareSnapshot } from '../../src/lake/snapshot-producer.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import { parseColumnType } from '../../src/model/column-type.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { StatementSession } from '../../src/pipeline/cluster/spark/spark-branch.ts';
import { mergeOnSpark } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import type { SparkMergeParts } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import { ownedBranches } from '../../src/pipeline/state/branch-list.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import { commitTsUs } from '../simulation/model-places.ts';
import { readBase } from '../simulation/read-tables.ts';
import { changeBatch } from '../simulation/row-cells.ts';
import { TablePair } from '../simulation/table-pair.ts';
import { openSparkLake, skipWithoutSpark } from '../support/spark-lake.ts';
import type { SparkLake } from '../support/spark-lake.ts';

const SCHEMA: TableSchema = {
  table: { namespace: 'shop', table: 'items' },
  version: 1,
  columns: ['id', 'note'].map((name, index) => {
    const sourceType = index === 0 ? 'long' : 'string';
    const type = present(parseColumnType(sourceType), sourceType);
    return { id: index + 1, name, sourceName: name, sourceType, type };
  }),
  keyColumnIds: [1],
};

/** A table with one more row to be merged each time; its key is also its place. */
class Accidents {
  readonly #lake: SparkLake;
  readonly #pair: TablePair;
  #last = 0n;

  constructor(lake: SparkLake, pair: TablePair) {
    this.#lake = lake;
    this.#pair = pair;
  }

  async change(): Promise<void> {
    this.#last += 1n;
    const change = {
      op: 'c',
      seq: this.#last,
      row: 1,
      values: [String(this.#last), 'new'],
    } as const;
    await this.#pair.append(changeBatch(SCHEMA, [change], { epoch: 1, commitTsUs }));
    await this.#pair.flush(this.#last);
  }

  async merge(parts: SparkMergeParts = this.#lake.parts): Promise<MergeOutcome> {
    const [ledger, base] = [await this.#pair.ledger(), await this.#pair.base()];
    return mergeOnSpark(parts, {
      schema: SCHEMA,
      ledger,
      base,
      ref: MAIN_BRANCH,
      commitTsUs: null,
    });
  }

  /** The base has the first `count` rows, and says so; no branch is left. */
  async expect(count: bigint, branches = 0): Promise<void> {
    const rows = await readBase(this.#lake.engine, this.#pair);
    const ids = rows.map(([id]) => BigInt(id ?? -1)).toSorted((a, b) => Number(a - b));
    deepEqual(
      ids,
      Array.from({ length: Number(count) }, (_, at) => BigInt(at + 1)),
    );
    const base = await this.#pair.base();
    equal(baseStateOf(base)?.watermark.seq, count);
    const refs = Object.keys(base.metadata.refs).filter((name) => name.startsWith('firn_merge_'));
    equal(refs.length, branches);
  }

  get last(): bigint {
    return this.#last;
  }

  get pair(): TablePair {
    return this.#pair;
  }
}

async function openAccidents(lake: SparkLake): Promise<Accidents> {
  const table = { schema: SCHEMA, buckets: 1, formatVersion: 2 } as const;
  return new Accidents(lake, await TablePair.open(lake.context, lake.engine, table));
}

/** Parts whose sessions run the statement that writes by way of `run`. */
function writingBy(
  parts: SparkMergeParts,
  run: (write: () => Promise<void>) => Promise<void>,
): SparkMergeParts {
  const openSession = (): StatementSession => {
    const session = parts.openSession();
    return {
      configure: (pairs) => session.configure(pairs),
      query: (sql) => session.query(sql),
      close: () => session.close(),
      execute: (sql) => {
        const write = (): Promise<void> => session.execute(sql);
        return sql.startsWith('MERGE') ? run(write) : write();
      },
    };
  };
  return { ...parts, openSession };
}

const silent = (): FirnError =>
  new FirnError('CLUSTER-SILENT', { what: 'the answer was lost', where: 'here' });

/** Parts of a process that dies at its `count`-th change of anything, before or after it. */
function dyingAt(lake: SparkLake, count: number, isAfter: boolean): SparkMergeParts {
  let left = count;
  const dies = async <T>(change: () => Promise<T>): Promise<T> => {
    if (left <= 0) throw new Error('it is dead');
    left -= 1;
    if (left > 0) return change();
    if (isAfter) await change();
    throw new Error('it dies');
  };
  const { store, catalog } = lake.context;
  const context: LakeContext = {
    ...lake.context,
    writer: `process-${count}`,
    queues: createTableQueues(),
    catalog: {
      ...wrapped(catalog),
      commit: (commits) => dies(() => catalog.commit(commits)),
      loadTable: async (identifier) => {
        if (left <= 0) throw new Error('it is dead');
        return catalog.loadTable(identifier);
      },
    },
    store: { ...wrapped(store), write: (at, bytes) => dies(() => store.write(at, bytes)) },
  };
  return {
    ...lake.parts,
    context,
    state: openStateFolder(context.store, context.pipeline),
    commit: async (request) => present((await commitTables(context, [request]))[0], 'a result'),
    publish: (request) => publishBranch(context, request),
  };
}

/** The members of an object whose class keeps them on its prototype. */
function wrapped<T extends object>(object: T): T {
  return new Proxy(object, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
    },
    ownKeys: (target) => [
      ...Reflect.ownKeys(target),
      ...Object.getOwnPropertyNames(Object.getPrototypeOf(target)),
    ],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  });
}

test('accidents of a merge (spec: M24)', { skip: skipWithoutSpark() }, async (t) => {
  const lake = await openSparkLake(t);
  const table = await openAccidents(lake);

  await t.test('the answer of Spark is lost: the branch tells that it is done', async () => {
    await table.change();
    const outcome = await table.merge(
      writingBy(lake.parts, async (write) => {
        await write();
        throw silent();
      }),
    );
    equal(outcome.kind, 'merged');
    await table.expect(table.last);
  });

  await t.test(
    'Spark has done nothing: the base is as it was, and the next merge does it',
    async () => {
      await table.change();
      const parts = writingBy(lake.parts, () => Promise.reject(silent()));
      await rejects(table.merge(parts), (error) => isFirnError(error, 'CLUSTER-SILENT'));
      await table.expect(table.last - 1n);
      equal((await table.merge()).kind, 'merged');
      await table.expect(table.last);
    },
  );

  await t.test('the statement goes on when nobody waits: it lands where nobody reads', async () => {
    await table.change();
    const late: { write: () => Promise<void> } = { write: async () => undefined };
    const parts = writingBy(lake.parts, async (write) => {
      late.write = write;
      throw silent();
    });
    // The session stays: it is Spark that goes on in it.
    const openSession = (): StatementSession => ({ ...parts.openSession(), close: async () => {} });
    await rejects(table.merge({ ...parts, openSession }), (error) => isFirnError(error));
    equal((await table.merge()).kind, 'merged');
    await late.write().catch((error: unknown) => ok(isFirnError(error)));
    const { metadata } = await table.pair.base();
    const zombies = Object.keys(metadata.refs).filter((name) => name.startsWith('firn_merge_'));
    ok(zombies.length <= 1);
    // It is not listed as ours any more: maintenance takes it away by its age.
    deepEqual([...(await ownedBranches(lake.parts.state))], []);
    await table.expect(table.last, zombies.length);
    for (const name of zombies) {
      const updates = [{ kind: 'remove-snapshot-ref', name }] as const;
      const { identifier } = await table.pair.base();
      await lake.context.catalog.commit([{ identifier, requirements: [], updates }]);
    }
  });
});

test('others in a merge (spec: M24)', { skip: skipWithoutSpark() }, async (t) => {
  const lake = await openSparkLake(t);
  const table = await openAccidents(lake);
  await t.test('somebody moves main meanwhile: the merge is planned again', async () => {
    await table.change();
    const parts = writingBy(lake.parts, async (write) => {
      await write();
      await moveMain(lake, table.pair);
    });
    await rejects(table.merge(parts), (error) => isFirnError(error, 'MERGE-BASE-MOVED'));
    await table.expect(table.last - 1n);
    equal((await table.merge()).kind, 'merged');
    await table.expect(table.last);
  });

  await t.test('Spark writes twice: nothing of it is published', async () => {
    await table.change();
    const parts = writingBy(lake.parts, async (write) => {
      await write();
      await write();
    });
    await rejects(table.merge(parts), (error) => isFirnError(error, 'MERGE-BASE-MOVED'));
    await table.expect(table.last - 1n);
    equal((await table.merge()).kind, 'merged');
    await table.expect(table.last);
  });
});

test('deaths in a merge (spec: M24)', { skip: skipWithoutSpark() }, async (t) => {
  const lake = await openSparkLake(t);
  const table = await openAccidents(lake);
  for (const isAfter of [false, true]) {
    const when = isAfter ? 'after' : 'before';
    await t.test(`the process dies ${when} each change that it makes`, async () => {
      for (let count = 1; ; count++) {
        await table.change();
        let isDead = false;
        try {
          await table.merge(dyingAt(lake, count, isAfter));
        } catch (error) {
          ok(error instanceof Error && error.message.startsWith('it'), String(error));
          isDead = true;
        }
        const base = await table.pair.base();
        const seq = present(baseStateOf(base), 'the state').watermark.seq;
        ok(seq === table.last || seq === table.last - 1n);
        if (seq < table.last) await table.merge();
        await table.expect(table.last);
        if (!isDead) break;
        ok(count < 20);
      }
    });
  }
});

/** Another engine commits to main what changes nothing. */
async function moveMain({ context }: SparkLake, pair: TablePair): Promise<void> {
  const { identifier, metadata } = await pair.base();
  const head = present(headOf(metadata, MAIN_BRANCH), 'main');
  const { updates, requirements } = await prepareSnapshot(context, {
    metadata,
    ref: MAIN_BRANCH,
    parent: metadata.snapshots.find(({ snapshotId }) => snapshotId === head) ?? null,
    operation: 'append',
    added: [],
    removed: [],
    dataSequenceNumber: null,
    summary: { 'engine-name': 'somebody' },
  });
  const outcome = await context.catalog.commit([{ identifier, updates, requirements }]);
  equal(outcome.kind, 'committed');
}

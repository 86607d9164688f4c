/** Values that do not fit, databases that change under a running stream, and rows of any size. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { copyFileSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { mock, test } from 'node:test';
import type { MisfitPolicy } from '../../config/pipeline-config.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { changesOf, fold, ofKind, rowsIn } from '../../../test/support/source-events.ts';
import type { Cell } from '../../../test/support/source-events.ts';
import { inSqliteWorld, lastPosition, tableRule } from '../../../test/support/sqlite-world.ts';
import type { SqliteWorld } from '../../../test/support/sqlite-world.ts';

async function failsWith(code: ErrorCode, run: () => Promise<unknown>): Promise<void> {
  await rejects(run, (error) => {
    ok(isFirnError(error, code), String(error));
    return true;
  });
}

async function bootstrapped(world: SqliteWorld, schema: TableSchema): Promise<Cell[][]> {
  const { signal } = new AbortController();
  const rows: Cell[][] = [];
  const request = { schema, after: null, chunkRowsMax: 100, signal };
  for await (const chunk of world.source.bootstrap(request)) {
    rows.push(...rowsIn(chunk.rows).map((row) => Object.values(row)));
  }
  return rows;
}

function halts(events: readonly SourceEvent[]): string[] {
  return ofKind(events, 'table-halted').map(({ table, error }) => `${table.table} ${error.code}`);
}

interface Misfit {
  readonly declared: string;
  readonly value: string;
  /** What the column holds when every value is text. */
  readonly text: string | null;
}

const MISFITS: readonly Misfit[] = [
  { declared: 'INTEGER', value: `'abc'`, text: 'abc' },
  { declared: 'INTEGER', value: '1.5', text: '1.5' },
  { declared: 'INTEGER', value: `x'00'`, text: `x'00'` },
  { declared: 'REAL', value: `'abc'`, text: 'abc' },
  { declared: 'TEXT', value: `x'6162'`, text: `x'6162'` },
  { declared: 'BLOB', value: `'text'`, text: 'text' },
  { declared: 'BLOB', value: '1', text: '1' },
  { declared: 'TEXT', value: `CAST(x'61ff' AS TEXT)`, text: null },
  { declared: 'NUMERIC', value: `CAST(x'eda080' AS TEXT)`, text: null },
];

for (const { declared, value, text } of MISFITS) {
  const schema = `CREATE TABLE t(id INTEGER PRIMARY KEY, v ${declared});
    CREATE TABLE u(id INTEGER PRIMARY KEY);`;
  const rule = (onMisfit: MisfitPolicy): ReturnType<typeof tableRule>[] => [
    tableRule('t', { columns: { v: { onMisfit } } }),
    tableRule('u'),
  ];
  const write = `INSERT INTO t VALUES(1, NULL); INSERT INTO t VALUES(2, ${value});
    INSERT INTO u VALUES(1)`;

  test(`${value} in a column declared ${declared} halts that table (spec: S13, V2)`, () =>
    inSqliteWorld({ schema, rules: rule('halt') }, async (world) => {
      const { tables, mark } = await world.prepare();
      world.exec(write);
      const events = await world.read(mark.position, tables);
      deepEqual(halts(events), ['t SOURCE-VALUE-MISFIT']);
      equal(changesOf(events).filter(({ table }) => table === 'u').length, 1);
      deepEqual(halts(await world.read(mark.position, tables)), ['t SOURCE-VALUE-MISFIT']);
      const [t] = tables;
      if (t !== undefined) await failsWith('SOURCE-VALUE-MISFIT', () => bootstrapped(world, t));
    }));

  test(`${value} in a column declared ${declared}, by policy (spec: S13, V2)`, () =>
    inSqliteWorld({ schema, rules: rule('null') }, async (world) => {
      const { tables, mark } = await world.prepare();
      world.exec(write);
      const dropped = changesOf(await world.read(mark.position, tables));
      deepEqual(
        dropped.filter(({ table }) => table === 't').map(({ values }) => values['v']),
        [null, null],
      );
      await world.reopen({ rules: rule('text') });
      const [t] = await world.registry.discover(world.source);
      ok(t !== undefined);
      equal(t.columns[1]?.type.kind, 'string');
      if (text === null) return failsWith('SOURCE-VALUE-MISFIT', () => bootstrapped(world, t));
      const kept = changesOf(await world.read(mark.position, [t]));
      deepEqual(
        kept.map(({ values }) => values['v']),
        [null, text],
      );
      deepEqual(await bootstrapped(world, t), [
        [1n, null],
        [2n, text],
      ]);
    }));
}

test('a key that does not fit halts, whatever the policy says', () =>
  inSqliteWorld(
    {
      schema: 'CREATE TABLE t(id INT NOT NULL PRIMARY KEY)',
      rules: [tableRule('t', { columns: { id: { onMisfit: 'null' } } })],
    },
    async (world) => {
      const { tables, mark } = await world.prepare();
      world.exec(`INSERT INTO t VALUES('x')`);
      deepEqual(halts(await world.read(mark.position, tables)), ['t SOURCE-VALUE-MISFIT']);
    },
  ));

test('the character U+FFFD itself is a value like any other', () =>
  inSqliteWorld({ schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)' }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.writer.prepare('INSERT INTO t VALUES(1, ?)').run('a\uFFFDb');
    const events = await world.read(mark.position, tables);
    deepEqual(
      changesOf(events).map(({ values }) => values['a']),
      ['a\uFFFDb'],
    );
    const [t] = tables;
    if (t !== undefined) deepEqual(await bootstrapped(world, t), [[1n, 'a\uFFFDb']]);
  }));

const ITEMS = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v)';

test('a journal that lost rows is never read on in silence (spec: S10)', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec('INSERT INTO t VALUES(1, 1), (2, 1), (3, 1), (4, 1)');
    world.exec(`DELETE FROM _firn_log WHERE id = ${mark.completeTo.seq + 2n}`);
    equal((await world.source.verifyPosition(mark.position)).kind, 'broken');
    await failsWith('SOURCE-POSITION-BROKEN', () => world.read(mark.position, tables));
  }));

test('a database restored under a running stream ends the stream (spec: S10)', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec('INSERT INTO t VALUES(1, 1)');
    world.exec('INSERT INTO t VALUES(2, 1)');
    const stop = new AbortController();
    const stream = world.source.stream({
      ...world.request(mark.position, tables),
      once: false,
      signal: stop.signal,
    });
    await failsWith('SOURCE-POSITION-BROKEN', async () => {
      for await (const event of stream) {
        if (event.kind !== 'transaction-end') continue;
        world.exec(`DELETE FROM _firn_log WHERE id > ${mark.completeTo.seq + 1n}`);
        world.exec('UPDATE t SET v = 5');
      }
    });
  }));

test('a file that another one replaced is noticed (spec: S10)', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const stream = world.source.stream({ ...world.request(mark.position, tables), once: false });
    await failsWith('SOURCE-REPLACED', async () => {
      for await (const event of stream) {
        if (event.kind !== 'heartbeat') continue;
        copyFileSync(world.path, `${world.path}.copy`);
        renameSync(`${world.path}.copy`, world.path);
      }
    });
    equal((await world.source.verifyPosition(mark.position)).kind, 'valid');
  }));

test('a stream notices it, too, where somebody else met the other file first (spec: S10)', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const signal = AbortSignal.timeout(5000);
    const request = { ...world.request(mark.position, tables), once: false, signal };
    let asked = 0;
    await failsWith('SOURCE-REPLACED', async () => {
      for await (const event of world.source.stream(request)) {
        if (event.kind !== 'heartbeat') continue;
        copyFileSync(world.path, `${world.path}.copy`);
        renameSync(`${world.path}.copy`, world.path);
        // Status asks every second, and is content without an answer.
        for (; asked < 2; asked++) {
          await failsWith('SOURCE-REPLACED', () => world.source.lag(mark.position));
        }
      }
    });
    equal(asked, 2);
    // With the stream the last of the old file is gone: what is opened now is the other one.
    equal((await world.source.verifyPosition(mark.position)).kind, 'valid');
    deepEqual(await world.source.lag(mark.position), { changes: 0n });
  }));

test('large rows come in batches of bounded size', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
      INSERT INTO t SELECT i, hex(zeroblob(250000)) FROM n`);
    const batches = ofKind(await world.read(mark.position, tables), 'changes');
    equal(
      batches.reduce((sum, { batch }) => sum + batch.rowCount, 0),
      60,
    );
    ok(batches.length >= 3, `${batches.length} batches`);
  }));

test('the journal is pruned up to the acknowledged row, which stays (spec: S5)', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    world.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO t SELECT i, NULL FROM n`);
    const position = lastPosition(await world.read(mark.position, tables));
    await world.source.acknowledge(position);
    const ids = world.writer
      .prepare('SELECT id FROM _firn_log')
      .all()
      .map((row) => row['id']);
    deepEqual(ids, [5000 + Number.parseInt(mark.position.token, 10)]);
    world.exec('DELETE FROM t WHERE id = 1');
    equal(changesOf(await world.read(position, tables)).length, 1);
  }));

test('the commit time is that of the change', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    const before = Date.now();
    world.exec('INSERT INTO t VALUES(1, 1)');
    const after = Date.now();
    const [end] = ofKind(await world.read(mark.position, tables), 'transaction-end');
    const at = Number.parseInt(String((end?.commitTsUs ?? 0n) / 1000n), 10);
    ok(at >= before - 1 && at <= after + 1, `${before} ${at} ${after}`);
  }));

test('an idle poll asks for the data version and reads no table (spec: S14)', () =>
  inSqliteWorld({ schema: ITEMS }, async (world) => {
    const { tables, mark } = await world.prepare();
    const stop = new AbortController();
    const request = { ...world.request(mark.position, tables), once: false, signal: stop.signal };
    const stream = world.source.stream(request)[Symbol.asyncIterator]();
    await stream.next();
    const spy = mock.method(DatabaseSync.prototype, 'prepare');
    try {
      const next = stream.next();
      while (spy.mock.callCount() < 20) await systemClock.sleep(5);
      stop.abort();
      await next;
    } finally {
      mock.restoreAll();
    }
    const asked = spy.mock.calls.map((call) => call.arguments[0]);
    deepEqual([...new Set(asked)], ['PRAGMA data_version']);
  }));

test('rows looked up belong to one moment with all the changes before them (spec: S4, S7)', () =>
  inSqliteWorld(
    { schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v)' },
    async (world) => {
      const { tables, mark } = await world.prepare();
      world.exec(`INSERT INTO t VALUES(1, 'a', 1), (2, 'b', 1);
      INSERT OR REPLACE INTO t VALUES(3, 'a', 1);
      WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
        INSERT INTO t SELECT i, i, NULL FROM n`);
      const seen: SourceEvent[] = [];
      let turn = 1;
      for await (const event of world.source.stream(world.request(mark.position, tables))) {
        seen.push(event);
        if (event.kind === 'changes' && turn < 4) {
          turn++;
          world.exec(`BEGIN; UPDATE t SET v = ${turn} WHERE id < 4;
          INSERT OR REPLACE INTO t VALUES(1, 'a${turn}', ${turn}); COMMIT`);
        }
        if (event.kind !== 'transaction-end') continue;
        const rows = fold(seen).get('t');
        const versions = ['bigint 1', 'bigint 2', 'bigint 3'].flatMap(
          (key) => rows?.get(key)?.['v'] ?? [],
        );
        equal(new Set(versions).size, 1, `rows of one transaction: ${versions.join()}`);
      }
      ok(turn > 1, 'something was written while the stream was read');
    },
  ));

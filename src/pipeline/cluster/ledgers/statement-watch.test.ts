/** Which records of the connector's own topic stop a table. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerState } from '../../../../test/support/lake-fixture.ts';
import { systemClock } from '../../../kernel/clock.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import { formatMark } from '../../../model/change-sequence.ts';
import type { ChangeSource, ForeignStatement } from '../../../ports/source.ts';
import type { CapturedTable } from '../../captured-table.ts';
import { StatementWatch } from './statement-watch.ts';
import type { StatementParts } from './statement-watch.ts';

interface HistoryRecord {
  readonly file?: string;
  readonly pos: number;
  readonly ddl?: string;
  readonly snapshot?: boolean;
}

/** What a look asks of a table, and no more. */
type WatchedTable = Pick<CapturedTable, 'name' | 'halt' | 'drop' | 'isAbsent'> & {
  readonly schema: object;
};

function encoded({ pos, ddl, ...rest }: HistoryRecord): Uint8Array {
  const position = { file: 'binlog.000000', pos, ...rest };
  return new TextEncoder().encode(JSON.stringify({ position, databaseName: 'shop', ddl }));
}

/** How a ledger that is complete to 1:100 goes on behind these records. */
async function lookedAt(
  records: readonly HistoryRecord[],
  halts: Awaited<ReturnType<NonNullable<ChangeSource['judgeStatements']>>> = [],
  /** Of a table that is gone: records that are there when it is looked the first time. */
  absent: { readonly first: number } | null = null,
): Promise<{
  readonly code: string | null;
  readonly judged: readonly string[];
  readonly isRestarted: boolean;
  readonly dropped: string | null;
}> {
  const judged: string[] = [];
  const halted: string[] = [];
  const restart = new AbortController();
  const bytes = records.map(encoded);
  let there = absent?.first ?? bytes.length;
  const table: WatchedTable = {
    isAbsent: absent !== null,
    name: 'shop.orders',
    schema: { table: { namespace: 'shop', table: 'orders' } },
    halt: null,
    drop: null,
  };
  // What a look asks of its run, and no more.
  const parts = {
    connector: 'c',
    services: {
      kafka: {
        offsets: async () => ({ topicId: 'id', earliest: [0n], latest: [BigInt(there)] }),
      },
      records: {
        async *read({ offset, to }: { readonly offset: bigint; readonly to: bigint }) {
          const [from, end] = [toSafeNumber(offset), toSafeNumber(to)];
          yield bytes.slice(from, end).map((value) => ({ value }));
        },
      },
    },
    run: {
      epoch: 1,
      tables: new Map([['shop.orders', table]]),
      stage: { table: () => ({ state: ledgerState(100n) }), remove: async () => undefined },
      settleWaiters: () => undefined,
      restart,
    },
    pipeline: {
      config: { tables: [{ pattern: 'shop.orders', exclude: [], onDrop: 'keep' }] },
      clock: systemClock,
      source: {
        judgeStatements: async (statements: readonly ForeignStatement[]) => {
          judged.push(...statements.map(({ sql }) => sql));
          return there < bytes.length ? [] : halts;
        },
      },
      state: {
        read: async () => null,
        write: async () => undefined,
        remove: async () => undefined,
      },
      metrics: { set: () => undefined },
      onEvent: (event: { readonly halt: { readonly code: string } }) =>
        halted.push(event.halt.code),
    },
  };
  const watch = new StatementWatch(parts as unknown as StatementParts);
  await watch.look();
  there = bytes.length;
  await watch.look();
  const dropped = table.drop?.upTo ? formatMark(table.drop.upTo) : null;
  return { code: halted[0] ?? null, judged, isRestarted: restart.signal.aborted, dropped };
}

test('spec: E20 — statements behind the ledger are judged, those before it are not', async () => {
  const { code, judged } = await lookedAt([
    { pos: 101, ddl: 'before' },
    { pos: 102, ddl: 'behind' },
  ]);
  equal(code, null);
  deepEqual(judged, ['behind']);
});

test('spec: E20 — a statement whose place is not known is never passed over', async () => {
  for (const file of ['binlog', 'binlog.8388608', 'binlog.']) {
    await rejects(lookedAt([{ file, pos: 101, ddl: 'any' }]), { code: 'CLUSTER-ANSWER' }, file);
  }
});

test('spec: E20 — a connector that began anew behind the ledger may have passed changes over', async () => {
  const first = await lookedAt([{ pos: 101, ddl: 'CREATE', snapshot: true }]);
  deepEqual(first, { code: null, judged: [], isRestarted: false, dropped: null });
  const anew = await lookedAt([{ pos: 102, snapshot: true }]);
  const code = 'SOURCE-CAPTURE-BEGAN';
  deepEqual(anew, { code, judged: [], isRestarted: true, dropped: null });
});

test('spec: E21 — a table goes on to its DROP, unless columns came that were not read', async () => {
  const records = [
    { pos: 120, ddl: 'other' },
    { pos: 150, ddl: 'DROP' },
  ];
  const table = { namespace: 'shop', table: 'orders' };
  const error = new FirnError('SOURCE-TABLE-MISSING', { what: 'dropped' });
  const drop = { table, error, recovery: 'operator', removal: 'table', index: 1 } as const;
  const read = await lookedAt(records, [{ ...drop, isExtended: false }]);
  deepEqual([read.code, read.dropped], [null, '1:149']);
  const extended = await lookedAt(records, [{ ...drop, isExtended: true }]);
  deepEqual([extended.code, extended.dropped], ['SOURCE-TABLE-MISSING', null]);
});

test('spec: E21 — what came before a DROP is judged with it, in however many looks it was read', async () => {
  const records = [
    { pos: 120, ddl: 'ADD COLUMN' },
    { pos: 150, ddl: 'DROP' },
  ];
  const { judged } = await lookedAt(records, [], { first: 1 });
  deepEqual(judged, ['ADD COLUMN', 'ADD COLUMN', 'DROP']);
});

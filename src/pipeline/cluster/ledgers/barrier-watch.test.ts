/** Barriers as a run takes them: none is passed over, and each is proven. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerState } from '../../../../test/support/lake-fixture.ts';
import { systemClock } from '../../../kernel/clock.ts';
import type { ConnectClient } from '../../../engines/cluster/connect-client.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import type { SourcePosition } from '../../../model/source-position.ts';
import { BarrierWatch } from './barrier-watch.ts';
import type { BarrierParts } from './barrier-watch.ts';
import { connectorPlace } from './capture-place.ts';

function position(token: string): SourcePosition {
  return { sourceId: 's', partition: 'main', token };
}

/** A connector, a topic with one record for each byte of the log, and a server. */
class World {
  /** The connector's place, and the end of the topic. */
  pos = 0;
  server = 'a';
  readonly verified: string[] = [];
  readonly restart = new AbortController();
  readonly watch: BarrierWatch;

  constructor(from: SourcePosition | null) {
    // What a watch asks of its run, and no more.
    const parts = {
      from,
      run: { epoch: 1, restart: this.restart },
      services: {
        kafka: {
          ends: async () => new Map([['t', { topicId: 'id', latest: [BigInt(this.pos)] }]]),
        },
      },
      pipeline: {
        clock: systemClock,
        onEvent: () => undefined,
        source: {
          foreignMark: async ({ offset }: { readonly offset: bigint }, epoch: number) => {
            const seq = offset - 1n;
            return { position: position(`${this.server}:${offset}`), completeTo: { epoch, seq } };
          },
          verifyPosition: async ({ token }: SourcePosition) => {
            this.verified.push(token);
            const isSame = token.startsWith(this.server);
            return isSame ? { kind: 'valid' } : { kind: 'broken', reason: 'Another server.' };
          },
        },
      },
    };
    const connect = {
      offsets: async () => [{ partition: {}, offset: { file: 'log.000001', pos: this.pos } }],
    };
    const capture = connectorPlace({
      connect: connect as unknown as ConnectClient,
      connector: 'c',
      source: parts.pipeline.source,
      epoch: 1,
      judgeStatements: async () => undefined,
    });
    this.watch = new BarrierWatch({ ...parts, capture } as unknown as BarrierParts);
  }

  /** The connector stores a place, and it is looked at. */
  async stored(pos: number): Promise<void> {
    this.pos = pos;
    await this.watch.take(['t']);
  }

  /** Where a ledger with so many records is complete, and whether no newer place is known. */
  complete(count: bigint): { readonly seq: bigint | null; readonly isNewest: boolean } {
    const cluster = { offsets: new Map([['id', [count]]]), published: null };
    const state = { ...ledgerState(0n), cluster };
    // Of a table its state is asked.
    const mark = this.watch.common([{ state } as unknown as LedgerTable]);
    const isNewest = mark !== null && this.watch.isNewest(mark);
    return { seq: mark?.completeTo.seq ?? null, isNewest };
  }
}

test('spec: E17 under load the last place is taken, and the first ones can be reached', async () => {
  const world = new World(position('a:0'));
  for (let pos = 1; pos <= 40; pos++) await world.stored(pos);
  deepEqual(world.complete(0n), { seq: null, isNewest: false });
  deepEqual(world.complete(2n), { seq: 1n, isNewest: false });
  // The connector stands still, and the last of a load is complete all the same.
  deepEqual(world.complete(40n), { seq: 39n, isNewest: true });
  const before = world.verified.length;
  await world.stored(40);
  equal(world.verified.length, before, 'nothing new is asked for');
});

test('spec: E17 the first place of a run is proven by the one that the run was opened with', async () => {
  const world = new World(position('a:0'));
  world.server = 'b';
  equal(await world.watch.isSameSource(), false, 'before the first place, too');
  await world.stored(5);
  deepEqual(world.complete(5n), { seq: null, isNewest: false });
  equal(world.restart.signal.aborted, true);
  deepEqual(world.verified, ['a:0', 'a:0']);
});

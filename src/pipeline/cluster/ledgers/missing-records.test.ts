/** Which records Flink makes nothing of, and where a job begins. */
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerState } from '../../../../test/support/lake-fixture.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { LedgerState } from '../../../lake/table-state.ts';
import { lookAtRecords, lostError } from './missing-records.ts';
import { startOf } from './topic-start.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is said of a record of this value; `open`: it is waited for. */
async function judged(value: Uint8Array | null): Promise<string> {
  const records = {
    async *read({ offset }: { readonly offset: bigint }) {
      yield [{ offset, timestampMs: 0n, key: null, value, headers: [] }];
    },
  };
  const missing = [{ partition: 0, first: 5n, last: 5n }];
  // Of the reader one method is asked.
  const services = { records } as unknown as Parameters<typeof lookAtRecords>[0];
  const { unread, open } = await lookAtRecords(services, topic, missing);
  return open === null ? (unread[0]?.reason ?? 'nothing') : 'open';
}

test('a record is set aside only where Flink cannot have made a row of it', async () => {
  for (const text of ['{"op":"c"}', '{"op":"c"} and more', '{"a":"\n"}', '{"a":"}{\\""}', ' {}']) {
    equal(await judged(bytes(text)), 'open', text);
  }
  for (const text of ['', 'null', '7', '[]', '"{}"', '{"op":', 'not json', '{op: 1}']) {
    equal(await judged(bytes(text)), 'the record is no JSON object', text);
  }
  equal(await judged(null), 'the record has no value');
  equal(await judged(new Uint8Array([0x7b, 0xff, 0x7d])), 'the record is no text in UTF-8');
});

type Look = Parameters<typeof lookAtRecords>;

/** A topic whose records up to `junk` have no value; what is before `earliest` is gone. */
function lookAt(missing: Look[2], { junk, earliest = 0n }: { junk: bigint; earliest?: bigint }) {
  const records = {
    async *read({ offset: first, to }: { readonly offset: bigint; readonly to: bigint }) {
      if (first < earliest) throw new FirnError('KAFKA-OFFSETS-GONE', { what: 'gone' });
      for (let offset = first; offset < to; offset += 2n) {
        yield [{ offset, value: offset < junk ? null : bytes('{}') }];
      }
    },
  };
  // Of the reader one method is asked.
  return lookAtRecords({ records } as unknown as Look[0], topic, missing);
}

test('any number of records that nothing can be made of is passed, a bounded number at a time', async () => {
  const all = { partition: 0, first: 0n, last: 11_001n };
  const left = { partition: 1, first: 0n, last: 0n };
  let first = 0n;
  for (const count of [5000, 5000]) {
    const found = await lookAt([{ ...all, first }, left], { junk: 99_999n });
    deepEqual([found.unread.length, found.isCut, found.open], [count, true, null]);
    first += BigInt(count);
    equal(found.unread.at(-1)?.offset, first - 1n);
  }
  const rest = await lookAt([{ ...all, first }, left], { junk: 99_999n });
  deepEqual([rest.unread.length, rest.isCut, rest.open], [1003, false, null]);
  equal(rest.unread[1]?.reason, 'there is no record at this offset');
});

test('what was not looked at is not said to be lost; what can be read is read again', async () => {
  const range = { partition: 0, first: 2n, last: 900n };
  const { open, unread } = await lookAt([range], { junk: 10n });
  deepEqual([open, unread.length], [{ partition: 0, first: 10n, last: 10n, isGone: false }, 8]);
  const gone = (await lookAt([range], { junk: 10n, earliest: 4n })).open;
  deepEqual(gone, { ...range, isGone: true });
  const names = { topic: 'a.topic', table: 'a.t' };
  const said = [open, gone].map((one) => one && lostError(one, names));
  match(said[0]?.message ?? '', /record 10 of partition 0 of a\.topic left no row/);
  match(said[0]?.remedy ?? '', /firn resume/);
  match(said[1]?.message ?? '', /records 2 to 900 .* can no longer be read/);
  match(said[1]?.remedy ?? '', /firn bootstrap/);
});

const topic = { name: 't', topicId: 'id', earliest: [4n, 0n], latest: [9n, 3n] };

function state(changes: {
  readonly offsets?: Readonly<Record<string, readonly bigint[]>>;
  readonly gap?: bigint;
}): LedgerState {
  const before = ledgerState(100n);
  const gap = changes.gap === undefined ? null : { epoch: 1, seq: changes.gap };
  const offsets = new Map(Object.entries(changes.offsets ?? {}));
  return { ...before, gap, cluster: { offsets, published: null } };
}

test('spec: E16 a job begins where main ends; what is gone is passed over behind a gap alone', () => {
  const start = (of: LedgerState): readonly bigint[] => startOf(of, topic, 'a.t');
  const code = (wanted: string) => (error: unknown) => (error as FirnError).code === wanted;
  deepEqual(start(state({})), [4n, 0n], 'a new ledger begins at the first record');
  deepEqual(start(state({ offsets: { id: [5n] } })), [5n, 0n]);
  throws(() => start(state({ offsets: { id: [3n, 0n] } })), code('LEDGER-RECORDS-LOST'));
  throws(() => start(state({ offsets: { id: [10n, 0n] } })), code('LEDGER-TOPIC-CHANGED'));
  throws(() => start(state({ offsets: { other: [5n, 0n] } })), code('LEDGER-TOPIC-CHANGED'));
  deepEqual(start(state({ offsets: { id: [3n, 1n] }, gap: 100n })), [4n, 1n]);
  deepEqual(start(state({ offsets: { other: [5n, 0n] }, gap: 100n })), [4n, 0n]);
  const older = state({ offsets: { id: [3n, 1n] }, gap: 90n });
  throws(() => start(older), code('LEDGER-RECORDS-LOST'), 'a gap that was passed long ago');
});

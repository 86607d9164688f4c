/** The plan of a merge: which files it looks at, and when it must not go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseCompaction, chooseRewrites } from './choose-rewrites.ts';
import { planMerge } from './merge-plan.ts';
import type { BaseView, LedgerView } from './merge-plan.ts';

const ledger: LedgerView = {
  uuid: 'ledger-1',
  lastSequenceNumber: 7n,
  completeTo: { epoch: 1, seq: 50n },
  retainedFrom: null,
  gap: null,
};

const base: BaseView = {
  ledgerUuid: 'ledger-1',
  ledgerSeen: 5n,
  watermark: { epoch: 1, seq: 30n },
  firstReplay: false,
};

function windowAbove(view: LedgerView, of: BaseView): bigint {
  const plan = planMerge(view, of);
  assert(plan.kind === 'merge', `planned ${plan.kind}`);
  return plan.windowAbove;
}

test('spec: M4 — the window is the files above ledger-seen', () => {
  const plan = planMerge(ledger, base);
  assert(plan.kind === 'merge');
  assert.equal(plan.windowAbove, 5n);
  assert.equal(plan.ledgerSeen, 7n);
  assert.deepEqual(plan.rules, {
    from: { epoch: 1, seq: 30n },
    to: { epoch: 1, seq: 50n },
    rereadsAfter: 5n,
  });
});

test('spec: M5 — another ledger, or one that went back, is looked at whole', () => {
  assert.equal(windowAbove({ ...ledger, uuid: 'ledger-2' }, base), -1n);
  assert.equal(windowAbove(ledger, { ...base, ledgerSeen: 9n }), -1n);
});

test('spec: B6 — the first replay takes older files too, but none of their re-reads', () => {
  const plan = planMerge(ledger, { ...base, firstReplay: true });
  assert(plan.kind === 'merge');
  assert.equal(plan.windowAbove, -1n);
  assert.equal(plan.rules.rereadsAfter, 5n);
});

test('spec: M6 — expired history and a ledger that ends before the base halt', () => {
  const expired = planMerge({ ...ledger, retainedFrom: { epoch: 1, seq: 31n } }, base);
  assert.equal(expired.kind === 'halt' && expired.code, 'MERGE-HISTORY-EXPIRED');
  const behind = planMerge({ ...ledger, completeTo: { epoch: 1, seq: 29n } }, base);
  assert.equal(behind.kind === 'halt' && behind.code, 'MERGE-LEDGER-BEHIND');
});

test('spec: M11 — a base below the gap stays where it is', () => {
  const gap = { epoch: 2, seq: 0n };
  const view = { ...ledger, gap, completeTo: { epoch: 2, seq: 4n } };
  assert.deepEqual(planMerge(view, base), { kind: 'idle', reason: 'gap' });
  assert.equal(planMerge(view, { ...base, watermark: gap }).kind, 'merge');
});

test('nothing new is nothing to do, unless the ledger is complete to a later place', () => {
  const seen = { ...base, ledgerSeen: 7n };
  const there = { ...seen, watermark: { epoch: 1, seq: 50n } };
  assert.deepEqual(planMerge(ledger, there), { kind: 'idle', reason: 'nothing-new' });
  assert.equal(windowAbove(ledger, seen), 7n);
});

test('spec: M16 — files past the budget of deleted rows are rewritten, others are not', () => {
  const chosen = chooseRewrites([
    { path: 'a', rowCount: 100, deletedRows: 13 },
    { path: 'b', rowCount: 100, deletedRows: 12 },
    { path: 'c', rowCount: 0, deletedRows: 0 },
  ]);
  assert.deepEqual([...chosen], ['a']);
});

test('a bucket with many small files is compacted; each row is rewritten few times', () => {
  const small = Array.from({ length: 9 }, (_, index) => ({
    path: `f${index}`,
    rowCount: 10,
    deletedRows: 0,
    sizeBytes: 1000,
  }));
  assert.equal(chooseCompaction(small.slice(0, 7)).length, 0);
  assert.equal(chooseCompaction(small).flat().length, 9);
  const large = { path: 'large', rowCount: 1e6, deletedRows: 0, sizeBytes: 64 * 1024 * 1024 };
  assert.ok(
    !chooseCompaction([...small, large])
      .flat()
      .includes(large),
  );
});

test('files of a compaction are as many as can be sorted at a time; no file is written for nothing', () => {
  const MIB = 1024 * 1024;
  const file = (name: string, mebibytes: number, deletedRows = 0) => {
    return { path: name, rowCount: 100, deletedRows, sizeBytes: mebibytes * MIB };
  };
  const small = Array.from({ length: 9 }, (_, index) => file(`s${index}`, 5));
  const overdue = file('overdue', 40, 20);
  const groups = chooseCompaction([overdue, file('kept', 9), ...small]);
  assert.deepEqual(
    groups.map((group) => group.map(({ path }) => path)),
    [['s0', 's1', 's2', 's3'], ['s4', 's5', 's6', 's7'], ['overdue']],
  );
});

test('compaction of a growing table rewrites each byte a logarithmic number of times', () => {
  let files: { path: string; rowCount: number; deletedRows: number; sizeBytes: number }[] = [];
  let rewritten = 0;
  for (let commit = 0; commit < 2000; commit++) {
    files.push({ path: `f${commit}`, rowCount: 1, deletedRows: 0, sizeBytes: 1000 });
    const chosen = new Set(chooseCompaction(files).flat());
    if (chosen.size === 0) continue;
    const sizeBytes = [...chosen].reduce((sum, file) => sum + file.sizeBytes, 0);
    rewritten += sizeBytes;
    files = [
      ...files.filter((file) => !chosen.has(file)),
      { path: `c${commit}`, rowCount: 1, deletedRows: 0, sizeBytes },
    ];
  }
  assert.ok(files.length < 40, `${files.length} files`);
  assert.ok(rewritten / (2000 * 1000) < 12, `${rewritten} bytes`);
});

/** How long Firn goes on asking an engine that is in trouble, and what stops nobody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testLake } from '../../../test/support/lake-fixture.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { openStateFolder } from '../state/state-folder.ts';
import { isGivenUp, troublePause, whenPossible } from './engine-trouble.ts';

test('a statement that fails again and again stops its table, a server that is away none', () => {
  const failed = new FirnError('CLUSTER-STATEMENT', { what: 'no' });
  const away = new FirnError('CLUSTER-UNREACHABLE', { what: 'no' });
  assert.deepEqual(
    [1, 4, 5].map((count) => isGivenUp(failed, count)),
    [false, false, true],
  );
  assert.equal(isGivenUp(away, 100), false);
  assert.equal(isGivenUp(new FirnError('MERGE-BASE-MOVED', { what: 'no' }), 100), false);
  assert.deepEqual(
    [1, 2, 99].map((count) => troublePause(away, count)),
    [2000, 4000, 300_000],
  );
});

test('work that may be done later ends nothing, unless what came of it is wrong', async () => {
  const notes: string[] = [];
  const { context, clock } = testLake();
  const state = openStateFolder(context.store, 'shop');
  const onEvent = (event: { readonly kind: string; readonly text?: string }): void => {
    notes.push(event.text ?? event.kind);
  };
  let tried = 0;
  const attempt = (code: ErrorCode | null, signal?: AbortSignal): Promise<number | null> => {
    const parts = { onEvent, clock, state, ...(signal && { signal }) };
    const work = async (): Promise<number> => {
      tried += 1;
      if (code !== null) throw new FirnError(code, { what: 'no memory' });
      return 7;
    };
    return whenPossible(work, { name: 'shop.items is compacted', parts });
  };
  const codes = ['CLUSTER-STATEMENT', 'CLUSTER-UNREACHABLE', 'MERGE-BASE-MOVED'] as const;
  for (const [failures, code] of codes.entries()) {
    assert.equal(await attempt(code), null);
    assert.match(notes.pop() ?? '', /^shop\.items is compacted later: .*no memory/);
    // It rests, longer each time.
    clock.move(2000 * 2 ** failures - 1);
    assert.equal(await attempt(null), null);
    assert.equal(tried, failures + 1);
    clock.move(1);
  }
  const coded = (code: ErrorCode) => (error: unknown) => isFirnError(error, code);
  await assert.rejects(attempt('MERGE-BRANCH-WRONG'), coded('MERGE-BRANCH-WRONG'));
  await assert.rejects(attempt('CLUSTER-SILENT', AbortSignal.abort()), coded('CLUSTER-SILENT'));
  assert.equal(await attempt(null), 7);
  assert.deepEqual(notes, []);
});

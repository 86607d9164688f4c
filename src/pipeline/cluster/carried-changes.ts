/**
 * The proof that Debezium could carry everything that happened (docs/spec/cluster.md E19): XA
 * transactions, compressed ones and files of the log past 4 GiB leave no trace in the topics, so
 * the server's own counts are asked for before a ledger is said to be complete. They are kept with
 * the pipeline's state: what happens while nobody looks is seen by the next look.
 */
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import { carriedCounts, judgeHidden } from '../../model/hidden-changes.ts';
import type { CarriedCounts } from '../../model/hidden-changes.ts';
import type { ChangeSource } from '../../ports/source.ts';
import type { StateFolder } from '../state/state-folder.ts';

/** What the proof is made with. */
export interface CarriedParts {
  readonly source: Pick<ChangeSource, 'hiddenChanges' | 'kind'>;
  readonly state: StateFolder;
  readonly clock: Clock;
}

/**
 * Takes what has happened so far for carried: at the first start of capture, or when a person says
 * so. `isFirst`: nothing is stored where something was before.
 */
export async function beginCarried(parts: CarriedParts, isFirst: boolean): Promise<void> {
  const { source, state } = parts;
  if (source.hiddenChanges === undefined) return;
  if (isFirst && (await state.read('carried.json')) !== null) return;
  await storeCounts(parts, carriedCounts(await source.hiddenChanges(), parts.clock.nowMs()));
}

/**
 * Proves that nothing has happened that Debezium carries wrongly, up to the moment of the call.
 *
 * @throws {FirnError} CLUSTER-NOT-CARRIED
 */
export async function proveCarried(parts: CarriedParts): Promise<void> {
  const { source, state, clock } = parts;
  if (source.hiddenChanges === undefined) return;
  const now = await source.hiddenChanges();
  const text = await state.read('carried.json');
  const before = text === null ? null : storedCounts(text);
  const verdict = judgeHidden(now, before, clock.nowMs());
  if (verdict.kind === 'not-carried') {
    throw new FirnError('CLUSTER-NOT-CARRIED', { what: verdict.what, where: source.kind });
  }
  if (verdict.counts !== before) await storeCounts(parts, verdict.counts);
}

/** As `carried.json` has them, which is written by this module alone. */
interface StoredCounts {
  readonly startedMs: number;
  readonly xaPrepared: string;
  readonly compressed: string | null;
}

function storedCounts(text: string): CarriedCounts {
  const { startedMs, xaPrepared, compressed } = parseJson(text) as unknown as StoredCounts;
  return {
    startedMs,
    xaPrepared: BigInt(xaPrepared),
    compressed: compressed === null ? null : BigInt(compressed),
  };
}

async function storeCounts({ state }: CarriedParts, counts: CarriedCounts): Promise<void> {
  const stored: StoredCounts = {
    startedMs: counts.startedMs,
    xaPrepared: String(counts.xaPrepared),
    compressed: counts.compressed === null ? null : String(counts.compressed),
  };
  await state.write('carried.json', `${JSON.stringify({ version: 1, ...stored })}\n`);
}

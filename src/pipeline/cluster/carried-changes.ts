/**
 * The proof that Debezium could carry everything that happened (docs/spec/cluster.md E19): XA
 * transactions, compressed ones and files of the log past 4 GiB leave no trace in the topics, so
 * the server's own counts are asked for before a ledger is said to be complete. They are kept with
 * the pipeline's state: what happens while nobody looks is seen by the next look.
 */
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { ChangeSource, HiddenChanges } from '../../ports/source.ts';
import type { StateFolder } from '../state/state-folder.ts';

/** What the proof is made with. */
export interface CarriedParts {
  readonly source: Pick<ChangeSource, 'hiddenChanges' | 'kind'>;
  readonly state: StateFolder;
  readonly clock: Clock;
}

/** Counts as they were when everything had been carried. */
interface CarriedCounts {
  /** When the server started, by Firn's clock. */
  readonly startedMs: number;
  readonly xaPrepared: string;
  readonly compressed: string | null;
}

/** Offsets in the log have 32 bits in the events themselves. */
const LOG_FILE_BYTES_MAX = 2n ** 32n;

/** Clocks and answers differ by less; a server that started anew by more, or it counts less. */
const SAME_START_MS = 10_000;

/**
 * Takes what has happened so far for carried: at the first start of capture, or when a person says
 * so. `isFirst`: nothing is stored where something was before.
 */
export async function beginCarried(parts: CarriedParts, isFirst: boolean): Promise<void> {
  const { source, state } = parts;
  if (source.hiddenChanges === undefined) return;
  if (isFirst && (await state.read('carried.json')) !== null) return;
  await storeCounts(parts, await source.hiddenChanges());
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
  // Written by this module alone.
  const before = text === null ? null : (parseJson(text) as unknown as CarriedCounts);
  const isSameStart =
    before !== null &&
    Math.abs(startOf(clock, now) - before.startedMs) < SAME_START_MS &&
    now.xaPrepared >= BigInt(before.xaPrepared) &&
    (now.compressed ?? 0n) >= BigInt(before.compressed ?? '0');
  const what = newHidden(now, isSameStart ? before : NOTHING_YET);
  if (what !== null) throw new FirnError('CLUSTER-NOT-CARRIED', { what, where: source.kind });
  if (!isSameStart) await storeCounts(parts, now);
}

const NOTHING_YET = { xaPrepared: '0', compressed: '0' } as const;

/** What is new since `before` and not carried; `null`: nothing. */
function newHidden(
  now: HiddenChanges,
  before: Pick<CarriedCounts, 'xaPrepared' | 'compressed'>,
): string | null {
  const xa = now.xaPrepared - BigInt(before.xaPrepared);
  if (xa > 0n) {
    return `${xa} XA transactions were prepared at the server; Debezium sends their changes whether they are committed or not`;
  }
  const compressed = (now.compressed ?? 0n) - BigInt(before.compressed ?? '0');
  if (compressed > 0n) {
    return `${compressed} transactions were compressed in the log; Debezium gives all changes of one the same place`;
  }
  if (now.logFileBytesMax <= LOG_FILE_BYTES_MAX) return null;
  return 'A file of the log is longer than 4 GiB; Debezium’s places in it begin again at 0';
}

function startOf(clock: Clock, { uptimeS }: HiddenChanges): number {
  return clock.nowMs() - toSafeNumber(uptimeS) * 1000;
}

async function storeCounts({ state, clock }: CarriedParts, now: HiddenChanges): Promise<void> {
  const counts: CarriedCounts = {
    startedMs: Math.trunc(startOf(clock, now)),
    xaPrepared: String(now.xaPrepared),
    compressed: now.compressed === null ? null : String(now.compressed),
  };
  await state.write('carried.json', `${JSON.stringify({ version: 1, ...counts })}\n`);
}

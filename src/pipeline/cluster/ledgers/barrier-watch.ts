/**
 * How far the ledgers of a run are complete: barriers taken from the place of what captures changes
 * and the ends of the topics (docs/spec/cluster.md E17), and the proof that the server behind both
 * is still the one whose log was read.
 */
import { barriersFrom, reachedBarrier, withBarrier } from '../../../ledger/barrier.ts';
import type { Barrier } from '../../../ledger/barrier.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import type { SourcePosition } from '../../../model/source-position.ts';
import type { SourceMark } from '../../../ports/source.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import { proveCarried } from '../carried-changes.ts';
import type { ClusterServices } from '../cluster-services.ts';
import type { CapturePlace } from './capture-place.ts';

/** What barriers are taken with. */
export interface BarrierParts {
  readonly pipeline: PipelineParts;
  readonly services: Pick<ClusterServices, 'kafka'>;
  readonly run: RunState;
  readonly capture: Pick<CapturePlace, 'newest'>;
  /** A place that was proven when the tables were opened; `null`: there was none to prove. */
  readonly from: SourcePosition | null;
}

/** The barriers of one run. */
export class BarrierWatch {
  readonly #parts: BarrierParts;
  #barriers: readonly Barrier[] = [];
  /** The place that was looked at last. */
  #seen: string | null = null;
  /** The newest place that was proven. */
  #proof: SourcePosition | null;
  #judgedTo: SequenceMark | null = null;

  constructor(parts: BarrierParts) {
    this.#parts = parts;
    this.#proof = parts.from;
  }

  /** Takes a barrier where changes were captured up to another place since the last. */
  async take(topicNames: readonly string[]): Promise<void> {
    const { pipeline, services, capture } = this.#parts;
    const place = await capture.newest();
    if (place === null || place.key === this.#seen) return;
    // After the place: everything before it is below these ends.
    const found = await services.kafka.ends(topicNames);
    const ends = new Map([...found.values()].map(({ topicId, latest }) => [topicId, latest]));
    const mark = await place.mark();
    if (!(await this.isSameSource())) return;
    await proveCarried(pipeline);
    this.#proof = mark.position;
    this.#judgedTo = mark.completeTo;
    this.#seen = place.key;
    const takenMs = pipeline.clock.monotonicMs();
    this.#barriers = withBarrier(this.#barriers, { mark, ends, takenMs });
  }

  /** Whether the place that was proven last still means the same to the server that answers now. */
  async isSameSource(): Promise<boolean> {
    if (this.#proof === null) return true;
    const { pipeline, run } = this.#parts;
    const verdict = await pipeline.source.verifyPosition(this.#proof);
    if (verdict.kind === 'valid') return true;
    pipeline.onEvent({ kind: 'note', text: verdict.reason });
    // Opening all tables again finds the epoch that the server's log has now.
    run.restart.abort();
    return false;
  }

  /** The newest place that a table with these offsets is complete to; `null`: none is known. */
  completeTo(topicId: string, next: readonly bigint[]): SourceMark | null {
    return reachedBarrier(this.#barriers, topicId, next)?.mark ?? null;
  }

  /** The newest place that all statements before it were judged of; `null`: there is none yet. */
  get judgedTo(): SequenceMark | null {
    return this.#judgedTo;
  }

  /** The newest place that a ledger, as it is on main, is complete to; `null`: none is known. */
  placeOf({ state }: LedgerTable): SourceMark | null {
    const [place] = state.cluster?.offsets ?? [];
    return place === undefined ? null : this.completeTo(...place);
  }

  /** The newest place that all tables are complete to; barriers before it are forgotten. */
  common(tables: readonly LedgerTable[]): SourceMark | null {
    let common: Barrier | null = this.#barriers.at(-1) ?? null;
    for (const { state } of tables) {
      const [place] = state.cluster?.offsets ?? [];
      const own = place === undefined ? null : reachedBarrier(this.#barriers, ...place);
      if (own === null) return null;
      if (common === null || own.takenMs < common.takenMs) common = own;
    }
    if (common !== null) this.#barriers = barriersFrom(this.#barriers, common.mark);
    return common?.mark ?? null;
  }

  /** Whether changes were captured up to no place after this one. */
  isNewest({ completeTo }: SourceMark): boolean {
    const newest = this.#barriers.at(-1)?.mark ?? null;
    return newest !== null && compareMarks(newest.completeTo, completeTo) <= 0;
  }

  /** Ends of a topic that a table has not come to since `beforeMs`; `null`: it has. */
  overdue(table: LedgerTable, beforeMs: number): readonly bigint[] | null {
    const [place] = table.state.cluster?.offsets ?? [];
    if (place === undefined) return null;
    const reached = reachedBarrier(this.#barriers, ...place)?.takenMs ?? -Infinity;
    const [topicId] = place;
    const due = this.#barriers.find(({ takenMs }) => takenMs > reached && takenMs < beforeMs);
    return due?.ends.get(topicId) ?? null;
  }
}

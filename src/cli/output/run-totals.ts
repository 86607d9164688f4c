/** Adds up what a running pipeline did, for its moving lines and its summaries. */
import type { PipelineEvent } from '../../pipeline/pipeline-event.ts';
import { formatAgo, formatCount, formatElapsed } from './human-text.ts';
import { printable } from './printable.ts';

interface Loading {
  rows: number;
  rowsTotal: number | null;
  /** When and at how many rows it was first seen: the rate counts from there. */
  readonly sinceMs: number;
  readonly rowsAtStart: number;
}

/** How long a rate of changes looks back. */
const RATE_MS = 5000;

/** Totals of one run. */
export class RunTotals {
  readonly #loading = new Map<string, Loading>();
  #rate: { sinceMs: number; changes: number; perSecond: number };
  #changes = 0;
  #merged = 0;
  #lagMs: number | null = null;
  #lastCommitMs: number | null = null;
  /** Rows by table since the last summary. */
  #unsaid = new Map<string, number>();
  #unsaidMerged = { inserted: 0, deleted: 0 };
  #unsaidLoading = false;

  constructor(nowMs: number) {
    this.#rate = { sinceMs: nowMs, changes: 0, perSecond: 0 };
  }

  /** Counts an event. `nowMs` is monotonic. */
  take(event: PipelineEvent, nowMs: number): void {
    switch (event.kind) {
      case 'bootstrap-progress':
        this.#takeProgress(event, nowMs);
        break;
      case 'published':
      case 'loaded':
      case 'halted':
        this.#loading.delete(event.table);
        break;
      case 'committed':
        for (const { table, rows } of event.tables) {
          this.#changes += rows;
          this.#unsaid.set(table, (this.#unsaid.get(table) ?? 0) + rows);
        }
        this.#lagMs = event.lagMs;
        this.#lastCommitMs = nowMs;
        break;
      case 'merged':
        this.#merged += event.rowsInserted + event.rowsDeleted;
        this.#unsaidMerged.inserted += event.rowsInserted;
        this.#unsaidMerged.deleted += event.rowsDeleted;
        break;
      default:
        break;
    }
  }

  #takeProgress(
    event: Extract<PipelineEvent, { kind: 'bootstrap-progress' }>,
    nowMs: number,
  ): void {
    const { table, rows, rowsTotal } = event;
    const known = this.#loading.get(table);
    if (known === undefined) {
      this.#loading.set(table, { rows, rowsTotal, sinceMs: nowMs, rowsAtStart: rows });
    } else {
      known.rows = rows;
      known.rowsTotal = rowsTotal;
    }
    this.#unsaidLoading = true;
  }

  /** The lines that move: what is copied, and how the stream is. */
  movingLines(pipeline: string, nowMs: number): readonly string[] {
    if (nowMs - this.#rate.sinceMs >= RATE_MS || this.#rate.changes === 0) {
      const seconds = Math.max(1, nowMs - this.#rate.sinceMs) / 1000;
      const perSecond = (this.#changes - this.#rate.changes) / seconds;
      this.#rate = { sinceMs: nowMs, changes: this.#changes, perSecond };
    }
    const lag = this.#lagMs === null ? '' : `, ${formatElapsed(this.#lagMs)} behind the source`;
    const last =
      this.#lastCommitMs === null
        ? 'no commit yet'
        : `last commit ${formatAgo(this.#lastCommitMs, nowMs)}`;
    const rate = formatCount(Math.round(this.#rate.perSecond));
    const ledger = `ledger ${formatCount(this.#changes)} changes (${rate}/s)${lag}`;
    const base = `base ${formatCount(this.#merged)} rows merged`;
    const stream = `${pipeline}  ${ledger}, ${last}; ${base}`;
    return [...this.#loadingLines(nowMs).slice(0, 1), stream];
  }

  #loadingLines(nowMs: number): readonly string[] {
    const tables = [...this.#loading].map(([table, loading]) => loadingText(table, loading, nowMs));
    return tables.length === 0 ? [] : [`copying  ${tables.join('; ')}`];
  }

  /** What happened since the last summary, on one line; `null`: nothing. */
  takeSummary(nowMs: number): string | null {
    const parts: string[] = [];
    if (this.#unsaidLoading) parts.push(...this.#loadingLines(nowMs));
    if (this.#unsaid.size > 0) {
      const tables = [...this.#unsaid].map(
        ([table, rows]) => `${shortName(table)} ${formatCount(rows)}`,
      );
      const lag = this.#lagMs === null ? '' : `, ${formatElapsed(this.#lagMs)} behind the source`;
      const isOne = [...this.#unsaid.values()].reduce((sum, rows) => sum + rows, 0) === 1;
      parts.push(`ledger: ${tables.join(', ')} ${isOne ? 'change' : 'changes'}${lag}`);
    }
    const { inserted, deleted } = this.#unsaidMerged;
    if (inserted + deleted > 0)
      parts.push(`base: +${formatCount(inserted)} -${formatCount(deleted)} rows`);
    this.#unsaid = new Map();
    this.#unsaidMerged = { inserted: 0, deleted: 0 };
    this.#unsaidLoading = false;
    return parts.length === 0 ? null : parts.join('; ');
  }
}

/** The table without its namespace, which is the pipeline's own. */
export function shortName(table: string): string {
  return printable(table.slice(table.indexOf('.') + 1));
}

/** `orders 120,000 of about 500,000 rows, 24%, 60,000 rows/s, 6 s to go` */
function loadingText(table: string, loading: Loading, nowMs: number): string {
  const { rows, rowsTotal, sinceMs, rowsAtStart } = loading;
  const name = shortName(table);
  const seconds = (nowMs - sinceMs) / 1000;
  const rate = seconds > 0.2 ? (rows - rowsAtStart) / seconds : 0;
  const rateText = rate > 0 ? `, ${formatCount(Math.round(rate))} rows/s` : '';
  if (rowsTotal === null || rowsTotal === 0) return `${name} ${formatCount(rows)} rows${rateText}`;
  const percent = Math.min(100, Math.floor((100 * rows) / rowsTotal));
  const left = Math.max(0, rowsTotal - rows);
  const eta = rate > 0 && left > 0 ? `, ${formatElapsed((1000 * left) / rate)} to go` : '';
  const share = `${formatCount(rows)} of about ${formatCount(rowsTotal)} rows, ${percent}%`;
  return `${name} ${share}${rateText}${eta}`;
}

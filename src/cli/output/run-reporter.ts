/**
 * Shows a running pipeline to whoever looks: two moving lines on a terminal, plain lines at a
 * bounded rate elsewhere, one JSON document per event with `--json`.
 */
import { unreachable } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { formatMark } from '../../model/change-sequence.ts';
import type { PipelineEvent } from '../../pipeline/pipeline-event.ts';
import { formatAmount, formatCount, formatElapsed, formatTimeOfDay } from './human-text.ts';
import { fit, printable } from './printable.ts';
import { RunTotals, shortName } from './run-totals.ts';
import type { Terminal } from './terminal.ts';

/** How often a moving line is drawn again. */
const MOVING_MS = 250;

/** How often commits and progress make a line where nothing moves. */
const PLAIN_MS = 5000;

/** Before a remedy, under the line that it belongs to. */
const NEXT = '          next: ';

/** Shows the events of one pipeline. */
export class RunReporter {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #pipeline: string;
  readonly #totals: RunTotals;
  readonly #stop = new AbortController();
  #lastPlainMs: number;
  /** Whether nothing was said since the pipeline started. */
  #isQuiet = false;
  /** What the pipeline tries to get past; its remedy was said. */
  #trouble: string | null = null;

  constructor(parts: {
    readonly terminal: Terminal;
    readonly clock: Clock;
    readonly pipeline: string;
  }) {
    this.#terminal = parts.terminal;
    this.#clock = parts.clock;
    this.#pipeline = parts.pipeline;
    this.#lastPlainMs = parts.clock.monotonicMs();
    this.#totals = new RunTotals(this.#lastPlainMs);
  }

  /** Takes an event. */
  take(event: PipelineEvent): void {
    this.#totals.take(event, this.#clock.monotonicMs());
    if (this.#terminal.json) {
      this.#terminal.document(eventDocument(event, this.#pipeline, this.#clock.nowMs()));
      return;
    }
    const line = lineOf(event);
    if (line !== null) this.#line(line);
    if (event.kind === 'started') {
      this.#trouble = null;
      this.#isQuiet = true;
    }
    if (event.kind !== 'retrying' || event.code === this.#trouble) return;
    this.#trouble = event.code;
    this.#terminal.line(`${NEXT}${event.remedy}`);
  }

  /** Draws until {@link end}. */
  async follow(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#draw();
      await this.#clock.sleep(MOVING_MS, signal);
    }
  }

  /** Stops drawing and says what was not said yet. */
  end(): void {
    this.#stop.abort();
    this.#terminal.progress(this.#pipeline, []);
    this.#plainSummary();
    if (this.#isQuiet && !this.#terminal.json) this.#line('nothing new');
  }

  #draw(): void {
    if (this.#terminal.json) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#terminal.moving) {
      const lines = this.#totals.movingLines(this.#pipeline, nowMs);
      const cut = lines.map((line) => fit(line, this.#terminal.columns - 1));
      this.#terminal.progress(this.#pipeline, cut);
    } else if (nowMs - this.#lastPlainMs >= PLAIN_MS) {
      this.#plainSummary();
    }
  }

  #plainSummary(): void {
    const line = this.#totals.takeSummary(this.#clock.monotonicMs());
    if (line === null) return;
    this.#lastPlainMs = this.#clock.monotonicMs();
    this.#line(line);
  }

  #line(text: string): void {
    this.#isQuiet = false;
    const time = this.#terminal.paint('quiet', formatTimeOfDay(this.#clock.nowMs()));
    this.#terminal.line(`${time}  ${this.#pipeline}  ${text}`);
  }
}

/** The line an event is worth by itself; `null`: none, commits and progress are added up. */
export function lineOf(event: PipelineEvent): string | null {
  switch (event.kind) {
    case 'started':
      return `capturing ${formatAmount(event.tables.length, 'table')}: ${shortNames(event.tables)}`;
    case 'published':
      return `${shortName(event.table)}: existing rows copied, ${formatAmount(event.rows, 'row')}`;
    case 'loaded':
      return `${shortName(event.table)}: all existing rows read, ${formatAmount(event.rows, 'row')}`;
    case 'schema-changed':
      return `${shortName(event.table)}: the schema changed, version ${event.version}`;
    case 'halted': {
      const { code, what, remedy } = event.halt;
      const head = `${shortName(event.table)}: halted, ${printable(what)} [${code}]`;
      return `${head}\n${NEXT}${remedy}`;
    }
    case 'retrying': {
      const after = formatElapsed(event.inMs);
      return `trying again in ${after}: ${printable(event.what)} [${event.code}]`;
    }
    case 'compacted': {
      const { filesBefore, filesAfter } = event;
      return `${shortName(event.table)}: compacted ${filesBefore} files into ${filesAfter}`;
    }
    case 'note':
      return printable(event.text);
    case 'bootstrap-progress':
    case 'committed':
    case 'merged':
      return null;
    default:
      return unreachable(event);
  }
}

function shortNames(tables: readonly string[]): string {
  const shown = tables.slice(0, 8).map(shortName);
  const more = tables.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${formatCount(more)} more` : shown.join(', ');
}

/** An event as a JSON document; marks are `epoch:seq` text, as everywhere outside. */
export function eventDocument(event: PipelineEvent, pipeline: string, atMs: number): unknown {
  const { kind, ...fields } = event;
  const head = { event: kind, pipeline, atMs: Math.trunc(atMs) };
  if (event.kind !== 'committed') return { ...head, ...fields };
  return { ...head, ...fields, completeTo: formatMark(event.completeTo) };
}

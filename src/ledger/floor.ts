/**
 * The floor (docs/spec/ledger.md L10, L11): one position with its complete-to, and the ledgers that
 * are complete to it, so that idle tables need no commits of their own. It counts for a table only
 * if the ledger's head is still the snapshot it names or a descendant of it. Losing the floor costs
 * time, never rows.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson } from '../kernel/lossless-json.ts';
import { formatMark, parseMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { formatPosition, parsePosition } from '../model/source-position.ts';
import type { SourcePosition } from '../model/source-position.ts';

/** Position and complete-to of every ledger that is listed. */
export interface Floor {
  readonly position: SourcePosition;
  readonly completeTo: SequenceMark;
  /** Ledger uuid to the head snapshot it had when the floor was written (`null`: none yet). */
  readonly ledgers: ReadonlyMap<string, bigint | null>;
}

/** The floor as JSON text. */
export function floorToJson(floor: Floor): string {
  const ledgers = [...floor.ledgers].map(([uuid, head]) => [uuid, head?.toString() ?? null]);
  const { position, completeTo } = floor;
  return `${JSON.stringify({
    version: 1,
    position: formatPosition(position),
    completeTo: formatMark(completeTo),
    ledgers,
  })}\n`;
}

/**
 * Reads {@link floorToJson}'s text.
 *
 * @throws FirnError PIPELINE-STATE-INVALID when it is damaged; removing the file is safe then
 */
export function floorFromJson(text: string, where: string): Floor {
  const invalid = (cause?: unknown): FirnError =>
    new FirnError('PIPELINE-STATE-INVALID', {
      what: 'The floor file is damaged.',
      where,
      remedy: 'Remove the file: that costs reading some of the log again, and loses nothing.',
      cause,
    });
  let value: Readonly<Record<string, unknown>> | null;
  try {
    // Its shape is checked below, field by field.
    value = parseJson(text) as typeof value;
  } catch (cause) {
    throw invalid(cause);
  }
  const position = parsePosition(textOf(value?.['position']));
  const completeTo = parseMark(textOf(value?.['completeTo']));
  const entries = value?.['ledgers'];
  if (value?.['version'] !== 1 || position === null || completeTo === null) throw invalid();
  if (!Array.isArray(entries)) throw invalid();
  const ledgers = new Map<string, bigint | null>();
  for (const entry of entries as readonly unknown[]) {
    if (!Array.isArray(entry)) throw invalid();
    const [uuid, head] = entry as readonly unknown[];
    const isHead = head === null || (typeof head === 'string' && /^\d{1,19}$/.test(head));
    if (typeof uuid !== 'string' || !isHead) throw invalid();
    ledgers.set(uuid, typeof head === 'string' ? BigInt(head) : null);
  }
  return { position, completeTo, ledgers };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

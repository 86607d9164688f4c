/**
 * The options of each kind of source. A new source is one more entry here; its type, checks,
 * JSON Schema and documentation follow.
 */
import type { Section } from './option.ts';

const sqlite = {
  path: {
    type: { kind: 'path' },
    text: 'The SQLite database. It must be in WAL mode.',
    since: '0.1',
  },
  pollInterval: {
    type: { kind: 'duration', minMs: 10, maxMs: 3_600_000 },
    default: '250ms',
    text: 'How often the database is asked whether something was committed.',
    since: '0.1',
  },
} as const satisfies Section;

/** Option sections by source type. */
export const SOURCE_OPTIONS = { sqlite } as const;

/**
 * Names and codes of what Firn keeps in a SQLite database. They are on disk: never change a
 * meaning.
 */

/** The journal: one row per change, in commit order. */
export const LOG_TABLE = '_firn_log';

/** Who the database is, and for whom the journal is kept. */
export const META_TABLE = '_firn_meta';

/** How each table was captured, by number. */
export const TABLES_TABLE = '_firn_tables';

/**
 * The journal for people. It is also the youngest object of an installation: a trigger on a
 * captured table that is younger was made behind Firn's back.
 */
export const CHANGES_VIEW = '_firn_changes';

/** Format of the journal that this program reads and writes. */
export const JOURNAL_FORMAT = 1n;

/** What a row of the journal says. */
export const LOG_OP = {
  /** Capture of a table began here; `v1` says why. Changes before may be missing. */
  start: 0,
  insert: 1,
  update: 2,
  delete: 3,
  /** A row that the next change may have replaced silently. */
  vanish: 4,
  /** The same capture goes on with another plan. */
  plan: 5,
  /** Capture of a table ended here; `v1` says why, `v2` gives details. */
  end: 6,
  /** A row to be read from its table again. */
  reread: 7,
} as const;

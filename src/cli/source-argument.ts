/** SOURCE on the command line. Addresses are never quoted back: they hold passwords. */
import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { pipelineNameFrom } from '../config/pipeline-name.ts';
import { unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { formatServer, isServerAddress, parseServerAddress } from './server-address.ts';
import type { ServerAddress } from './server-address.ts';

/** A SQLite database as it was named on the command line. */
export interface DatabaseFile {
  readonly type: 'sqlite';
  /** Absolute path of the database. */
  readonly path: string;
  /** Pipeline name made from it. */
  readonly name: string;
}

/** A source as it was named on the command line. */
export type SourceArgument = DatabaseFile | ServerAddress;

/** First bytes of every SQLite database (sqlite.org, "Database File Format", 1.3). */
const SQLITE_MAGIC = 'SQLite format 3\0';

/** Whether the file at `path` begins like a SQLite database. */
function isSqliteDatabase(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return false;
  const head = Buffer.alloc(SQLITE_MAGIC.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head.toString('latin1') === SQLITE_MAGIC;
}

/** Whether a word of the command line is a source and not a pipeline file. */
export function isSource(text: string): boolean {
  return isServerAddress(text) || isSqliteDatabase(text);
}

/**
 * Reads SOURCE: `mysql://` or `mariadb://` and what follows, `sqlite:PATH`, or the path of a SQLite
 * database.
 *
 * @throws {FirnError} CONFIG-SOURCE-UNKNOWN, CONFIG-NOT-SUPPORTED
 */
export function parseSource(text: string): SourceArgument {
  if (isServerAddress(text)) return parseServerAddress(text);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'sqlite' && scheme !== 'file') {
    const what = `sources of the kind ${scheme}:// are not in this version`;
    throw new FirnError('CONFIG-NOT-SUPPORTED', { what });
  }
  const path = resolve(text.replace(/^(?:sqlite|file):(?:\/\/(?=\/))?/i, ''));
  const stat = statSync(path, { throwIfNoEntry: false });
  const unknown = (what: string): FirnError =>
    new FirnError('CONFIG-SOURCE-UNKNOWN', { what, where: path });
  if (stat === undefined) throw unknown('there is no such file');
  if (stat.isDirectory()) throw unknown('this is a folder, not a database');
  if (!isSqliteDatabase(path)) throw unknown('this is not a SQLite database');
  return { type: 'sqlite', path, name: pipelineNameFrom(basename(path, extname(path))) };
}

/** For people, without secrets. */
export function formatSource(source: SourceArgument): string {
  switch (source.type) {
    case 'sqlite':
      return source.path;
    case 'mysql':
      return formatServer(source);
    default:
      return unreachable(source);
  }
}

/** Whether a pipeline file names this source. The user counts: other grants see other tables. */
export function isSameSource(
  configured: PipelineConfig['source'],
  source: SourceArgument,
): boolean {
  switch (configured.type) {
    case 'sqlite':
      return source.type === 'sqlite' && realPath(configured.path) === realPath(source.path);
    case 'mysql':
      return (
        source.type === 'mysql' &&
        configured.host.toLowerCase() === source.host.toLowerCase() &&
        configured.port === source.port &&
        configured.user === source.user
      );
    case 'debezium':
      // An address cannot say topics.
      return false;
    default:
      return unreachable(configured);
  }
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}

/**
 * Foreign keys that change rows by themselves, out of `SHOW CREATE TABLE`: the one place where a
 * user who may only read a table sees them (information_schema hides them from such a user).
 */
import type { MysqlFlavour } from './mysql-column.ts';
import { readSqlTokens } from './sql-tokens.ts';
import { TokenCursor } from './token-cursor.ts';

/** A foreign key with an action. */
export interface ForeignKeyAction {
  readonly name: string;
  /** The table that it refers to, with its database where the server writes it. */
  readonly parent: string;
  /** `ON DELETE CASCADE ON UPDATE SET NULL`. */
  readonly rules: string;
}

/** The foreign keys of a table whose actions change its rows. */
export function foreignKeyActions(
  createTable: string,
  server: { readonly flavour: MysqlFlavour; readonly version: number },
): readonly ForeignKeyAction[] {
  const dialect = { ...server, ansiQuotes: false, noBackslashEscapes: false };
  const cursor = new TokenCursor(readSqlTokens(createTable, dialect).tokens);
  if (!cursor.take('CREATE', 'TABLE') || cursor.tableName('') === null) return [];
  return (cursor.group()?.parts() ?? []).flatMap((part) => readConstraint(part) ?? []);
}

function readConstraint(part: TokenCursor): ForeignKeyAction | null {
  const name = part.take('CONSTRAINT') ? part.name() : '';
  if (!part.take('FOREIGN', 'KEY')) return null;
  part.skipTo('REFERENCES');
  part.take('REFERENCES');
  const parent = part.tableName('');
  if (name === null || parent === null) return null;
  const rules: string[] = [];
  while (!part.isAtEnd) {
    const event = part.take('ON', 'DELETE') ? 'DELETE' : part.take('ON', 'UPDATE') ? 'UPDATE' : '';
    const action =
      event !== '' && (part.takeOne('CASCADE') ?? (part.take('SET') ? takeSet(part) : null));
    if (typeof action === 'string') rules.push(`ON ${event} ${action}`);
    else if (event === '') part.next();
  }
  const shown = parent.namespace === '' ? parent.table : `${parent.namespace}.${parent.table}`;
  return rules.length === 0 ? null : { name, parent: shown, rules: rules.join(' ') };
}

function takeSet(part: TokenCursor): string | null {
  const what = part.takeOne('NULL', 'DEFAULT');
  return what === null ? null : `SET ${what}`;
}

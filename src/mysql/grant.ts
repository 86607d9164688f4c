/** What `SHOW GRANTS` says, read as the servers write it. */
import { readSqlTokens } from './sql-tokens.ts';
import type { SqlToken } from './sql-tokens.ts';
import { TokenCursor } from './token-cursor.ts';

/** One line of `SHOW GRANTS`. */
export interface Grant {
  /** In capital letters without column lists: `SELECT`, `REPLICATION SLAVE`, `ALL PRIVILEGES`. */
  readonly privileges: readonly string[];
  /** What they are on, as the server writes it: `*.*`, `` `shop`.* ``. */
  readonly scope: string;
  /** May be given on to others. */
  readonly hasGrantOption: boolean;
}

/** Reads a line; `null` for a role, a proxy and anything else that is no list of privileges. */
export function parseGrant(line: string): Grant | null {
  const { tokens } = readSqlTokens(line, {
    flavour: 'mysql',
    version: 0,
    ansiQuotes: false,
    noBackslashEscapes: false,
  });
  const cursor = new TokenCursor(tokens);
  if (!cursor.take('GRANT')) return null;
  const privileges: string[] = [];
  do {
    const words: string[] = [];
    while (cursor.group() !== null || /^(?!ON$|TO$|$)/.test(cursor.keyword())) {
      const word = cursor.keyword();
      if (!/^(?:ON|TO|)$/.test(word)) {
        words.push(word);
        cursor.next();
      }
    }
    privileges.push(words.join(' '));
  } while (cursor.take(','));
  if (!cursor.take('ON') || privileges.some((name) => name === '' || name === 'PROXY')) return null;
  const scope: string[] = [];
  while (!cursor.isAtEnd && !cursor.take('TO')) scope.push(spelled(cursor.next()));
  cursor.skipTo('WITH');
  return { privileges, scope: scope.join(''), hasGrantOption: cursor.take('WITH', 'GRANT') };
}

function spelled(token: SqlToken | undefined): string {
  if (token?.kind === 'quoted') return `\`${token.text.replaceAll('`', '``')}\``;
  return token?.text ?? '';
}

/**
 * The grants of `docs/sources/mysql.md`, read from the page itself: what tests run with is exactly
 * what users are told to grant.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../../../src/kernel/assert.ts';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';

const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'sources', 'mysql.md');

/** Whom to grant what. */
export interface GrantWish {
  readonly flavour: ServerFlavour;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

const HEADINGS: Readonly<Record<ServerFlavour, string>> = { mysql: 'MySQL', mariadb: 'MariaDB' };

/** The statements that the page tells to run for that server, with its placeholders filled in. */
export function grantsFor({ flavour, database, user, password }: GrantWish): readonly string[] {
  const page = readFileSync(PAGE, 'utf8');
  const block = new RegExp(`^${HEADINGS[flavour]}:\\n\\n\`\`\`sql\\n(.*?)\`\`\``, 'ms').exec(
    page,
  )?.[1];
  return present(block, `a block of SQL below "${HEADINGS[flavour]}:" in ${PAGE}`)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replace(/;$/, '')
        .replace("'firn'@", `'${user}'@`)
        .replace("'...'", `'${password}'`)
        .replace('`shop`', `\`${database}\``),
    );
}

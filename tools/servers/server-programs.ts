/**
 * The database servers of the live lane: MySQL of Debian sid and MariaDB of Debian 12, unpacked
 * under `.cache/servers/` at first use. sid moves on; delete the folder to get its newer MySQL.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureDebianFolder } from './debian-folder.ts';

/** Which of the two servers. */
export type ServerFlavour = 'mysql' | 'mariadb';

/** Both, in the order in which they are started. */
export const SERVER_FLAVOURS: readonly ServerFlavour[] = ['mysql', 'mariadb'];

/** How to run a server and its client. */
export interface ServerPrograms {
  readonly flavour: ServerFlavour;
  /** Command and first arguments of the server. */
  readonly server: readonly string[];
  /** Command and first arguments of the command line client. */
  readonly client: readonly string[];
  /** Holds `share/` and `lib/` of the server. */
  readonly baseDir: string;
  /** Where an empty data folder is kept, to be copied for each new server. */
  readonly emptyData: string;
}

/** Programs that run, or why this machine has none. */
export type ProgramsAnswer =
  | { readonly kind: 'ready'; readonly programs: ServerPrograms }
  | { readonly kind: 'absent'; readonly reason: string };

const WISHES = {
  mysql: {
    suite: 'sid',
    packages: ['mysql-server-core', 'mysql-client-core'],
    without: ['perl', 'libperl', 'libgdbm', 'libdb5', 'gcc-', 'libbz2'],
    server: 'usr/sbin/mysqld',
    client: 'usr/bin/mysql',
  },
  mariadb: {
    suite: 'bookworm',
    packages: ['mariadb-server-core', 'mariadb-client-core'],
    without: ['perl', 'libperl', 'gcc-'],
    server: 'usr/sbin/mariadbd',
    client: 'usr/bin/mariadb',
  },
} as const;

/** Gets the programs of a server, downloading them when this project has none yet. */
export async function ensurePrograms(flavour: ServerFlavour): Promise<ProgramsAnswer> {
  const { server, client, ...usual } = WISHES[flavour];
  // Another version, for whoever asks for it: `FIRN_MARIADB_SUITE=trixie` is MariaDB 11.8.
  const suite = process.env[`FIRN_${flavour.toUpperCase()}_SUITE`] ?? usual.suite;
  const wish = { ...usual, suite };
  const name = suite === usual.suite ? flavour : `${flavour}-${suite}`;
  const folder = resolve('.cache', 'servers', name);
  const answer = await ensureDebianFolder({ ...wish, folder });
  if (answer.kind === 'absent') return answer;
  const root = join(folder, 'root');
  return {
    kind: 'ready',
    programs: {
      flavour,
      server: [...answer.loader, '--argv0', server.slice('usr/sbin/'.length), join(root, server)],
      client: [...answer.loader, join(root, client)],
      baseDir: join(root, 'usr'),
      emptyData: join(folder, 'data'),
    },
  };
}

/** The SQL with which an empty MariaDB makes its system tables (MySQL has it built in). */
export function mariadbSystemTables(programs: ServerPrograms): string {
  // From 11 on the scripts have the server's own name.
  const share = join(programs.baseDir, 'share');
  const own = existsSync(join(share, 'mysql')) ? 'mysql' : 'mariadb';
  const files = [
    `${own}_system_tables.sql`,
    `${own}_performance_tables.sql`,
    `${own}_system_tables_data.sql`,
    'maria_add_gis_sp_bootstrap.sql',
    `${own}_sys_schema.sql`,
  ];
  const scripts = files.map((name) => readFileSync(join(share, own, name), 'utf8'));
  const head = 'CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n';
  return head + scripts.join('\n');
}

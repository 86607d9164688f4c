/**
 * The servers of one run of the live lane: fresh data, free ports, ended with everything that its
 * tests started in the lane's folder. Where the environment gives an address (`FIRN_MYSQL_URL`,
 * `FIRN_MARIADB_URL`: a user with all privileges), that server is used instead.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endServer, freePort, serverProcessOf, startServer } from './database-server.ts';
import { endAtSignal } from './end-at-signal.ts';
import type { ServerFlavour } from './server-programs.ts';
import { SERVER_FLAVOURS, ensurePrograms } from './server-programs.ts';

/** The variables with the addresses of the servers. */
export const URL_VARIABLES: Readonly<Record<ServerFlavour, string>> = {
  mysql: 'FIRN_MYSQL_URL',
  mariadb: 'FIRN_MARIADB_URL',
};

/** The variable with the folder in which tests start servers of their own. */
export const FOLDER_VARIABLE = 'FIRN_LIVE_FOLDER';

/** Servers that answer, or why there are none. */
export type LaneServers =
  | {
      readonly kind: 'ready';
      readonly env: Readonly<Record<string, string>>;
      readonly end: () => Promise<void>;
    }
  | { readonly kind: 'absent'; readonly reason: string };

interface Address {
  readonly variable: string;
  /** `null`: this machine cannot have that server. */
  readonly url: string | null;
  readonly note: string;
}

async function addressOf(flavour: ServerFlavour, folder: string): Promise<Address> {
  const variable = URL_VARIABLES[flavour];
  const given = process.env[variable];
  if (given !== undefined && given !== '') {
    return { variable, url: given, note: `${flavour}: the server that ${variable} names` };
  }
  const answer = await ensurePrograms(flavour);
  if (answer.kind === 'absent') {
    return { variable, url: null, note: `no ${flavour}: ${answer.reason}` };
  }
  const { version, port } = await startServer({
    programs: answer.programs,
    folder: join(folder, flavour),
    port: await freePort(),
    serverId: flavour === 'mysql' ? 1001 : 1002,
    options: [],
  });
  const url = `${flavour}://root@127.0.0.1:${port}`;
  return { variable, url, note: `${flavour} ${version} at 127.0.0.1:${port}` };
}

async function endAllIn(folder: string): Promise<void> {
  const pids = readdirSync(folder).flatMap((name) => serverProcessOf(join(folder, name)) ?? []);
  await Promise.all(pids.map((pid) => endServer(pid)));
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Starts the servers whose address the environment does not give.
 *
 * @throws {Error} when a server that this machine can have does not start
 */
export async function startLaneServers(): Promise<LaneServers> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-live-'));
  const end = (): Promise<void> => endAllIn(folder);
  endAtSignal(end);

  const started = await Promise.allSettled(
    SERVER_FLAVOURS.map((flavour) => addressOf(flavour, folder)),
  );
  const failed = started.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await end();
    throw failed.reason;
  }
  const addresses = started.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  for (const { note } of addresses) process.stdout.write(`${note}\n`);
  if (addresses.every(({ url }) => url === null)) {
    await end();
    return { kind: 'absent', reason: addresses.map(({ note }) => note).join('; ') };
  }
  const env: Record<string, string> = { [FOLDER_VARIABLE]: folder };
  for (const { variable, url } of addresses) if (url !== null) env[variable] = url;
  return { kind: 'ready', env, end };
}

/**
 * `node tools/servers.ts start|stop|status`: the two database servers for work by hand, on fixed
 * ports of loopback, with data under `--folder` (`.cache/servers/run`). The live lane starts its
 * own, with fresh data and free ports.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endServer, serverProcessOf, startServer } from './servers/database-server.ts';
import type { ServerFlavour } from './servers/server-programs.ts';
import { SERVER_FLAVOURS, ensurePrograms } from './servers/server-programs.ts';

const PORTS: Readonly<Record<ServerFlavour, number>> = { mysql: 33_097, mariadb: 33_011 };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function start(flavour: ServerFlavour, folder: string): Promise<void> {
  const running = serverProcessOf(folder);
  const port = PORTS[flavour];
  if (running !== null) {
    say(`${flavour}: runs already at 127.0.0.1:${port}, process ${running}`);
    return;
  }
  const answer = await ensurePrograms(flavour);
  if (answer.kind === 'absent') throw new Error(`no ${flavour}: ${answer.reason}`);
  const wish = { programs: answer.programs, folder, port, serverId: port, options: [] };
  const server = await startServer(wish);
  say(`${flavour} ${server.version}: root@127.0.0.1:${port}, process ${server.pid}, ${folder}`);
}

async function stop(flavour: ServerFlavour, folder: string): Promise<void> {
  const pid = serverProcessOf(folder);
  if (pid !== null) await endServer(pid);
  say(`${flavour}: ${pid === null ? 'was not running' : 'ended'}`);
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { folder: { type: 'string', default: '.cache/servers/run' } },
  });
  const [command] = positionals;
  const folderOf = (flavour: ServerFlavour): string => resolve(values.folder, flavour);
  if (command === 'start') {
    await Promise.all(SERVER_FLAVOURS.map((flavour) => start(flavour, folderOf(flavour))));
  } else if (command === 'stop') {
    await Promise.all(SERVER_FLAVOURS.map((flavour) => stop(flavour, folderOf(flavour))));
  } else if (command === 'status') {
    for (const flavour of SERVER_FLAVOURS) {
      const pid = serverProcessOf(folderOf(flavour));
      say(`${flavour}: ${pid === null ? 'not running' : `process ${pid}, port ${PORTS[flavour]}`}`);
    }
  } else {
    say('node tools/servers.ts start|stop|status [--folder FOLDER]');
    return 2;
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

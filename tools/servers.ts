/**
 * `node tools/servers.ts start|stop|status`: the two database servers for work by hand, on fixed
 * ports of loopback, with data under `--folder` (`.cache/servers/run`). The live lane starts its
 * own, with fresh data and free ports.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endServer, isAlive, startServer } from './servers/database-server.ts';
import type { ServerFlavour } from './servers/server-programs.ts';
import { SERVER_FLAVOURS, ensurePrograms } from './servers/server-programs.ts';

const PORTS: Readonly<Record<ServerFlavour, number>> = { mysql: 33_097, mariadb: 33_011 };

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The process of the server of a folder, when it lives and is that server. */
function livingPid(folder: string): number | null {
  const path = join(folder, 'process');
  if (!existsSync(path)) return null;
  const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
  if (!isAlive(pid)) return null;
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  return command.includes(join(folder, 'server.cnf')) ? pid : null;
}

async function start(flavour: ServerFlavour, folder: string): Promise<void> {
  const running = livingPid(folder);
  const port = PORTS[flavour];
  if (running !== null) {
    say(`${flavour}: runs already at 127.0.0.1:${port}, process ${running}`);
    return;
  }
  const answer = await ensurePrograms(flavour);
  if (answer.kind === 'absent') throw new Error(`no ${flavour}: ${answer.reason}`);
  mkdirSync(folder, { recursive: true });
  const wish = { programs: answer.programs, folder, port, serverId: port, options: [] };
  const server = await startServer(wish);
  writeFileSync(join(folder, 'process'), `${server.pid}\n`);
  say(`${flavour} ${server.version}: root@127.0.0.1:${port}, process ${server.pid}, ${folder}`);
}

async function stop(flavour: ServerFlavour, folder: string): Promise<void> {
  const pid = livingPid(folder);
  if (pid !== null) await endServer(pid);
  rmSync(join(folder, 'process'), { force: true });
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
      const pid = livingPid(folderOf(flavour));
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

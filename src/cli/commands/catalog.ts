/** `firn catalog serve FILE`: the lake’s catalog over REST, until stopped; and `connect`. */
import { once } from 'node:events';
import { startCatalogServer } from '../../catalog-server/catalog-server.ts';
import type { ServedRequest } from '../../catalog-server/catalog-server.ts';
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { openServedLake } from '../../pipeline/adapters.ts';
import { listArgument, listOption, textArgument, textOption } from '../command.ts';
import type { Command, CommandContext, CommandInput } from '../command.ts';
import { TOKEN_VARIABLE, isLoopback } from '../connect/catalog-token.ts';
import { EXIT } from '../exit-code.ts';
import { secretReader } from '../secret-reader.ts';
import { catalogConnect } from './catalog-connect.ts';

const TOKEN_LENGTH_MIN = 16;
const PORT_DEFAULT = 8181;
const HOST_DEFAULT = '127.0.0.1';

/** What is done with the catalog. */
export const catalog: Command = async (context, input) => {
  const action = textArgument(input, 0);
  if (action === 'connect') return catalogConnect(context, input);
  if (action === 'serve') return serve(context, input);
  throw usage(`firn catalog knows serve and connect, not ${JSON.stringify(action)}`);
};

/** Ends only by a signal, which is its normal end. */
const serve: Command = async (context, input) => {
  const [file, ...more] = listArgument(input, 1);
  if (file === undefined || more.length > 0) throw usage('firn catalog serve takes one file');
  const { clock, random, signal, log } = context;
  const config = loadPipelineFile(file);
  const host = textOption(input, 'host') ?? HOST_DEFAULT;
  const port = portOption(input);
  const { token, isNew } = tokenFor(context, host);
  const hosts = [host, ...(listOption(input, 'allowHost') ?? [])];
  const readSecret = secretReader(context.environment);
  const lake = await openServedLake({ config, clock, random, readSecret });
  try {
    const server = await startCatalogServer({
      ...lake,
      clock,
      random,
      host,
      port,
      access: { hosts, token },
      onServed: (request) => logRequest(log, request),
    });
    tell(context, { url: urlOf(host, server.port), name: lake.catalog.name, token, isNew });
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
  } finally {
    await lake.catalog.close();
    await lake.close();
  }
  return EXIT.interrupted;
};

function usage(what: string): FirnError {
  return new FirnError('CONFIG-USAGE', { what });
}

function portOption(input: CommandInput): number {
  const text = textOption(input, 'port');
  if (text === null) return PORT_DEFAULT;
  const port = /^\d{1,5}$/.test(text) ? Number.parseInt(text, 10) : -1;
  if (port >= 0 && port < 65_536) return port;
  throw usage('--port takes a number from 0 (any free port) to 65535');
}

/** The token of the environment; a new one where others can reach the server and there is none. */
function tokenFor(
  { environment, random }: CommandContext,
  host: string,
): { readonly token: string | null; readonly isNew: boolean } {
  const given = environment[TOKEN_VARIABLE] ?? '';
  if (given !== '') {
    if (given.length >= TOKEN_LENGTH_MIN && /^[\x21-\x7e]+$/.test(given)) {
      return { token: given, isNew: false };
    }
    throw usage(`${TOKEN_VARIABLE} must have at least ${TOKEN_LENGTH_MIN} printable characters`);
  }
  if (isLoopback(host)) return { token: null, isNew: false };
  return { token: Buffer.from(random.bytes(24)).toString('base64url'), isNew: true };
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

interface Served {
  readonly url: string;
  readonly name: string;
  readonly token: string | null;
  readonly isNew: boolean;
}

function tell({ terminal }: CommandContext, { url, name, token, isNew }: Served): void {
  terminal.document({ url, ...(isNew ? { token } : {}) });
  terminal.line(`catalog ${name} at ${terminal.paint('strong', url)}`);
  if (isNew) {
    terminal.line(`token ${token}`);
    terminal.line(`made for this run; set ${TOKEN_VARIABLE} to choose one that stays`);
  } else if (token !== null) {
    terminal.line(`clients need the token of ${TOKEN_VARIABLE}`);
  }
  if (!terminal.json) terminal.note('serving; Ctrl-C ends');
}

function logRequest(log: CommandContext['log'], request: ServedRequest): void {
  const { method, target, status, error } = request;
  const fields = { method, target, status };
  if (error === null) log.debug(fields, 'request');
  else
    log.error(
      { ...fields, reason: error instanceof Error ? error.message : 'unknown' },
      'request failed',
    );
}

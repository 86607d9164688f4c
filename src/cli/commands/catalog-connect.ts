/** `firn catalog connect ENGINE FILE`: what another engine is told so that it opens the lake. */
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { listArgument, textOption } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { TOKEN_VARIABLE, isLoopback } from '../connect/catalog-token.ts';
import { ENGINE_NAMES, engineText, isEngineName } from '../connect/engine-text.ts';
import { lakeConnection } from '../connect/lake-connection.ts';
import type { Door } from '../connect/lake-connection.ts';
import { EXIT } from '../exit-code.ts';

/** Opens nothing: what it prints follows from the pipeline file and the options. */
export const catalogConnect: Command = async (context, input) => {
  const [engine = '', file] = listArgument(input, 1);
  if (!isEngineName(engine)) {
    throw usage(`firn catalog connect knows ${ENGINE_NAMES.join(', ')}, not "${engine}"`);
  }
  if (file === undefined) throw usage('firn catalog connect takes an engine and a pipeline file');
  const config = loadPipelineFile(file);
  const door = doorOf(context, textOption(input, 'uri'), config.lake.catalog);
  const text = engineText(engine, lakeConnection(config, door));
  const { terminal } = context;
  terminal.document({ engine, ...text });
  terminal.note(terminal.paint('quiet', `for ${text.where}:`));
  terminal.line(text.setup);
  terminal.line();
  terminal.line(text.read);
  for (const note of text.notes) terminal.note(terminal.paint('quiet', note));
  return EXIT.done;
};

function usage(what: string): FirnError {
  return new FirnError('CONFIG-USAGE', { what });
}

/** A server asks for a token when it has one, and at any address but this machine's own. */
function doorOf(
  { environment }: CommandContext,
  uri: string | null,
  catalog: PipelineConfig['lake']['catalog'],
): Door {
  const warehouse = catalog.type === 'sqlite' ? null : catalog.warehouse;
  if (uri === null) {
    return catalog.type === 'sqlite'
      ? { kind: 'file', path: catalog.path }
      : { kind: 'rest', uri: catalog.uri, needsToken: catalog.auth.type !== 'none', warehouse };
  }
  const address = URL.parse(uri);
  if (address === null || !['http:', 'https:'].includes(address.protocol)) {
    throw usage('--uri takes the address of firn catalog serve, such as http://127.0.0.1:8181');
  }
  if (address.username !== '' || address.password !== '') {
    throw usage(`--uri takes no user and no password; a token goes by ${TOKEN_VARIABLE}`);
  }
  const hasToken = (environment[TOKEN_VARIABLE] ?? '') !== '';
  const needsToken = hasToken || !isLoopback(address.hostname.replace(/^\[(.*)\]$/, '$1'));
  return { kind: 'rest', uri: uri.replace(/\/+$/, ''), needsToken, warehouse };
}

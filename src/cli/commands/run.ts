/**
 * `firn run`: copies until stopped. With `--into` it makes the pipeline file first and checks the
 * source, so that one command takes a user from a database to a lake.
 */
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { loadPipelineFile, PIPELINE_FILE_NAME } from '../../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { checkLake } from '../check-lake.ts';
import { flagOption, listArgument, listOption, textOption } from '../command.ts';
import type { Command, CommandContext, CommandInput } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { tellPassword, withPassword, writeNewPipeline } from '../new-pipeline.ts';
import { withSource } from '../open-pipeline.ts';
import { countFindings, findingDocuments, hasErrors, showFindings } from '../output/findings.ts';
import { formatAmount } from '../output/human-text.ts';
import { printable } from '../output/printable.ts';
import { pipelineFiles, runFiles, runPipelines } from '../run-pipelines.ts';
import { isSameSource, isSource, parseSource } from '../source-argument.ts';
import type { SourceArgument } from '../source-argument.ts';
import { isServerAddress } from '../server-address.ts';

/** Exit code 130 after a signal, 3 when a table is halted at the end of `--once`. */
export const run: Command = async (context, input) => {
  const once = flagOption(input, 'once');
  const into = textOption(input, 'into');
  const files = listArgument(input, 0);
  if (into === null) {
    if (textOption(input, 'tables') !== null) {
      throw usage('--tables goes with --into; for a pipeline file, list the tables in the file');
    }
    const source = files.find(isSource);
    if (source !== undefined) throw notAFile(source);
    return runFiles(context, pipelineFiles(files), { once });
  }
  if (files.length !== 1) throw usage('--into copies one source');
  const source = parseSource(files[0] ?? '');
  const config = await pipelineInto(context, input, { source, folder: into });
  const password = config.source.type === 'mysql' ? config.source.password : null;
  const variable = password?.kind === 'env' ? password.name : undefined;
  const inside = withPassword(context, source, variable);
  if (!(await isReady(inside, config))) return EXIT.no;
  return runPipelines(inside, [config], { once });
};

/** A source where a pipeline file belongs. The address of a server is not quoted back. */
function notAFile(source: string): FirnError {
  const shown = isServerAddress(source) ? 'ADDRESS' : source;
  return new FirnError('CONFIG-USAGE', {
    what: 'this is a database, not a pipeline file',
    where: shown,
    remedy: `Say where to copy it: firn run ${shown} --into lake`,
  });
}

function usage(what: string): FirnError {
  return new FirnError('CONFIG-USAGE', { what });
}

/** The pipeline of the folder, made when it is not there yet. */
async function pipelineInto(
  context: CommandContext,
  input: CommandInput,
  request: { readonly source: SourceArgument; readonly folder: string },
): Promise<PipelineConfig> {
  const { source } = request;
  const fileName = resolve(join(request.folder, PIPELINE_FILE_NAME));
  const tables = listOption(input, 'tables');
  if (!existsSync(fileName)) {
    const made = await writeNewPipeline(context, { source, fileName, warehouse: './', tables });
    context.terminal.line(
      `wrote ${printable(relative('.', fileName))}: ${formatAmount(made.tables.length, 'table')}`,
    );
    tellPassword(context, source);
    return made;
  }
  const config = loadPipelineFile(fileName);
  if (!isSameSource(config.source, source)) {
    const what = 'the pipeline file that is there names another source';
    throw new FirnError('CONFIG-SOURCE-DIFFERS', { what, where: fileName });
  }
  if (tables !== null) {
    throw new FirnError('CONFIG-USAGE', {
      what: `there is a pipeline file already, ${fileName}; it says which tables are copied`,
      remedy: 'Change its list of tables, or leave --tables out.',
    });
  }
  return config;
}

/** Whether nothing stands in the way; says what does. */
async function isReady(context: CommandContext, config: PipelineConfig): Promise<boolean> {
  const { terminal } = context;
  const ofSource = await withSource(context, config, (source) => source.check());
  const findings = [...(await checkLake(context, config)), ...ofSource];
  if (!hasErrors(findings)) {
    const warnings = countFindings(findings, 'warning');
    if (warnings > 0) {
      const shown = printable(relative('.', config.fileName));
      terminal.line(
        `${formatAmount(warnings, 'warning')}; ${context.program} check ${shown} tells them`,
      );
    }
    return true;
  }
  showFindings(terminal, findings);
  terminal.document({
    event: 'check',
    pipeline: config.name,
    findings: findingDocuments(findings),
  });
  return false;
}

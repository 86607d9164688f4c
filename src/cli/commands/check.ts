/** `firn check FILE`: connects, changes nothing, says what is wrong and how to fix it. */
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { checkLake } from '../check-lake.ts';
import { textArgument } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { countFindings, findingDocuments, hasErrors, showFindings } from '../output/findings.ts';
import { formatAmount } from '../output/human-text.ts';
import { missingLake, withPipeline, withSource } from '../open-pipeline.ts';
import { secretReader } from '../secret-reader.ts';
import type { ChangeSource, Finding } from '../../ports/source.ts';

/** Bases that are there: nothing is said, or made, before the first run. */
async function checkBases(
  context: CommandContext,
  config: PipelineConfig,
): Promise<readonly Finding[]> {
  if (missingLake(config) !== null) return [];
  return withPipeline(context, { config }, (service) =>
    config.engine === 'cluster' ? service.keptRecords() : service.formatFindings(),
  );
}

/** Exit code 1 when something would keep the pipeline from running or lose changes. */
export const check: Command = async (context, input) => {
  const { terminal } = context;
  const config = loadPipelineFile(textArgument(input, 0));
  const ofSource = await withSource(context, config, async (source) => {
    const found = await source.check();
    return config.engine === 'cluster'
      ? [...found, ...(await ofCluster(context, config, source))]
      : found;
  });
  const ofLake = await checkLake(context, config);
  const ofBases = hasErrors(ofLake) ? [] : await checkBases(context, config);
  const findings = [...ofLake, ...ofSource, ...ofBases];
  const failed = hasErrors(findings);
  terminal.document({ pipeline: config.name, ok: !failed, findings: findingDocuments(findings) });
  showFindings(terminal, findings);
  const errors = formatAmount(countFindings(findings, 'error'), 'error');
  const counts = `${errors}, ${formatAmount(countFindings(findings, 'warning'), 'warning')}`;
  if (failed) terminal.line(`${terminal.paint('bad', 'not ready')}: ${counts}`);
  else terminal.line(`${terminal.paint('good', 'ready')}: ${counts}; firn run starts it`);
  return failed ? EXIT.no : EXIT.done;
};

/** What the cluster's services say, and which tables they cannot carry. */
async function ofCluster(
  { clock, random, environment }: CommandContext,
  config: PipelineConfig,
  source: ChangeSource,
): Promise<readonly Finding[]> {
  const { planPipeline } = await import('../../pipeline/cluster/plan-pipeline.ts');
  const { checkCluster } = await import('../../pipeline/cluster/check-cluster.ts');
  const parts = { config, clock, random, readSecret: secretReader(environment) };
  const hidden =
    (await source.checkDebezium?.({ readsRows: true, instead: 'engine: embedded' })) ?? [];
  return [...hidden, ...(await checkCluster(parts, await planPipeline(parts, source)))];
}

/**
 * `firn apply FILE`: brings topics, connector and tables of a cluster to what the pipeline file
 * says, without reading anything; with `--dry-run` it says what it would do.
 */
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { flagOption, textArgument } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { missingLake, withPipeline, withSource } from '../open-pipeline.ts';
import { findingDocuments, hasErrors, showFindings } from '../output/findings.ts';
import { formatAmount } from '../output/human-text.ts';
import { printable } from '../output/printable.ts';
import { secretReader } from '../secret-reader.ts';
import type { Finding } from '../../ports/source.ts';

/** Exit code 1 when something keeps the pipeline from running as its file says. */
export const apply: Command = async (context, input) => {
  const { terminal } = context;
  const config = loadPipelineFile(textArgument(input, 0));
  if (config.engine !== 'cluster') {
    const what = 'only a pipeline with engine: cluster has anything to apply';
    throw new FirnError('CONFIG-USAGE', { what, where: config.fileName });
  }
  const isDry = flagOption(input, 'dryRun');
  const done = isDry ? [] : await applied(context, config);
  const { actions, findings } = await inspected(context, config);
  const failed = hasErrors(findings);
  terminal.document({
    pipeline: config.name,
    dryRun: isDry,
    done,
    pending: actions,
    ok: !failed,
    findings: findingDocuments(findings),
  });
  for (const action of actions) {
    terminal.line(
      `${terminal.paint('warning', isDry ? 'would' : 'still to do')} ${printable(action)}`,
    );
  }
  showFindings(terminal, findings);
  if (isDry) terminal.line(`${formatAmount(actions.length, 'action')} to do; firn apply does them`);
  else terminal.line(`${formatAmount(done.length, 'action')} done`);
  return failed ? EXIT.no : EXIT.done;
};

/** What was done: a line each. */
async function applied(
  context: CommandContext,
  config: PipelineConfig,
): Promise<readonly string[]> {
  const { terminal } = context;
  const done: string[] = [];
  await withPipeline(context, { config }, (service) =>
    service.request('apply', {}, (text) => {
      done.push(text);
      terminal.line(`${terminal.paint('good', 'done')} ${printable(text)}`);
    }),
  );
  return done;
}

interface Inspected {
  readonly actions: readonly string[];
  readonly findings: readonly Finding[];
}

/** What there is to do now: in the catalog, Kafka and Connect. */
async function inspected(context: CommandContext, config: PipelineConfig): Promise<Inspected> {
  const { clock, random, environment } = context;
  const parts = { config, clock, random, readSecret: secretReader(environment) };
  const { planPipeline } = await import('../../pipeline/cluster/plan-pipeline.ts');
  const { inspectCluster } = await import('../../pipeline/cluster/inspect-cluster.ts');
  const plan = await withSource(context, config, (source) => planPipeline(parts, source));
  const wanted = plan.tables.flatMap(({ ledger, base, deadLetters }) => {
    return [ledger, deadLetters, ...(base === null ? [] : [base])].map((draft) => draft.identifier);
  });
  const { missing, kept } =
    missingLake(config) === null
      ? await withPipeline(context, { config }, async (service) => {
          const missing = await service.missingTables(wanted);
          return { missing, kept: await service.keptRecords() };
        })
      : { missing: wanted, kept: [] };
  const { actions, findings } = await inspectCluster(parts, plan);
  const refused = plan.refused.map(({ table, reason }): Finding => {
    return { severity: 'error', code: 'CLUSTER-TABLE', table, message: reason, fix: null };
  });
  return {
    actions: [
      ...missing.map(({ namespace, name }) => `make table ${namespace}.${name}`),
      ...actions,
    ],
    findings: [...findings, ...kept, ...refused],
  };
}

/**
 * Pipelines beside one another in one process. Each has its own errors: one that fails is told,
 * rests and starts again, for as long as another one runs. They share the clients of a cluster's
 * services.
 */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadPipelineFile, PIPELINE_FILE_NAME } from '../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { ServicePool } from '../pipeline/cluster/cluster-services.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { withPipeline } from './open-pipeline.ts';
import { formatElapsed } from './output/human-text.ts';
import { exitCodeOf, mayStartAgain, showError } from './output/render-error.ts';
import { secretReader } from './secret-reader.ts';
import { RunReporter } from './output/run-reporter.ts';

/** How pipelines are run. */
export interface RunOptions {
  readonly once: boolean;
}

/** How long one that failed rests: doubled each time, up to the longest. */
const REST_MS_FIRST = 30_000;
const REST_MS_MAX = 600_000;

/** A run that lasted so long has been well. */
const WELL_MS = 600_000;

/**
 * The pipeline files that arguments mean: a folder without `firn.yaml` means every `.yaml` in it.
 *
 * @throws {FirnError} CONFIG-NOT-FOUND for a folder without any
 */
export function pipelineFiles(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const folder = resolve(path);
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
    const names = readdirSync(folder).toSorted();
    if (names.includes(PIPELINE_FILE_NAME)) return [path];
    const files = names.filter((name) => /\.ya?ml$/.test(name)).map((name) => join(folder, name));
    if (files.length > 0) return files;
    const what = 'there is no pipeline file in the folder';
    throw new FirnError('CONFIG-NOT-FOUND', { what, where: folder });
  });
}

/** Runs the pipelines of files; the exit code is that of the worst. */
export async function runFiles(
  context: CommandContext,
  files: readonly string[],
  options: RunOptions,
): Promise<ExitCode> {
  // Alone, a file that cannot be read is the command's own error.
  const [only, ...more] = files;
  if (only !== undefined && more.length === 0) {
    return runPipelines(context, [loadPipelineFile(only)], options);
  }
  const configs: PipelineConfig[] = [];
  let broken: ExitCode = EXIT.done;
  for (const file of files) {
    try {
      configs.push(loadPipelineFile(file));
    } catch (error) {
      broken = exitCodeOf(error);
      tell(context, error);
    }
  }
  return worstOf(context, [broken, await runPipelines(context, configs, options)]);
}

/** Runs pipelines beside one another; the exit code is that of the worst. */
export async function runPipelines(
  context: CommandContext,
  configs: readonly PipelineConfig[],
  { once }: RunOptions,
): Promise<ExitCode> {
  const { clock, random, environment } = context;
  const services = new ServicePool({ clock, random, readSecret: secretReader(environment) });
  const running = new Set(configs);
  try {
    const codes = await Promise.all(
      configs.map((config) => runKept(context, { config, once, services, running })),
    );
    return worstOf(context, codes);
  } finally {
    await services.close();
  }
}

interface KeptRun {
  readonly config: PipelineConfig;
  readonly once: boolean;
  readonly services: ServicePool;
  /** Those that run now: when none does, nobody waits for one that rests. */
  readonly running: Set<PipelineConfig>;
}

/** Runs one, again and again while others run. */
async function runKept(context: CommandContext, kept: KeptRun): Promise<ExitCode> {
  const { config, once, running } = kept;
  const { clock, signal, terminal } = context;
  for (let failures = 0; ; failures++) {
    const startMs = clock.monotonicMs();
    running.add(config);
    try {
      return await runOne(context, kept);
    } catch (error) {
      tell(context, error);
      running.delete(config);
      const code = exitCodeOf(error);
      if (once || !mayStartAgain(error) || running.size === 0 || signal.aborted) return code;
      if (clock.monotonicMs() - startMs > WELL_MS) failures = 0;
      const restMs = Math.min(REST_MS_MAX, REST_MS_FIRST * 2 ** failures);
      terminal.note(`${config.name} starts again in ${formatElapsed(restMs)}`);
      await rest(context, running, restMs);
      if (running.size === 0 || signal.aborted) return code;
    } finally {
      running.delete(config);
    }
  }
}

const TICK_MS = 1000;

/** Rests, until nobody else runs. */
async function rest(
  { clock, signal }: CommandContext,
  running: ReadonlySet<PipelineConfig>,
  restMs: number,
): Promise<void> {
  const untilMs = clock.monotonicMs() + restMs;
  while (running.size > 0 && !signal.aborted && clock.monotonicMs() < untilMs) {
    await clock.sleep(TICK_MS, signal);
  }
}

function tell({ terminal, log }: CommandContext, error: unknown): void {
  showError(terminal, error, log.level === 'debug');
}

function worstOf({ signal }: CommandContext, codes: readonly ExitCode[]): ExitCode {
  const failed = Math.max(...codes.filter((code) => code !== EXIT.interrupted), EXIT.done);
  const worst = codes.find((code) => code === failed) ?? EXIT.done;
  return worst === EXIT.done && signal.aborted ? EXIT.interrupted : worst;
}

async function runOne(
  context: CommandContext,
  { config, once, services }: KeptRun,
): Promise<ExitCode> {
  const { terminal, clock } = context;
  const reporter = new RunReporter({ terminal, clock, pipeline: config.name });
  const onEvent = reporter.take.bind(reporter);
  return withPipeline(context, { config, onEvent, services }, async (service) => {
    const drawing = reporter.follow();
    try {
      const { halted } = await service.run({ once });
      terminal.document({ event: 'ended', pipeline: config.name, halted });
      if (context.signal.aborted) return EXIT.interrupted;
      return halted.length > 0 ? EXIT.halted : EXIT.done;
    } finally {
      reporter.end();
      await drawing;
    }
  });
}

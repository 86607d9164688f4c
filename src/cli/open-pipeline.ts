/** Opens what a command works on, and closes it whatever happens. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { loadPipelineFile } from '../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { ServicePool } from '../pipeline/cluster/cluster-services.ts';
import type { PipelineEvent } from '../pipeline/pipeline-event.ts';
import type { PipelineService } from '../pipeline/pipeline-service.ts';
import type { ChangeSource } from '../ports/source.ts';
import type { CommandContext } from './command.ts';
import { secretReader } from './secret-reader.ts';
import { runtimeFolder } from './runtime-folder.ts';

/** A pipeline to open. */
export interface PipelineRequest {
  readonly config: PipelineConfig;
  readonly onEvent?: (event: PipelineEvent) => void;
  /** Left out: one of its own. */
  readonly services?: ServicePool;
}

/** Opens a pipeline for `use`. */
export async function withPipeline<T>(
  context: CommandContext,
  request: PipelineRequest,
  use: (service: PipelineService) => Promise<T>,
): Promise<T> {
  const { openPipeline } = await import('../pipeline/pipeline-service.ts');
  const { clock, random, signal, environment, log } = context;
  const { services } = request;
  const service = await openPipeline({
    config: request.config,
    clock,
    random,
    readSecret: secretReader(environment),
    signal,
    runtimeFolder: runtimeFolder(environment),
    processId: process.pid,
    ...(services === undefined ? {} : { services }),
    onEvent: (event) => {
      log.debug({ event: event.kind, pipeline: request.config.name }, 'pipeline event');
      request.onEvent?.(event);
    },
  });
  try {
    return await use(service);
  } finally {
    await service.close();
  }
}

/** Opens the pipeline of a file that a command only looks at: nothing is made that is not there. */
export async function withExistingPipeline<T>(
  context: CommandContext,
  asked: string | ({ readonly file: string } & Pick<PipelineRequest, 'onEvent'>),
  use: (service: PipelineService, config: PipelineConfig) => Promise<T>,
): Promise<T> {
  const { file, ...request } = typeof asked === 'string' ? { file: asked } : asked;
  const config = loadPipelineFile(file);
  const missing = missingLake(config);
  if (missing !== null) {
    const what = 'this pipeline has never run: it has no catalog yet';
    throw new FirnError('PIPELINE-STATE-MISSING', { what, where: missing });
  }
  return withPipeline(context, { ...request, config }, (service) => use(service, config));
}

/**
 * What is not on this machine though a pipeline that ran would have it there; `null`: nothing. Of a
 * lake that is all elsewhere its own state says so, once it is open.
 */
export function missingLake({ lake }: PipelineConfig): string | null {
  const { catalog, s3, warehouse } = lake;
  if (catalog.type !== 'sqlite' && s3 !== null) return null;
  const path = catalog.type === 'sqlite' ? catalog.path : join(warehouse, '_firn');
  return existsSync(path) ? null : path;
}

/** Opens only the source: neither lake nor catalog are touched. */
export async function withSource<T>(
  context: CommandContext,
  config: PipelineConfig,
  use: (source: ChangeSource) => Promise<T>,
): Promise<T> {
  const { openSource } = await import('../pipeline/adapters.ts');
  const { clock, random, environment } = context;
  const readSecret = secretReader(environment);
  const source = await openSource({ config, clock, random, readSecret });
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

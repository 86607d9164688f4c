/** Commands that act: handed to the process that owns the pipeline, or done by this one. */
import type { PipelineService } from '../pipeline/pipeline-service.ts';
import type { CommandContext } from './command.ts';
import { withExistingPipeline } from './open-pipeline.ts';
import { printable } from './output/printable.ts';

/** A request to the owner. */
export interface OwnerRequest {
  readonly file: string;
  readonly command: Parameters<PipelineService['request']>[0];
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Has a request carried out and gives what it answered; progress is shown as it comes. */
export function requestOwner(context: CommandContext, request: OwnerRequest): Promise<unknown> {
  const { terminal } = context;
  const onProgress = (text: string): void => {
    if (terminal.json) terminal.document({ event: 'progress', text });
    else if (terminal.moving) terminal.progress(request.command, [printable(text)]);
    else terminal.line(printable(text));
  };
  return withExistingPipeline(context, request.file, (service) =>
    service.request(request.command, request.arguments, onProgress),
  );
}

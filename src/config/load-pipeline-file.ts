/** Finds and reads a pipeline file on disk. */
import { readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join, resolve } from 'node:path';
import { FirnError } from '../kernel/firn-error.ts';
import { parsePipelineFile } from './parse-pipeline-file.ts';
import type { PipelineConfig } from './pipeline-config.ts';

/** Name of the pipeline file in a folder that is given in its place. */
export const PIPELINE_FILE_NAME = 'firn.yaml';

/** Bytes read at most; the parser refuses long before that. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Absolute path of the pipeline file that `path`, a file or a folder, means. */
function pipelineFileOf(path: string): string {
  const absolute = resolve(path);
  const isFolder = statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(absolute, PIPELINE_FILE_NAME) : absolute;
}

/**
 * Reads the pipeline file at `path`, or `firn.yaml` in the folder `path`.
 *
 * @throws {FirnError} CONFIG-NOT-FOUND, CONFIG-UNREADABLE, CONFIG-INVALID
 */
export function loadPipelineFile(path: string): PipelineConfig {
  const fileName = pipelineFileOf(path);
  return parsePipelineFile(readText(fileName), fileName);
}

function readText(fileName: string): string {
  const stat = statOf(fileName);
  if (stat === null) {
    throw new FirnError('CONFIG-NOT-FOUND', { what: 'there is no such file', where: fileName });
  }
  if (!stat.isFile() || stat.size > FILE_BYTES_MAX) {
    const what = 'this is not a file, or far too large for a pipeline file';
    throw new FirnError('CONFIG-UNREADABLE', { what, where: fileName });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(fileName));
  } catch (cause) {
    const what = 'the file cannot be read as UTF-8 text';
    throw new FirnError('CONFIG-UNREADABLE', { what, where: fileName, cause });
  }
}

function statOf(fileName: string): Stats | null {
  try {
    return statSync(fileName, { throwIfNoEntry: false }) ?? null;
  } catch {
    // A parent that is a file, or may not be entered: for the user there is no such file.
    return null;
  }
}

/** What travels through the checks of a pipeline file: where they are, and where problems go. */
import type { ConfigProblem, TextPlace } from '../config-problem.ts';

/** What a resolution is about: the option's path, the file's folder, and where problems go. */
export interface Resolving {
  readonly path: string;
  /** Absolute path of the folder that relative paths start at. */
  readonly folder: string;
  readonly problems: ConfigProblem[];
}

/** Notes a problem; the value is `undefined` then. */
export function fail(context: Resolving, at: TextPlace, message: string): undefined {
  context.problems.push({ line: at.line, column: at.column, path: context.path, message });
}

/** The same resolution, one name further down. */
export function inside(context: Resolving, name: string): Resolving {
  return { ...context, path: context.path === '' ? name : `${context.path}.${name}` };
}

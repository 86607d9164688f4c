/** One thing that is wrong in a pipeline file, with its place. Never quotes what may be secret. */

/** Place in a text, both from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** A problem of a pipeline file. */
export interface ConfigProblem extends TextPlace {
  /** Option the problem is about, `ledger.commitInterval`; empty: the whole file. */
  readonly path: string;
  /** One or two sentences: what is wrong, and what to write instead. */
  readonly message: string;
}

/** `firn.yaml:4:3  source.pth: …` */
export function formatProblem(problem: ConfigProblem, fileName: string): string {
  const about = problem.path === '' ? '' : `${problem.path}: `;
  return `${fileName}:${problem.line}:${problem.column}  ${about}${problem.message}`;
}

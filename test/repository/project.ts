/** The project as a value: its code files, masked, and its documents. Rules never read the disk. */
import { globSync, readFileSync } from 'node:fs';
import type { Comment } from './mask.ts';
import { mask } from './mask.ts';

/** A code file. */
export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the contents of strings blanked out. */
  readonly code: string;
  readonly comments: readonly Comment[];
  /** Whether it is a file of tests. */
  readonly isTest: boolean;
}

/** Everything the rules look at. */
export interface Project {
  readonly files: readonly SourceFile[];
  /** Other texts by path: documents, package files. */
  readonly documents: ReadonlyMap<string, string>;
}

/** One thing that is wrong. */
export interface Violation {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

const CODE_FILE = /\.(?:ts|mjs|js|mts)$/;

/** Line number, from 1, of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** A project out of texts by path. */
export function projectOf(texts: Readonly<Record<string, string>>): Project {
  const files: SourceFile[] = [];
  const documents = new Map<string, string>();
  for (const [path, text] of Object.entries(texts)) {
    if (!CODE_FILE.test(path)) documents.set(path, text);
    else files.push({ path, text, ...mask(text), isTest: path.endsWith('.test.ts') });
  }
  return { files, documents };
}

/** Reads the project in the current folder. */
export function readProject(): Project {
  const paths = [
    ...globSync('{src,test,tools,bench,bin}/**/*.{ts,mts,mjs,js}'),
    ...globSync('{*.md,*.json,firn,.ci/*,.oxlintrc.json,.oxfmtrc.json}'),
    ...globSync('{docs,test,src,examples}/**/*.{md,json,yaml,py,txt}'),
  ].map((path) => path.replaceAll('\\', '/'));
  const sorted = [...new Set(paths)].toSorted();
  return projectOf(Object.fromEntries(sorted.map((path) => [path, readFileSync(path, 'utf8')])));
}

/** Violations as lines of text; empty when there are none. */
export function report(violations: readonly Violation[]): string {
  return violations.map(({ path, line, message }) => `${path}:${line} ${message}`).join('\n');
}

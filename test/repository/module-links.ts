/** What a file imports and exports, read from its masked code. */
import { posix } from 'node:path';
import type { SourceFile } from './project.ts';
import { lineAt } from './project.ts';

/** One import. */
export interface Import {
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** The file of the project it names, or `null` for a package or a Node module. */
  readonly target: string | null;
  /** Imported names; `'*'` for a namespace or a dynamic import. */
  readonly names: readonly string[] | '*';
  /** Whether it is `export ... from`. */
  readonly reExport: boolean;
}

/** One exported declaration. */
export interface Export {
  readonly line: number;
  readonly offset: number;
  readonly name: string;
  readonly kind: 'type' | 'value';
}

const STATIC = /^(import|export)\b([^;'"()]*?)\bfrom\s*(['"])/gm;
const BARE = /^import\s*(['"])/gm;
const DYNAMIC = /\bimport\s*\(\s*(['"])/g;
const DECLARED =
  /^export (?:(?:declare|abstract|async) )*(function\*?|class|interface|type|const|let) (\w+)/gm;
const LISTED = /^export (type )?\{([^}]*)\}(?!\s*from)/gm;

function specifierAt(file: SourceFile, quoteAt: number): string {
  const quote = file.text[quoteAt] ?? "'";
  return file.text.slice(quoteAt + 1, file.text.indexOf(quote, quoteAt + 1));
}

function resolveFrom(path: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return posix.normalize(posix.join(posix.dirname(path), specifier));
}

function namesIn(clause: string): readonly string[] | '*' {
  if (clause.includes('*')) return '*';
  const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
  return braces
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^type /, '')
        .replace(/ as .*$/s, ''),
    )
    .filter((name) => name !== '');
}

/** All imports of a file, in the order of their kinds. */
export function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  const add = (
    match: RegExpMatchArray,
    names: readonly string[] | '*',
    reExport: boolean,
  ): void => {
    const start = match.index ?? 0;
    const specifier = specifierAt(file, start + match[0].length - 1);
    const target = resolveFrom(file.path, specifier);
    found.push({ line: lineAt(file.text, start), specifier, target, names, reExport });
  };
  for (const match of file.code.matchAll(STATIC)) {
    add(match, namesIn(match[2] ?? ''), match[1] === 'export');
  }
  for (const match of file.code.matchAll(BARE)) add(match, [], false);
  for (const match of file.code.matchAll(DYNAMIC)) add(match, '*', false);
  return found;
}

/** All exported declarations of a file. */
export function exportsOf(file: SourceFile): readonly Export[] {
  const found: Export[] = [];
  for (const match of file.code.matchAll(DECLARED)) {
    const offset = match.index;
    const kind = match[1] === 'interface' || match[1] === 'type' ? 'type' : 'value';
    found.push({ line: lineAt(file.text, offset), offset, name: match[2] ?? '', kind });
  }
  for (const match of file.code.matchAll(LISTED)) {
    const offset = match.index;
    const kind = match[1] === undefined ? 'value' : 'type';
    for (const part of (match[2] ?? '').split(',')) {
      const name = part.trim().replace(/^.* as /s, '');
      if (name !== '') found.push({ line: lineAt(file.text, offset), offset, name, kind });
    }
  }
  return found;
}

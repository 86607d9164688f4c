/**
 * Budgets of size and the names of files. The budget of a function (70 lines) is the linter's
 * (`max-lines-per-function`), which knows where a function ends.
 */
import { posix } from 'node:path';
import type { Project, SourceFile, Violation } from './project.ts';

/** The budgets. */
export const BUDGETS = {
  fileLines: 400,
  lineColumns: 100,
  /** Files of one folder of `src/`, without tests. */
  folderFiles: 20,
  /** Folders below `src/` on the way to a file. */
  depth: 3,
} as const;

const VAGUE = /^(?:utils?|helpers?|common|misc|types|constants|index|shared|lib|base)\.m?ts$/;
const KEBAB =
  /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|prop\.test|live\.test|d))?\.(?:ts|mts|mjs|js)$/;

/** In an adapter of a source, `types.ts` is the database's type mapping and nothing else. */
function isVague(path: string): boolean {
  if (/^src\/sources\/[^/]+\/types\.ts$/.test(path)) return false;
  return VAGUE.test(posix.basename(path));
}

/** Whether a line is long by a text literal: the formatter breaks all other code where it can. */
function isText(line: string, code: string): boolean {
  const insideTemplate = code.trim() === '' && !/^\s*(?:\*|\/\/|\/\*)/.test(line);
  return insideTemplate || /['"`]/.test(code);
}

function fileViolations({ path, text, code }: SourceFile): readonly Violation[] {
  const found: Violation[] = [];
  const lines = text.replace(/\n$/, '').split('\n');
  const codeLines = code.split('\n');
  if (lines.length > BUDGETS.fileLines) {
    const message = `has ${lines.length} lines, more than ${BUDGETS.fileLines}: split it`;
    found.push({ path, line: BUDGETS.fileLines + 1, message });
  }
  for (const [index, line] of lines.entries()) {
    const columns = line.length;
    if (columns <= BUDGETS.lineColumns || isText(line, codeLines[index] ?? '')) continue;
    const message = `has ${columns} columns, more than ${BUDGETS.lineColumns}`;
    found.push({ path, line: index + 1, message });
  }
  return found;
}

function placeViolations(path: string): readonly Violation[] {
  const name = posix.basename(path);
  if (isVague(path)) return [{ path, line: 1, message: `${name} says nothing: name the thing` }];
  if (!KEBAB.test(name)) return [{ path, line: 1, message: `${name} is not kebab-case` }];
  const depth = path.split('/').length - 2;
  if (!path.startsWith('src/') || depth <= BUDGETS.depth) return [];
  return [{ path, line: 1, message: `lies ${depth} folders deep, more than ${BUDGETS.depth}` }];
}

/** Files, lines, folders and names that break a budget. */
export function budgetViolations(project: Project): readonly Violation[] {
  const found: Violation[] = [];
  const counts = new Map<string, number>();
  for (const file of project.files) {
    found.push(...fileViolations(file), ...placeViolations(file.path));
    if (file.isTest || !file.path.startsWith('src/')) continue;
    const folder = posix.dirname(file.path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  for (const [folder, count] of counts) {
    if (count <= BUDGETS.folderFiles) continue;
    const message = `holds ${count} files, more than ${BUDGETS.folderFiles}: make a folder of them`;
    found.push({ path: folder, line: 1, message });
  }
  return found;
}

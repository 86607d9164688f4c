/** Every file opens with a paragraph, and every exported declaration has a docstring of its own. */
import { exportsOf } from './module-links.ts';
import type { Project, SourceFile, Violation } from './project.ts';

const HEADER = /^(?:#![^\n]*\n)?\/(?:\*\*|\/)/;

/** Whether a docstring ends just before `offset`; lines for the linter may lie between. */
function hasDocstring(file: SourceFile, offset: number): boolean {
  const before = file.text.slice(0, offset).replace(/(?:\/\/ oxlint-disable[^\n]*\n\s*)+$/, '');
  if (!before.endsWith('*/\n')) return false;
  const own = file.comments.find((comment) => comment.end === before.length - 1);
  return own?.text.startsWith('/**') === true && own.start > 0;
}

/** Files without a header and exports without a docstring. */
export function documentationViolations(project: Project): readonly Violation[] {
  return project.files.flatMap((file) => {
    const found: Violation[] = [];
    if (!HEADER.test(file.text)) {
      found.push({ path: file.path, line: 1, message: 'does not say what it holds (a header)' });
    }
    if (!file.path.endsWith('.ts')) return found;
    const seen = new Set<string>();
    for (const declared of exportsOf(file)) {
      // The first of several overloads carries the docstring.
      if (seen.has(declared.name)) continue;
      seen.add(declared.name);
      if (hasDocstring(file, declared.offset)) continue;
      const message = `exports ${declared.name} without a docstring of its own`;
      found.push({ path: file.path, line: declared.line, message });
    }
    return found;
  });
}

/**
 * Specification and tests name each other: every numbered invariant of `docs/spec/` is cited by a
 * test or a conformance suite as `spec: L3` (or `spec: L3, M1`), and every citation, in tests and
 * in docstrings (`docs/spec/merge.md M3`), exists.
 */
import type { Project, Violation } from './project.ts';
import { lineAt } from './project.ts';

const IN_TESTS = /\bspec: ([A-Z]\d+(?:, ?[A-Z]\d+)*)/g;
const IN_CODE = /docs\/spec\/([a-z-]+)\.md ([A-Z]\d+(?:, ?[A-Z]\d+)*)/g;

interface Invariant {
  readonly path: string;
  readonly line: number;
}

/** Every invariant by number. */
function invariants(project: Project): ReadonlyMap<string, Invariant> {
  const found = new Map<string, Invariant>();
  for (const [path, text] of project.documents) {
    if (!path.startsWith('docs/spec/')) continue;
    for (const match of text.matchAll(/^\*\*([A-Z]\d+)\*\* /gm)) {
      found.set(match[1] ?? '', { path, line: lineAt(text, match.index) });
    }
  }
  return found;
}

function idsIn(list: string | undefined): readonly string[] {
  return (list ?? '').split(/, ?/);
}

/** Invariants without a test, and citations of what is not there. */
export function citationViolations(project: Project): readonly Violation[] {
  const known = invariants(project);
  const cited = new Set<string>();
  const found: Violation[] = [];
  for (const file of project.files) {
    const check = (id: string, offset: number, page: string | undefined): void => {
      const invariant = known.get(id);
      const line = lineAt(file.text, offset);
      if (invariant === undefined) {
        found.push({
          path: file.path,
          line,
          message: `cites ${id}, which docs/spec does not have`,
        });
      } else if (page !== undefined && invariant.path !== `docs/spec/${page}.md`) {
        const message = `cites ${id} of ${page}.md, but it is in ${invariant.path}`;
        found.push({ path: file.path, line, message });
      }
    };
    for (const match of file.text.matchAll(IN_CODE)) {
      for (const id of idsIn(match[2])) check(id, match.index, match[1]);
    }
    if (!file.isTest && !file.path.startsWith('test/conformance/')) continue;
    for (const match of file.text.matchAll(IN_TESTS)) {
      for (const id of idsIn(match[1])) {
        cited.add(id);
        check(id, match.index, undefined);
      }
    }
  }
  for (const [id, { path, line }] of known) {
    if (!cited.has(id)) found.push({ path, line, message: `${id} is cited by no test` });
  }
  return found;
}

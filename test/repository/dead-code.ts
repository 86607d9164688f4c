/** Exports nobody uses, and files nobody reaches. A use in a test does not count. */
import type { Export } from './module-links.ts';
import { exportsOf, importsOf } from './module-links.ts';
import type { Project, SourceFile, Violation } from './project.ts';

/** Where a run of something begins. */
const ENTRY_POINTS = /^(?:src\/cli\/main\.ts|(?:tools|bench|bin)\/.*)$/;

/** Exports that exist for the tests, each with its reason: oracles and repeatable stand-ins. */
export const FOR_TESTS: Readonly<Record<string, string>> = {
  'src/kernel/random.ts seededRandom': 'repeats a simulated run exactly',
  'src/storage/memory-catalog.ts createMemoryCatalog': 'a catalog that a crash sweep can stop',
  'src/storage/memory-catalog.ts createMemoryPointers': 'what several simulated processes share',
  'src/storage/memory-object-store.ts createMemoryObjectStore': 'a store that it can stop',
  'src/model/change-sequence.ts compareSequences': 'the order that the fold oracle goes by',
  'src/iceberg/transform.ts bindTransform': 'the oracle of buckets that are computed in bulk',
};

function isForTests(path: string): boolean {
  return Object.keys(FOR_TESTS).some((key) => key.startsWith(`${path} `));
}

/** Names used from each file by others that are not tests; `'*'` when all may be. */
function usesOf(project: Project): ReadonlyMap<string, ReadonlySet<string>> {
  const uses = new Map<string, Set<string>>();
  for (const file of project.files) {
    if (file.isTest || file.path.startsWith('test/')) continue;
    for (const { target, names } of importsOf(file)) {
      if (target === null) continue;
      const used = uses.get(target) ?? new Set();
      for (const name of names) used.add(name);
      uses.set(target, used);
    }
  }
  return uses;
}

/** A type that an exported declaration of its own file mentions is part of that one's signature. */
function isMentioned(file: SourceFile, { name, kind }: Export): boolean {
  return kind === 'type' && [...file.code.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length > 1;
}

function deadExports(project: Project): readonly Violation[] {
  const uses = usesOf(project);
  const found: Violation[] = [];
  for (const file of project.files) {
    if (!file.path.startsWith('src/') || file.isTest) continue;
    const used = uses.get(file.path);
    for (const declared of exportsOf(file)) {
      if (used?.has(declared.name) === true || used?.has('*') === true) continue;
      if (isMentioned(file, declared) || `${file.path} ${declared.name}` in FOR_TESTS) continue;
      const message = `exports ${declared.name}, which no other file uses (tests do not count)`;
      found.push({ path: file.path, line: declared.line, message });
    }
  }
  return found;
}

/** Files named as text, as `new URL('./worker.ts', import.meta.url)` does. */
function namedFiles(file: SourceFile): readonly string[] {
  const folder = file.path.slice(0, file.path.lastIndexOf('/'));
  return [...file.text.matchAll(/new URL\(\s*'\.\/([\w.-]+)'/g)].map(
    (match) => `${folder}/${match[1] ?? ''}`,
  );
}

function deadFiles(project: Project): readonly Violation[] {
  const byPath = new Map(project.files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const pending = project.files
    .map(({ path }) => path)
    .filter((path) => ENTRY_POINTS.test(path) || isForTests(path));
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    pending.push(...importsOf(file).flatMap(({ target }) => target ?? []), ...namedFiles(file));
  }
  return project.files
    .filter(({ path, isTest }) => path.startsWith('src/') && !isTest && !reached.has(path))
    .map(({ path }) => ({ path, line: 1, message: 'is reached from no entry point' }));
}

/** Dead exports and dead files of `src/`. */
export function deadCodeViolations(project: Project): readonly Violation[] {
  return [...deadFiles(project), ...deadExports(project)];
}

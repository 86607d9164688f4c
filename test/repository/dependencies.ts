/**
 * Packages: exact versions, a reason for each in `docs/decisions/`, licences out of a short list.
 */
import type { LockFile } from '../../tools/lock.ts';
import type { Project, Violation } from './project.ts';
import { lineAt } from './project.ts';

/** The licences a package may have. */
export const LICENCES = ['Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT'];

const DECISIONS = 'docs/decisions/dependencies.md';
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;
const PLATFORM = /^node-(?:linux|win)-(?:x64|arm64)$/;
/** A path that exists on one machine only. */
const MACHINE_PATH = /(?<=^|[\s'"`(=])\/(?:home|Users|root|work)\/[\w./-]+/gm;

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

function versionsOf(project: Project): Readonly<Record<string, string>> {
  const file = JSON.parse(project.documents.get('package.json') ?? '{}') as PackageFile;
  return { ...file.dependencies, ...file.devDependencies, ...file.optionalDependencies };
}

function licenceViolations(project: Project): readonly Violation[] {
  const path = 'package-lock.json';
  const lock = JSON.parse(project.documents.get(path) ?? '{"packages":{}}') as LockFile;
  return Object.entries(lock.packages)
    .filter(([, { license, integrity }]) => license !== undefined || integrity !== undefined)
    .filter(([, { license }]) => !LICENCES.includes(license ?? ''))
    .map(([name, { license }]) => ({
      path,
      line: 1,
      message: `${name} has the licence ${license ?? '(none)'}, not one of ${LICENCES.join(', ')}`,
    }));
}

/** Packages without an exact version, a reason, or a licence that is allowed. */
export function dependencyViolations(project: Project): readonly Violation[] {
  const found: Violation[] = [];
  const versions = versionsOf(project);
  const reasons = project.documents.get(DECISIONS) ?? '';
  const listed = new Set([...reasons.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? ''));
  for (const [name, version] of Object.entries(versions)) {
    if (!EXACT.test(version)) {
      found.push({ path: 'package.json', line: 1, message: `${name} ${version} is not exact` });
    }
    const row = PLATFORM.test(name) ? 'node-*' : name;
    if (!listed.has(row)) {
      found.push({ path: DECISIONS, line: 1, message: `does not say why ${name} is needed` });
    }
  }
  for (const row of listed) {
    if (row in versions || row === 'node-*') continue;
    found.push({ path: DECISIONS, line: 1, message: `explains ${row}, which is no dependency` });
  }
  return [...found, ...licenceViolations(project)];
}

/** Places that name a path of one machine. */
export function machinePathViolations(project: Project): readonly Violation[] {
  const texts = [
    ...project.files.map(({ path, text }) => [path, text] as const),
    ...project.documents,
  ];
  return texts.flatMap(([path, text]) =>
    [...text.matchAll(MACHINE_PATH)].map((match) => ({
      path,
      line: lineAt(text, match.index),
      message: `names a path of one machine: ${match[0]}`,
    })),
  );
}

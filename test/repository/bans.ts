/** What may not be written, each with the one place where it may and what to write instead. */
import { folderOf } from './layers.ts';
import { importsOf } from './module-links.ts';
import type { Project, SourceFile, Violation } from './project.ts';
import { lineAt } from './project.ts';

interface Ban {
  readonly what: string;
  /** Looked for in masked code: never inside a string or a comment. */
  readonly pattern: RegExp;
  /** Folders or files of `src/` where it may be written. */
  readonly homes: readonly string[];
  readonly instead: string;
}

const BANS: readonly Ban[] = [
  {
    what: 'Date.now',
    pattern: /\bDate\.now\b/g,
    homes: ['kernel/clock.ts'],
    instead: 'take a Clock',
  },
  {
    what: 'new Date() without arguments',
    pattern: /\bnew Date\(\s*\)/g,
    homes: ['kernel/clock.ts'],
    instead: 'take a Clock',
  },
  {
    what: 'performance.now',
    pattern: /\bperformance\.now\b/g,
    homes: ['kernel/clock.ts'],
    instead: 'take a Clock',
  },
  {
    what: 'a timer',
    pattern: /\bset(?:Timeout|Interval|Immediate)\b/g,
    homes: ['kernel/clock.ts'],
    instead: 'clock.sleep',
  },
  {
    what: 'Math.random',
    pattern: /\bMath\.random\b/g,
    homes: [],
    instead: 'take a Random',
  },
  {
    what: 'randomness of node:crypto',
    pattern: /\b(?:randomUUID|randomBytes|randomInt|randomFill(?:Sync)?|getRandomValues)\b/g,
    homes: ['kernel/random.ts'],
    instead: 'take a Random',
  },
  {
    what: 'process.env',
    pattern: /\bprocess\.env\b/g,
    homes: ['cli'],
    instead: 'hand the value in',
  },
  {
    what: 'the process',
    pattern: /\bprocess\.(?:exit|exitCode|on|once|kill|std(?:in|out|err)|argv|cwd|chdir)\b/g,
    homes: ['cli', 'devcluster/server-process.ts'],
    instead: 'return or throw; only cli knows the process',
  },
  {
    what: 'console',
    pattern: /\bconsole\./g,
    homes: ['cli'],
    instead: 'a log that is handed in',
  },
  {
    what: 'Number() of a variable',
    pattern: /\bNumber\(\s*[A-Za-z_$]/g,
    homes: ['kernel'],
    instead: 'toSafeNumber, or keep the bigint',
  },
  {
    what: 'JSON.parse',
    pattern: /\bJSON\.parse\b/g,
    homes: ['kernel/lossless-json.ts'],
    instead: 'parseJson, which keeps 64-bit integers',
  },
  {
    what: 'eval',
    pattern: /\beval\(|\bnew Function\(/g,
    homes: [],
    instead: 'a function',
  },
];

/** Folders that are synchronous and do no I/O. */
const PURE_FOLDERS = ['merge', 'schema', 'sql', 'iceberg', 'binlog', 'mysql', 'cluster'];
const PURE_MODULES = ['node:zlib', 'node:buffer', 'node:crypto'];

function isHome(path: string, homes: readonly string[]): boolean {
  return homes.some((home) => path === `src/${home}` || path.startsWith(`src/${home}/`));
}

function matches(file: SourceFile, pattern: RegExp, message: string): readonly Violation[] {
  return [...file.code.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(file.text, match.index),
    message,
  }));
}

function purityViolations(file: SourceFile): readonly Violation[] {
  if (!PURE_FOLDERS.includes(folderOf(file.path) ?? '')) return [];
  const waits = matches(
    file,
    /\b(?:async|await|Promise)\b/g,
    'waits for something: this folder is synchronous and does no I/O',
  );
  const modules = importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('node:') && !PURE_MODULES.includes(specifier))
    .map(({ specifier, line }) => ({
      path: file.path,
      line,
      message: `imports ${specifier}: this folder is synchronous and does no I/O`,
    }));
  return [...waits, ...modules];
}

/** Comments that leave work behind, silence a check without a reason, or are code. */
function commentViolations(file: SourceFile): readonly Violation[] {
  const found: Violation[] = [];
  for (const comment of file.comments) {
    const add = (message: string): void => {
      found.push({ path: file.path, line: lineAt(file.text, comment.start), message });
    };
    if (/\b(?:TODO|FIXME|XXX|HACK)\b/.test(comment.text)) add('leaves work behind in a comment');
    if (/@ts-(?:ignore|nocheck|expect-error)/.test(comment.text)) add('silences the compiler');
    if (/(?:oxlint|eslint)-disable/.test(comment.text) && !/-- \S/.test(comment.text)) {
      add('silences the linter without a reason (-- reason)');
    }
    if (/^\/\/ .*(?:;|\{|=>)$/.test(comment.text)) add('is commented-out code');
  }
  return found;
}

/** An empty catch must say why in a comment; the masked block is blank either way. */
function emptyCatchViolations(file: SourceFile): readonly Violation[] {
  return [...file.code.matchAll(/\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/g)]
    .filter((match) => !/\/[/*]/.test(file.text.slice(match.index, match.index + match[0].length)))
    .map((match) => ({
      path: file.path,
      line: lineAt(file.text, match.index),
      message: 'ignores an error without saying why',
    }));
}

/** Everything forbidden that the project contains. */
export function banViolations(project: Project): readonly Violation[] {
  return project.files.flatMap((file) => {
    const everywhere = [...commentViolations(file), ...emptyCatchViolations(file)];
    if (!file.path.startsWith('src/') || file.isTest) return everywhere;
    const banned = BANS.filter((ban) => !isHome(file.path, ban.homes)).flatMap((ban) =>
      matches(file, ban.pattern, `uses ${ban.what}: ${ban.instead}`),
    );
    return [...everywhere, ...banned, ...purityViolations(file)];
  });
}

/**
 * Writes the pipeline file that `firn init` leaves behind: what is needed, every table with what is
 * known of it, and the defaults as comments, so that the file explains itself. What is written here
 * reads back as itself, whatever characters names and paths have.
 */
import type { Section } from './option.ts';
import { PIPELINE_OPTIONS } from './pipeline-options.ts';
import type { SecretReference } from './secret-reference.ts';
import { SOURCE_OPTIONS } from './source-options.ts';

/** A secret kept in the environment, the one place that `init` refers to. */
export type SecretVariable = Extract<SecretReference, { readonly kind: 'env' }>;

/** What a new pipeline file says. */
export interface NewPipelineFile {
  readonly name: string;
  /** Type of the source and its options, in order. */
  readonly source: Readonly<Record<string, string | number | SecretVariable>> & {
    readonly type: keyof typeof SOURCE_OPTIONS;
  };
  readonly tables: readonly {
    readonly name: string;
    /** One line for people: key, rows, what to know. */
    readonly note: string;
    /** Written as a comment when false. */
    readonly included: boolean;
  }[];
  readonly warehouse: string;
}

const NOTE_LENGTH_MAX = 160;

/** `text` as a YAML scalar that reads back as exactly this text. */
function scalar(text: string): string {
  const plain = /^[A-Za-z_./][A-Za-z0-9_./-]*$/.test(text);
  if (plain && !/^(?:true|false|null|yes|no|on|off|y|n|\.+(?:\d.*|inf|nan)?)$/i.test(text)) {
    return text;
  }
  // JSON's quoted text is YAML's, except that YAML wants a few more characters escaped.
  return JSON.stringify(text).replaceAll(
    /[\x7F-\x9F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `text` as the end of one line of comment. */
function comment(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\uFEFF]/gu, '?');
  return line.length > NOTE_LENGTH_MAX ? `${line.slice(0, NOTE_LENGTH_MAX)}...` : line;
}

function defaultsOf(name: string, options: Section): readonly string[] {
  return [`# ${name}:`, ...defaultLines(options).map((line) => `#   ${line}`)];
}

/** Every option of a section with its meaning and its default. */
function defaultLines(options: Section): readonly string[] {
  return Object.entries(options).flatMap(([option, declaration]) => {
    const fallback = declaration.default;
    const value = typeof fallback === 'string' ? fallback : JSON.stringify(fallback ?? null);
    return [`# ${declaration.text}`, fallback === null ? `${option}:` : `${option}: ${value}`];
  });
}

/** The source as it is, and what else could be said of it. */
function sourceLines(source: NewPipelineFile['source']): readonly string[] {
  const said = Object.entries(source).map(([key, value]) => `  ${key}: ${written(value)}`);
  const others = Object.entries(SOURCE_OPTIONS[source.type]).filter(([name]) => !(name in source));
  const lines = defaultLines(Object.fromEntries(others));
  return [...said, ...lines.map((line) => `  # ${line}`)];
}

function written(value: string | number | SecretVariable): string {
  if (typeof value === 'object') return `{env: ${scalar(value.name)}}`;
  return typeof value === 'number' ? String(value) : scalar(value);
}

/** The text of a new pipeline file. */
export function renderPipelineFile(file: NewPipelineFile): string {
  const { ledger, base } = PIPELINE_OPTIONS;
  const names = file.tables.map(({ name }) => scalar(name));
  const width = Math.min(40, Math.max(0, ...names.map(({ length }) => length)));
  const tables = file.tables.map(({ note, included }, index) => {
    const name = names[index] ?? '';
    const item = included ? `- ${name.padEnd(width)}` : `# - ${name.padEnd(width - 2)}`;
    return `  ${item}   # ${comment(note)}`;
  });
  return `${[
    '# A Firn pipeline: firn check shows what is missing, firn run copies until stopped.',
    `name: ${scalar(file.name)}`,
    '',
    'source:',
    ...sourceLines(file.source),
    '',
    '# Names, patterns with *, or sections: {table: users, exclude: [ssn], rename: {a: b}}.',
    'tables:',
    ...tables,
    '',
    'lake:',
    `  warehouse: ${scalar(file.warehouse)}`,
    '  # catalog: {type: sqlite, name: firn}',
    '',
    '# What follows are the defaults. Take off the # to change one.',
    ...defaultsOf('ledger', ledger.type.options),
    ...defaultsOf('base', base.type.options),
  ].join('\n')}\n`;
}

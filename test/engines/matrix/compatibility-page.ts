/** `docs/compatibility.md`: what the reader matrix saw, the same text for the same findings. */

import { unreachable } from '../../../src/kernel/assert.ts';

/** What a reader made of a row. */
export type Finding =
  | { readonly kind: 'equal' }
  /** Rows or values that are not Firn’s. */
  | { readonly kind: 'wrong'; readonly text: string }
  /** Its own words. */
  | { readonly kind: 'refused'; readonly text: string }
  /** It has no way in through this door. */
  | { readonly kind: 'closed' };

/** One table of the page: rows by title, findings by reader. */
export interface Section {
  readonly title: string;
  readonly intro: string;
  readonly rows: readonly {
    readonly title: string;
    readonly findings: ReadonlyMap<string, Finding>;
  }[];
}

/** What the page says. */
export interface CompatibilityPage {
  /** Title and version of each reader. */
  readonly readers: readonly string[];
  readonly sections: readonly Section[];
  /** How many cells were compared. */
  readonly intro: readonly string[];
}

const TEXT_MAX = 400;

/** A message without what differs from run to run. */
export function steadyText(text: string): string {
  const [first = ''] = text.split('\n').filter((line) => line.trim() !== '');
  return first
    .replaceAll(/(?:file:)?\/\S*\/firn-[\w-]+\/[^\s'"]*/g, 'FILE')
    .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
    .replaceAll(/\blive_\w+/g, 'NAMESPACE')
    .replaceAll('|', '\\|')
    .slice(0, TEXT_MAX);
}

function cellOf(finding: Finding | undefined, note: (text: string) => number): string {
  if (finding === undefined) return '';
  switch (finding.kind) {
    case 'equal':
      return 'equal';
    case 'closed':
      return '–';
    case 'wrong':
      return `**wrong** [${note(finding.text)}]`;
    case 'refused':
      return `refused [${note(finding.text)}]`;
    default:
      return unreachable(finding);
  }
}

/** The page as Markdown. */
export function renderCompatibility({ readers, sections, intro }: CompatibilityPage): string {
  const notes: string[] = [];
  const note = (reader: string) => (text: string) => {
    const whole = `${reader}: \`${text.replaceAll('`', "'")}\``;
    if (!notes.includes(whole)) notes.push(whole);
    return notes.indexOf(whole) + 1;
  };
  const lines = ['# Which engines read Firn’s tables', '', ...intro, ''];
  for (const { title, intro: text, rows } of sections) {
    lines.push(`## ${title}`, '', text, '');
    lines.push(`| | ${readers.join(' | ')} |`, `| --- |${' --- |'.repeat(readers.length)}`);
    for (const row of rows) {
      const cells = readers.map((reader) => cellOf(row.findings.get(reader), note(reader)));
      lines.push(`| ${row.title} | ${cells.join(' | ')} |`);
    }
    lines.push('');
  }
  if (notes.length > 0) {
    lines.push('## In their own words', '');
    for (const [at, text] of notes.entries()) lines.push(`${at + 1}. ${text}`);
    lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

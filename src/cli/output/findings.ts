/** What `check` found, for people: worst last, each with the statement that fixes it. */
import { formatTableName } from '../../model/table-schema.ts';
import type { Finding } from '../../ports/source.ts';
import { displayWidth, printable } from './printable.ts';
import type { Terminal, Tone } from './terminal.ts';

/** What matters most comes last: on a terminal the end is what is seen. */
const ORDER = { ok: 0, warning: 1, error: 2 } as const;
const TONES: Readonly<Record<Finding['severity'], Tone>> = {
  error: 'bad',
  warning: 'warning',
  ok: 'good',
};

/** Columns of a message at most: longer lines are hard to read. */
const WIDTH_MAX = 100;

/** Shows findings, the worst last. */
export function showFindings(terminal: Terminal, findings: readonly Finding[]): void {
  const ordered = findings.toSorted((left, right) => ORDER[left.severity] - ORDER[right.severity]);
  const width = Math.min(terminal.columns, WIDTH_MAX) - INDENT.length;
  for (const finding of ordered) {
    const { severity, code, table, message, fix } = finding;
    const about = table === null ? '' : `${printable(formatTableName(table))}: `;
    const [first = '', ...rest] = wrapped(`${about}${printable(message)} [${code}]`, width);
    terminal.line(`${terminal.paint(TONES[severity], severity.padEnd(INDENT.length))}${first}`);
    for (const line of rest) terminal.line(`${INDENT}${line}`);
    // Statements are not wrapped: they are there to be copied.
    for (const line of fix?.split('\n') ?? []) terminal.line(`${INDENT}  ${printable(line)}`);
  }
}

const INDENT = ' '.repeat('warning  '.length);

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** Findings as part of a JSON document. */
export function findingDocuments(findings: readonly Finding[]): readonly unknown[] {
  return findings.map(({ severity, code, table, message, fix }) => ({
    severity,
    code,
    table: table === null ? null : formatTableName(table),
    message,
    fix,
  }));
}

/** Whether something was found that keeps a pipeline from running. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** Findings of one severity. */
export function countFindings(findings: readonly Finding[], severity: Finding['severity']): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

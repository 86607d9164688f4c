/** What `check` found, for people: worst first, each with the statement that fixes it. */
import { formatTableName } from '../../model/table-schema.ts';
import type { Finding } from '../../ports/source.ts';
import { printable } from './printable.ts';
import type { Terminal, Tone } from './terminal.ts';

const ORDER = { error: 0, warning: 1, ok: 2 } as const;
const TONES: Readonly<Record<Finding['severity'], Tone>> = {
  error: 'bad',
  warning: 'warning',
  ok: 'good',
};

/** Shows findings; `quietly`: only what is not in order. */
export function showFindings(
  terminal: Terminal,
  findings: readonly Finding[],
  quietly: boolean,
): void {
  const ordered = findings.toSorted((left, right) => ORDER[left.severity] - ORDER[right.severity]);
  for (const finding of ordered) {
    if (quietly && finding.severity === 'ok') continue;
    const { severity, code, table, message, fix } = finding;
    const about = table === null ? '' : `${printable(formatTableName(table))}: `;
    const head = terminal.paint(TONES[severity], severity.padEnd(8));
    terminal.line(`${head}${about}${printable(message)} ${terminal.paint('quiet', `[${code}]`)}`);
    for (const line of fix?.split('\n') ?? []) terminal.line(`          ${printable(line)}`);
  }
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

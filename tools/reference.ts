/**
 * Writes the reference pages under `docs/reference/`, the pinned help texts and the golden files of
 * the cluster engine from the declarations they describe (`npm run reference`). A test compares
 * them, so a page cannot be older than its declaration.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CLUSTER_CASES, renderCase } from './cluster-cases.ts';
import { renderConfigReference } from '../src/config/config-reference.ts';
import { renderConfigSchema } from '../src/config/config-schema.ts';
import type { ErrorSpec } from '../src/kernel/error-spec.ts';
import { helpPages } from './help-pages.ts';
import { METRIC_DECLARATIONS } from '../src/monitor/metric-declarations.ts';
import { ERROR_REGISTRY } from '../src/kernel/error-registry.ts';

const DISPOSITIONS: Readonly<Record<ErrorSpec['disposition'], string>> = {
  retry: 'tried again by itself, a bounded number of times',
  refresh: 'loaded and planned again by itself',
  verify: 'the outcome is read from the table, then it goes on by itself',
  'dead-letter': 'this change is set aside, the rest goes on',
  'halt-table': 'this table stops, the others go on',
  'halt-pipeline': 'the pipeline stops until an operator acts',
  refuse: 'the request is refused, nothing was changed',
};

/** The page of all error codes, by area. */
function errorPage(): string {
  const registry: Readonly<Record<string, ErrorSpec>> = ERROR_REGISTRY;
  const lines = [
    '# Errors',
    '',
    'Generated from the error registry (`npm run reference`). Every error says its code, what happened,',
    'where, and what to do next; the text below is what applies when the error has nothing more exact.',
    '',
  ];
  let area = '';
  for (const [code, spec] of Object.entries(registry).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const [first = ''] = code.split('-');
    if (first !== area) lines.push(`## ${first}`, '');
    area = first;
    lines.push(
      `### ${code}`,
      '',
      spec.summary,
      '',
      `* What happens: \`${spec.disposition}\`, ${DISPOSITIONS[spec.disposition]}.`,
      `* What to do: ${spec.remedy}`,
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The page of all metrics. */
function metricPage(): string {
  const lines = [
    '# Metrics',
    '',
    'Generated from the metric declarations (`npm run reference`). Labels are table names and fixed',
    'words, never values of rows.',
    '',
    '| metric | kind | unit | labels | meaning |',
    '| --- | --- | --- | --- | --- |',
  ];
  for (const [name, { kind, unit, labels, help }] of Object.entries(METRIC_DECLARATIONS)) {
    lines.push(`| \`${name}\` | ${kind} | ${unit} | ${labels.join(', ')} | ${help} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** Every generated page: path to text. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/reference/config.md', renderConfigReference()],
    ['docs/reference/errors.md', errorPage()],
    ['docs/reference/metrics.md', metricPage()],
    ['docs/reference/pipeline.schema.json', renderConfigSchema()],
    ...Object.entries(CLUSTER_CASES).map(([name, given]) => {
      return [`test/golden/cluster/${name}.txt`, renderCase(given)] as const;
    }),
  ]);
}

if (import.meta.main) {
  const pages = [...referencePages(), ['test/golden/help.txt', await helpPages()] as const];
  for (const [path, text] of pages) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    process.stdout.write(`${path}\n`);
  }
}

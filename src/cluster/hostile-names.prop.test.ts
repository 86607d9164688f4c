/**
 * Names from a source are data in everything that is generated: whatever characters they have, no
 * part of one stands outside quotes, and the same input gives the same bytes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { planCase, renderCase } from '../../tools/cluster-cases.ts';
import type { ClusterCase } from '../../tools/cluster-cases.ts';
import { clusterArtefacts } from './cluster-artefacts.ts';
import { connectorConfig } from './capture/connector-config.ts';

/** In every name of a generated case, and nowhere else. */
const MARK = 'zqx';

const piece = fc.constantFrom(
  '`',
  '``',
  "'",
  "''",
  '"',
  '\\',
  "\\'",
  '*/',
  '/*',
  '--',
  ';',
  '${env:HOME}',
  '{{branch}}',
  '.',
  ',',
  '$',
  '@',
  ' ',
  '\u2028',
  '\u{1F9CA}',
  'END',
  ') OR 1=1',
);
const name = fc
  .array(piece, { minLength: 1, maxLength: 4 })
  .map((parts) => `${parts.join('')}${MARK}${parts.join('')}`);
/** Flink refuses tables with a dollar sign. */
const tableName = name.map((text) => text.replaceAll('$', ''));

const anyCase = fc
  .record({ namespace: name, table: tableName, key: name, other: name })
  .filter(({ key, other }) => key.toLowerCase() !== other.toLowerCase())
  .map(({ namespace, table, key, other }): ClusterCase => {
    const columns = { [key]: 'int(11) not null', [other]: 'datetime(6)' };
    const tables = [{ name: [namespace, table], columns, key: [key] }] as const;
    return { flavour: 'mysql', bootstrap: 'spark', tables };
  });

/** A statement file without its comments and quoted parts; fails when a quote stays open. */
function unquoted(sql: string, backslashEscapes: boolean): string {
  const text = backslashEscapes ? "'(?:[^'\\\\]|\\\\[^])*'" : "'(?:[^']|'')*'";
  const token = new RegExp(`\`(?:[^\`]|\`\`)*\`|${text}|^-- .*$`, 'gm');
  const rest = sql.replaceAll(token, '');
  assert.doesNotMatch(rest, /[`']/, 'every quote is closed');
  return rest;
}

test('spec: E2 — no part of a name stands outside quotes', () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const plan = planCase(given);
      assert.deepEqual(plan.refused, []);
      for (const { path, text } of clusterArtefacts(plan)) {
        assert.match(path, /^[A-Za-z0-9._~/-]+$/);
        if (!path.endsWith('.sql')) continue;
        const rest = unquoted(text, !path.startsWith('flink/'));
        assert.ok(!rest.includes(MARK), `${path}: ${rest}`);
      }
    }),
    { numRuns: 60 },
  );
});

test('the connector is told exactly the table, by an expression without commas or references', () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      const [namespace = '', table = ''] = given.tables[0]?.name ?? [];
      const plan = planCase(given);
      const tables = plan.tables.map((planned) => ({ ...planned, excluded: ['a,b'] }));
      const config = connectorConfig({ ...plan, tables });
      const list = config['table.include.list'] ?? '';
      assert.match(list, /^[A-Za-z0-9_\\.{}]+$/);
      // The codes of Java's expressions are those of JavaScript's, but for their brackets.
      const pattern = new RegExp(`^${list.replaceAll('\\x{', '\\u{')}$`, 'u');
      assert.ok(pattern.test(`${namespace}.${table}`));
      assert.ok(!pattern.test(`${namespace}x${table}`));
      assert.doesNotMatch(config['column.exclude.list'] ?? ',', /,/);
    }),
    { numRuns: 60 },
  );
});

test('spec: E3 — equal input gives equal bytes', () => {
  fc.assert(
    fc.property(anyCase, (given) => {
      assert.equal(renderCase(given), renderCase(structuredClone(given)));
    }),
    { numRuns: 10 },
  );
});

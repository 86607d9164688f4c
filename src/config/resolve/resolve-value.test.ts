/** Kinds of options that no pipeline file has yet: secrets and sizes. */
import { deepEqual, doesNotMatch, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigProblem } from '../config-problem.ts';
import type { Section } from '../option.ts';
import { resolveSection } from './resolve-value.ts';
import { readYamlTree } from '../yaml-tree.ts';

const OPTIONS = {
  password: { type: { kind: 'secret' }, text: 'How to log in.', since: '0.1' },
  buffer: {
    type: { kind: 'size', minBytes: 1024, maxBytes: 1024 ** 3 },
    default: '64MiB',
    text: 'Bytes held.',
    since: '0.1',
  },
} as const satisfies Section;

function resolve(text: string): { readonly value: unknown; readonly problems: readonly string[] } {
  const problems: ConfigProblem[] = [];
  const { tree } = readYamlTree(text);
  const context = { path: '', folder: '/data', problems };
  const value = tree === null ? null : resolveSection(context, OPTIONS, tree);
  return { value, problems: problems.map(({ path, message }) => `${path}: ${message}`) };
}

test('a secret is a reference: environment, file or command', () => {
  const cases: readonly (readonly [text: string, reference: unknown])[] = [
    ['{env: SHOP_PASSWORD}', { kind: 'env', name: 'SHOP_PASSWORD' }],
    ['{file: secret.txt}', { kind: 'file', path: '/data/secret.txt' }],
    ['{command: [pass, show, shop]}', { kind: 'command', argv: ['pass', 'show', 'shop'] }],
  ];
  for (const [text, password] of cases) {
    deepEqual(resolve(`password: ${text}`), {
      value: { password, bufferBytes: 64 * 1024 ** 2 },
      problems: [],
    });
  }
});

test('a secret in the file itself is refused and not repeated', () => {
  const wrong = ['canary', '{env: canary-1}', '{file: }', '{command: canary}', '{}', '[canary]'];
  for (const text of [...wrong, '{env: A, file: canary}', '{vault: canary}', '']) {
    const { problems } = resolve(`password: ${text}`);
    equal(problems.length, 1, text);
    doesNotMatch(problems.join(''), /canary/);
  }
});

test('sizes have units and bounds', () => {
  deepEqual(resolve('{password: {env: A}, buffer: 2KiB}').problems, []);
  for (const size of ['2000', '1000B', '2GiB', '1 parsec']) {
    deepEqual(resolve(`{password: {env: A}, buffer: ${size}}`).problems, [
      'buffer: must be a size with its unit (KiB, MiB, GiB, ...), 1KiB to 1GiB',
    ]);
  }
});

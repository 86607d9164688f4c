/** Reads where a secret is kept. A secret written into the file itself is refused, not quoted. */
import { resolve } from 'node:path';
import { fail } from './resolving.ts';
import type { Resolving } from './resolving.ts';
import type { SecretReference } from '../secret-reference.ts';
import type { YamlNode } from '../yaml-tree.ts';

const FORMS = '{env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT, ...]}';

/** The reference, or `undefined` after a problem. Nothing is read yet. */
export function resolveSecret(context: Resolving, node: YamlNode): SecretReference | undefined {
  if (node.kind === 'scalar') {
    return fail(context, node.at, `a secret does not belong in this file; write ${FORMS}`);
  }
  const entry = node.kind === 'map' && node.entries.length === 1 ? node.entries[0] : undefined;
  if (entry === undefined) return fail(context, node.at, `must be ${FORMS}`);
  const { key, at, value } = entry;
  const text = value.kind === 'scalar' && value.value !== null ? value.text : '';
  if (key === 'env') {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return { kind: 'env', name: text };
    return fail(context, value.at, 'env must be the name of an environment variable');
  }
  if (key === 'file') {
    if (text !== '') return { kind: 'file', path: resolve(context.folder, text) };
    return fail(context, value.at, 'file must be a path');
  }
  if (key !== 'command') return fail(context, at, `must be ${FORMS}`);
  const argv = value.kind === 'list' ? value.items : [];
  const words = argv.flatMap((item) => (item.kind === 'scalar' ? [item.text] : []));
  if (words.length > 0 && words.length === argv.length) return { kind: 'command', argv: words };
  return fail(context, value.at, 'command must be a list: the program, then its arguments');
}

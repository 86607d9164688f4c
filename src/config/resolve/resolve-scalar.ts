/** Checks single values: texts, paths, durations, sizes, numbers, flags and choices. */
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unreachable } from '../../kernel/assert.ts';
import type { TextPlace } from '../config-problem.ts';
import { expected } from './expected-value.ts';
import { nearestName } from './nearest-name.ts';
import type { ValueType } from '../option.ts';
import { parseDuration, parseSize } from './quantity.ts';
import { fail } from './resolving.ts';
import type { Resolving } from './resolving.ts';
import type { YamlNode } from '../yaml-tree.ts';

/** A kind of value that is written as one scalar. */
export type ScalarType = Exclude<
  ValueType,
  { readonly kind: 'list' | 'map' | 'either' | 'section' | 'variant' | 'secret' }
>;

/** The resolved value, or `undefined` after a problem. */
export function resolveScalar(
  context: Resolving,
  type: ScalarType,
  node: Extract<YamlNode, { kind: 'scalar' }>,
): unknown {
  // `onMisfit: null` means the word, although YAML reads it as no value.
  const isWord = type.kind === 'choice' && type.values.includes(node.text);
  if (isWord) return node.text;
  if (node.value === null) {
    return fail(context, node.at, `has no value; it must be ${expected(type)}`);
  }
  const wrong = (): undefined => fail(context, node.at, `must be ${expected(type)}`);
  switch (type.kind) {
    case 'text':
      if (type.pattern === undefined) return node.text === '' ? wrong() : node.text;
      return type.pattern.test(node.text) ? node.text : wrong();
    case 'path':
      if (type.bucket === true && /^s3[an]?:/i.test(node.text)) return resolveBucket(context, node);
      return resolvePath(context, node);
    case 'duration': {
      const ms = parseDuration(node.text);
      return ms === null || ms < type.minMs || ms > type.maxMs ? wrong() : ms;
    }
    case 'size': {
      const bytes = parseSize(node.text);
      return bytes === null || bytes < type.minBytes || bytes > type.maxBytes ? wrong() : bytes;
    }
    case 'integer': {
      const { value } = node;
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) return wrong();
      return value < type.min || value > type.max ? wrong() : value;
    }
    case 'flag':
      return typeof node.value === 'boolean' ? node.value : wrong();
    case 'choice': {
      const near = nearestName(node.text, type.values);
      const hint = near === null || type.values.length === 1 ? '' : `; did you mean ${near}?`;
      return fail(context, node.at, `must be ${expected(type)}${hint}`);
    }
    default:
      return unreachable(type);
  }
}

function resolvePath(
  context: Resolving,
  node: { readonly at: TextPlace; readonly text: string },
): string | undefined {
  const { text, at } = node;
  if (text === '' || text.includes('\0')) return fail(context, at, 'must be a path');
  if (/^~(?:\/|$)/.test(text)) {
    return fail(context, at, '`~` is not expanded; write the whole path');
  }
  if (/^file:\/\//i.test(text)) {
    try {
      return fileURLToPath(text);
    } catch {
      // Not a file URL of this machine: the message below says what is taken.
      return fail(context, at, 'must be a path, or a file:// address of this machine');
    }
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    return fail(context, at, 'must be a path of this machine in this version, not an address');
  }
  return isAbsolute(text) ? resolve(text) : resolve(context.folder, text);
}

/** `s3://bucket/prefix` without a slash at its end. */
function resolveBucket(
  context: Resolving,
  { text, at }: { readonly text: string; readonly at: TextPlace },
): string | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[^/\p{Cc}]+)*)\/?$/u.exec(text);
  const names = match?.[2]?.split('/') ?? [];
  if (match === null || names.includes('.') || names.includes('..')) {
    return fail(context, at, 'must be s3://bucket/prefix, with the bucket’s name as it is in S3');
  }
  return `s3://${match[1]}${match[2]}`;
}

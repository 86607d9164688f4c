/**
 * Checks what a user wrote against its declaration and fills in what was left out. Goes on after a
 * problem, so that all of them are found at once. Written values are never quoted in a message: a
 * secret may stand where it does not belong.
 */
import type { TextPlace } from '../config-problem.ts';
import { expected } from './expected-value.ts';
import { nearestName } from './nearest-name.ts';
import { resolvedName } from '../option.ts';
import type { Option, Section, ValueType } from '../option.ts';
import { resolveScalar } from './resolve-scalar.ts';
import { resolveSecret } from './resolve-secret.ts';
import { fail, inside } from './resolving.ts';
import type { Resolving } from './resolving.ts';
import type { YamlEntry, YamlNode } from '../yaml-tree.ts';

/** The resolved value, or `undefined` after a problem. Its type is `Value` of the declaration's. */
function resolveValue(context: Resolving, type: ValueType, node: YamlNode): unknown {
  switch (type.kind) {
    case 'list':
      return resolveList(context, type, node);
    case 'map':
      return resolveMap(context, type.of, node);
    case 'either': {
      if (node.kind === 'scalar' && node.text === type.word) return type.word;
      const value = resolveValue({ ...context, problems: [] }, type.of, node);
      return value ?? fail(context, node.at, `must be ${expected(type)}`);
    }
    case 'section': {
      if (type.shorthand === undefined || node.kind !== 'scalar' || node.value === null) {
        return resolveSection(context, type.options, node);
      }
      const entry: YamlEntry = { key: type.shorthand, at: node.at, value: node };
      return resolveSection(context, type.options, { kind: 'map', at: node.at, entries: [entry] });
    }
    case 'variant':
      return resolveVariant(context, type.variants, node);
    case 'secret':
      return resolveSecret(context, node);
    default:
      if (node.kind !== 'scalar') return fail(context, node.at, `must be ${expected(type)}`);
      return resolveScalar(context, type, node);
  }
}

function resolveList(
  context: Resolving,
  type: Extract<ValueType, { kind: 'list' }>,
  node: YamlNode,
): unknown {
  if (node.kind !== 'list') return fail(context, node.at, `must be ${expected(type)}`);
  if (node.items.length < type.itemsMin) {
    return fail(
      context,
      node.at,
      `needs at least ${type.itemsMin} item; each ${expected(type.of)}`,
    );
  }
  return node.items.map((item, index) => {
    const place = { ...context, path: `${context.path}[${index}]` };
    return resolveValue(place, type.of, item);
  });
}

function resolveMap(context: Resolving, type: ValueType, node: YamlNode): unknown {
  if (node.kind !== 'map') return fail(context, node.at, 'must be a section of names and values');
  // Without a prototype: any column name is just a name here, `__proto__` too.
  const map = Object.create(null) as Record<string, unknown>;
  for (const entry of node.entries) {
    map[entry.key] = resolveValue(inside(context, entry.key), type, entry.value);
  }
  return map;
}

function resolveVariant(
  context: Resolving,
  variants: Readonly<Record<string, Section>>,
  node: YamlNode,
): unknown {
  const names = Object.keys(variants);
  if (node.kind !== 'map') {
    return fail(context, node.at, `must be a section with type: ${names.join(' or ')}`);
  }
  const type = node.entries.find(({ key }) => key === 'type');
  if (type === undefined) {
    return fail(context, node.at, `needs the option type: ${names.join(' or ')}`);
  }
  const name = type.value.kind === 'scalar' ? type.value.text : '';
  const options = Object.hasOwn(variants, name) ? variants[name] : undefined;
  if (options === undefined) {
    const message = `this version supports ${names.join(', ')}`;
    return fail(inside(context, 'type'), type.value.at, message);
  }
  const entries = node.entries.filter((entry) => entry !== type);
  const section = resolveSection(context, options, { ...node, entries }, ['type']);
  return section === undefined ? undefined : { type: name, ...section };
}

/**
 * A section with its defaults. Sections written as nothing (`ledger:`) are empty ones.
 *
 * @param known names that are also valid here, for the messages
 */
export function resolveSection(
  context: Resolving,
  options: Section,
  node: YamlNode,
  known: readonly string[] = [],
): Record<string, unknown> | undefined {
  const empty = node.kind === 'scalar' && node.value === null;
  if (node.kind !== 'map' && !empty) {
    return fail(context, node.at, `must be a section with ${Object.keys(options).join(', ')}`);
  }
  const entries = node.kind === 'map' ? node.entries : [];
  const names = [...known, ...Object.keys(options)];
  for (const { key, at } of entries) {
    if (names.includes(key)) continue;
    const near = nearestName(key, names);
    const hint = near === null ? `known here: ${names.join(', ')}` : `did you mean ${near}?`;
    fail(inside(context, key), at, `unknown option; ${hint}`);
  }
  const written = new Map(entries.map((entry) => [entry.key, entry.value]));
  const section: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const place = inside(context, name);
    section[resolvedName(name, option.type)] = resolveOption(place, option, {
      written: written.get(name),
      at: node.at,
    });
  }
  return section;
}

function resolveOption(
  context: Resolving,
  option: Option,
  given: { readonly written: YamlNode | undefined; readonly at: TextPlace },
): unknown {
  const { written, at } = given;
  const { default: fallback, type } = option;
  const absent = written === undefined || isEmptySection(type, written);
  if (!absent) return resolveValue(context, type, written);
  if (fallback === null) return null;
  if (fallback !== undefined) return resolveValue(context, type, nodeOf(fallback, at));
  return fail(context, written?.at ?? at, `is required; it is ${expected(type)}`);
}

/** `ledger:` with nothing below it says the same as leaving it out. */
function isEmptySection(type: ValueType, node: YamlNode): boolean {
  const holdsMore = ['section', 'variant', 'map', 'list'].includes(type.kind);
  return holdsMore && node.kind === 'scalar' && node.value === null;
}

/** A default as if it had been written at `at`. */
function nodeOf(value: unknown, at: TextPlace): YamlNode {
  if (Array.isArray(value))
    return { kind: 'list', at, items: value.map((item) => nodeOf(item, at)) };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => ({
      key,
      at,
      value: nodeOf(item, at),
    }));
    return { kind: 'map', at, entries };
  }
  return { kind: 'scalar', at, value, text: String(value), plain: true };
}

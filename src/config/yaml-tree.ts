/**
 * YAML as a plain tree with positions; the only home of the YAML library. A pipeline file needs
 * maps, lists and scalars, so everything else of YAML is refused: aliases (and with them alias
 * bombs), tags, several documents. Size and depth are bounded before anything looks at the tree.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node, Range } from 'yaml';
import type { ConfigProblem, TextPlace } from './config-problem.ts';

/** A value and where it stands. */
export type YamlNode =
  /** `text`: as written, without quotes; `plain`: it was written without quotes. */
  | {
      readonly kind: 'scalar';
      readonly at: TextPlace;
      readonly value: unknown;
      readonly text: string;
      readonly plain: boolean;
    }
  | { readonly kind: 'list'; readonly at: TextPlace; readonly items: readonly YamlNode[] }
  | { readonly kind: 'map'; readonly at: TextPlace; readonly entries: readonly YamlEntry[] };

/** One key of a map. Keys are unique. */
export interface YamlEntry {
  readonly key: string;
  readonly at: TextPlace;
  readonly value: YamlNode;
}

/** Characters of a file at most: room for thousands of tables, read in two seconds at worst. */
const TEXT_LENGTH_MAX = 256 * 1024;

/** Levels of a pipeline file at most: its own options use six. */
const DEPTH_MAX = 16;
const TOO_DEEP = `this is nested more than ${DEPTH_MAX} levels deep`;

interface Reading {
  readonly lines: LineCounter;
  readonly problems: ConfigProblem[];
}

const START: TextPlace = { line: 1, column: 1 };

/**
 * Reads YAML text. With problems the tree is what could be read, or `null` when its structure is
 * not known.
 */
export function readYamlTree(text: string): {
  readonly tree: YamlNode | null;
  readonly problems: readonly ConfigProblem[];
} {
  if (text.length > TEXT_LENGTH_MAX) {
    return refused(`the file is larger than ${TEXT_LENGTH_MAX / 1024} KiB`);
  }
  const lines = new LineCounter();
  const reading: Reading = { lines, problems: [] };
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Checked below in one pass; the library compares every pair.
    uniqueKeys: false,
    merge: false,
    customTags: [],
    // At `silent` the library would read the first of several documents and say nothing.
    logLevel: 'error',
  });
  if (document.directives.yaml.explicit === true) {
    add(reading, START, 'directives (`%YAML`) are not used in a pipeline file; take it out');
  }
  noteSyntaxErrors(reading, [...document.errors, ...document.warnings]);
  if (reading.problems.length > 0) return { tree: null, problems: reading.problems };
  if (document.contents === null) return refused('the file is empty');
  return { tree: readNode(reading, document.contents, 1), problems: reading.problems };
}

/** One problem per line: a broken structure makes the library complain again and again. */
function noteSyntaxErrors(
  reading: Reading,
  errors: readonly { readonly message: string; readonly pos: readonly [number, number] }[],
): void {
  // What the library's stack could not hold is a matter of depth, and the rest follows from it.
  const deep = errors.find(({ message }) => message.startsWith('Maximum call stack'));
  if (deep !== undefined) return add(reading, placeOf(reading, deep.pos[0]), TOO_DEEP);
  const lines = new Set<number>();
  for (const { message, pos } of errors) {
    const at = placeOf(reading, pos[0]);
    if (!lines.has(at.line)) add(reading, at, `this is not YAML: ${message}`);
    lines.add(at.line);
  }
}

function refused(message: string): { tree: null; problems: readonly ConfigProblem[] } {
  return { tree: null, problems: [{ ...START, path: '', message }] };
}

function placeOf(reading: Reading, offset: number): TextPlace {
  const { line, col } = reading.lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function add(reading: Reading, at: TextPlace, message: string, path = ''): void {
  reading.problems.push({ ...at, path, message });
}

function startOf(node: { readonly range?: Range | null | undefined }): number {
  return node.range?.[0] ?? 0;
}

function emptyAt(at: TextPlace): YamlNode {
  return { kind: 'scalar', at, value: null, text: '', plain: true };
}

function readNode(reading: Reading, node: Node, depth: number): YamlNode {
  const at = placeOf(reading, startOf(node));
  if (isAlias(node)) {
    add(reading, at, 'aliases (`*name`) are not used in a pipeline file; write the value out');
    return emptyAt(at);
  }
  if (node.tag !== undefined) {
    add(reading, at, 'tags (`!name`) are not used in a pipeline file; write the plain value');
  }
  if (depth > DEPTH_MAX) {
    add(reading, at, TOO_DEEP);
    return emptyAt(at);
  }
  if (isScalar(node)) {
    const plain = node.type === 'PLAIN';
    const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
    return { kind: 'scalar', at, value: node.value, text, plain };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => readNode(reading, item as Node, depth + 1));
    return { kind: 'list', at, items };
  }
  return { kind: 'map', at, entries: isMap(node) ? readEntries(reading, node, depth) : [] };
}

function readEntries(
  reading: Reading,
  map: { readonly items: readonly { readonly key: unknown; readonly value: unknown }[] },
  depth: number,
): readonly YamlEntry[] {
  const entries: YamlEntry[] = [];
  const seen = new Map<string, TextPlace>();
  for (const pair of map.items) {
    const keyNode = pair.key as Node;
    const at = placeOf(reading, startOf(keyNode));
    const key = readNode(reading, keyNode, depth + 1);
    if (key.kind !== 'scalar') {
      add(reading, at, 'a key must be a plain name');
      continue;
    }
    const first = seen.get(key.text);
    if (first !== undefined) {
      add(reading, at, `written twice; first in line ${first.line}`, key.text);
      continue;
    }
    seen.set(key.text, at);
    const value =
      pair.value === null ? emptyAt(at) : readNode(reading, pair.value as Node, depth + 1);
    entries.push({ key: key.text, at, value });
  }
  return entries;
}

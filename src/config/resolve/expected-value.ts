/** What each kind of option takes, in words: for messages and the reference page. */
import { unreachable } from '../../kernel/assert.ts';
import type { ValueType } from '../option.ts';
import { formatDuration, formatSize } from './quantity.ts';

/** What a value of `type` looks like, to go on after "must be". */
export function expected(type: ValueType): string {
  switch (type.kind) {
    case 'text':
      return type.patternText ?? 'a text';
    case 'path':
      return type.bucket === true ? 'a path, or s3://bucket/prefix' : 'a path';
    case 'duration': {
      const range = `${formatDuration(type.minMs)} to ${formatDuration(type.maxMs)}`;
      return `a duration with its unit (ms, s, m, h, d), ${range}`;
    }
    case 'size': {
      const range = `${formatSize(type.minBytes)} to ${formatSize(type.maxBytes)}`;
      return `a size with its unit (KiB, MiB, GiB, ...), ${range}`;
    }
    case 'integer':
      return `a whole number, ${type.min} to ${type.max}`;
    case 'flag':
      return 'true or false';
    case 'choice':
      return type.values.length === 1
        ? `${type.values.join('')} in this version`
        : `one of ${type.values.join(', ')}`;
    case 'secret':
      return '{env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT, ...]}';
    case 'list':
      return `a list; each item ${expected(type.of)}`;
    case 'map':
      return `a section: by ${type.keyText}, ${expected(type.of)}`;
    case 'either':
      return `${type.word}, or ${expected(type.of)}`;
    case 'section': {
      const section = `a section with ${Object.keys(type.options).join(', ')}`;
      return type.shorthand === undefined ? section : `a name, or ${section}`;
    }
    case 'variant':
      return `a section with type: ${Object.keys(type.variants).join(' or ')}`;
    default:
      return unreachable(type);
  }
}

/** Keys of JSON objects: what is taken, what is refused, and that values stay out of messages. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import { parseJson } from '../kernel/lossless-json.ts';
import { jsonFields, jsonInts } from './json-fields.ts';
import type { JsonFields } from './json-fields.ts';

const open = (text: string): JsonFields => jsonFields(parseJson(text), 'v1.json');

// spec: V3
test('integers are exact to their 32 or 64 bits', () => {
  const keys = open('{"i": -2147483648, "l": 9223372036854775807, "s": 5}');
  equal(keys.int('i'), -2147483648);
  equal(keys.long('l'), 9223372036854775807n);
  equal(keys.long('s'), 5n);
  equal(keys.optionalInt('s'), 5);
});

test('a missing key and null are the same, and no prototype shows through', () => {
  const keys = open('{"n": null}');
  deepEqual(
    [keys.optionalInt('n'), keys.optionalLong('x'), keys.optionalText('n')],
    [null, null, null],
  );
  deepEqual(
    [keys.optionalList('x'), keys.value('toString'), keys.value('__proto__')],
    [null, null, null],
  );
  throws(() => keys.text('constructor'), isInvalid);
});

test('a value of the wrong kind is refused, and not shown', () => {
  const keys = open(
    '{"half": 1.5, "wide": 2147483648, "huge": 9223372036854775808, "text": "secret", "object": {}}',
  );
  const wrong: readonly (() => unknown)[] = [
    () => keys.int('half'),
    () => keys.int('wide'),
    () => keys.int('text'),
    () => keys.long('huge'),
    () => keys.long('half'),
    () => keys.optionalInt('wide'),
    () => keys.text('half'),
    () => keys.flag('text'),
    () => keys.list('object'),
    () => keys.list('none'),
    () => jsonInts([1, 1.5], 'v1.json'),
    () => jsonFields([], 'v1.json'),
    () => jsonFields('secret', 'v1.json'),
  ];
  for (const [index, read] of wrong.entries()) {
    throws(read, (error) => isInvalid(error) && !String(error).includes('secret'), `case ${index}`);
  }
});

function isInvalid(error: unknown): boolean {
  return isFirnError(error, 'ICEBERG-JSON-INVALID') && error.where === 'v1.json';
}

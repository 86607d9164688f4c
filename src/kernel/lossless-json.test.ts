/** JSON that keeps every digit of an integer, whichever way it takes through the parser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { jsonInteger, parseJson, stringifyJson } from './lossless-json.ts';

test('spec: C17 every 64-bit integer survives, next to anything else', () => {
  const wide = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  const edge = fc.bigInt(-3n, 3n).map((step) => 2n ** 53n + step);
  const rest = fc.array(fc.oneof(fc.string(), fc.boolean(), fc.nat(), fc.constant(null)));
  const number = fc.oneof(wide, edge);
  fc.assert(
    fc.property(number, rest, fc.constantFrom('', ',1.5e300', ',"x"'), (integer, others, tail) => {
      const text = `{"rest":${JSON.stringify(others)},"n":[${integer}${tail}]}`;
      const parsed = parseJson(text) as { readonly rest: unknown; readonly n: readonly unknown[] };
      const [value] = parsed.n;
      const safe = integer < 2n ** 53n && integer > -(2n ** 53n);
      assert.equal(typeof value, safe ? 'number' : 'bigint');
      assert.equal(String(value), String(integer));
      assert.deepEqual(parsed.rest, others);
      assert.ok(stringifyJson(parsed).includes(`"n":[${integer}`));
    }),
  );
});

test('a key __proto__ is a key like any other, with wide integers or without', () => {
  for (const number of ['1', '9007199254740993']) {
    const parsed = parseJson(`{"__proto__":{"n":${number}}}`);
    assert.ok(Object.hasOwn(parsed as object, '__proto__'));
    assert.equal(stringifyJson(parsed), `{"__proto__":{"n":${number}}}`);
  }
});

test('spec: C17 an integer is made a number only where nothing is lost', () => {
  const edge = fc.bigInt(-3n, 3n).map((step) => 2n ** 53n + step);
  const wide = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), edge);
  const sign = fc.constantFrom(1n, -1n);
  fc.assert(
    fc.property(wide, sign, (value, by) => {
      const integer = jsonInteger(value * by);
      assert.equal(BigInt(integer), value * by);
      assert.equal(stringifyJson([integer]), `[${value * by}]`);
    }),
  );
  assert.equal(jsonInteger(7n), 7);
});

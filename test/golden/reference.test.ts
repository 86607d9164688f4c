/** The reference pages are what their declarations say now. */
import { equal } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { referencePages } from '../../tools/reference.ts';

for (const [path, text] of referencePages()) {
  test(`${path} is current (npm run reference writes it)`, () => {
    equal(existsSync(path) ? readFileSync(path, 'utf8') : '', text);
  });
}

/** The words of a server in messages: names are kept, values and statements never. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { connectionError } from './connection-failure.ts';

function said(errno: number, message: string): string {
  return connectionError(Object.assign(new Error(message), { errno }), 'here').what;
}

test('an error that may quote a value says only what kind it is (spec: P8)', () => {
  const cases: readonly (readonly [number, string])[] = [
    [1062, "Duplicate entry 'topsecret-7' for key 't.PRIMARY'"],
    [1064, "You have an error near 'topsecret') ORDER BY `id`' at line 1"],
    [1292, "Truncated incorrect INTEGER value: 'topsecret'"],
    [1300, "Invalid utf8mb4 character string: 'topsecret'"],
    [1366, "Incorrect integer value: 'O'Brien topsecret' for column 'a' at row 1"],
    [1525, "Incorrect DATETIME value: 'topsecret'"],
    [1690, "BIGINT UNSIGNED value is out of range in '(topsecret - 10)'"],
    [1863, 'Found a row in wrong partition p0 (id:topsecret)'],
    [1105, 'Unknown error about topsecret'],
    [3141, 'Invalid JSON text in argument 1: "topsecret'],
  ];
  for (const [errno, message] of cases) {
    const words = said(errno, message);
    equal(words.includes('topsecret'), false, words);
    equal(words.includes(`error ${errno} of the server`), true, words);
  }
  equal(
    said(1366, "Incorrect integer value: 'x' for column 'a'"),
    'The source says: Incorrect integer value: … (error 1366 of the server)',
  );
});

test('an error about names keeps its words', () => {
  const words = "SELECT command denied to user 'firn'@'host' for table `shop`.`orders`";
  equal(said(1142, words), `The source says: ${words}`);
  equal(said(1054, "Unknown column 'x'"), "The source says: Unknown column 'x'");
  equal(said(1030, 'Got error 168 from engine'), 'The source says: Got error 168 from engine');
  const gone = connectionError(new Error("connect ECONNREFUSED '127.0.0.1'"), 'here');
  equal(gone.what, "The source says: connect ECONNREFUSED '127.0.0.1'");
});

/** The matrix sees differences: cells of every kind, and what it writes about them. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { renderCompatibility, steadyText } from './compatibility-page.ts';
import { difference, knownRows } from './firn-cells.ts';

const TYPES = {
  l: 'BIGINT',
  d: 'DECIMAL(38,10)',
  f: 'FLOAT',
  r: 'DOUBLE',
  b: 'BLOB',
  day: 'DATE',
  at: 'TIMESTAMP',
  zoned: 'TIMESTAMP WITH TIME ZONE',
  u: 'UUID',
  yes: 'BOOLEAN',
};

const ANSWER = `{"columns": ${JSON.stringify(
  Object.entries(TYPES).map(([name, type]) => ({ name, type })),
)}, "rows": [{"l": -9223372036854775808, "d": -9999999999999999999999999999.9999999990,
  "f": 0.1, "r": "-inf", "b": "a\\\\x00\\\\xFF", "day": "0001-01-01",
  "at": "1969-12-31 23:59:59.000001", "zoned": "9999-12-31 23:59:59.999999+00",
  "u": "01234567-89ab-cdef-0123-456789abcdef", "yes": false}]}`;

const CELLS = [
  '-9223372036854775808',
  '-9999999999999999999999999999.999999999',
  '3dcccccd',
  'fff0000000000000',
  '6100ff',
  '-719162',
  '-999999',
  '253402300799999999',
  '0123456789abcdef0123456789abcdef',
  'false',
];

test('an answer of Firn becomes cells without a loss', () => {
  deepEqual(knownRows(ANSWER).rows, [CELLS]);
});

test('a cell that differs is found in each column', () => {
  const known = knownRows(ANSWER);
  const { columns } = known;
  equal(difference(known, { columns, rows: [CELLS] }), null);
  equal(difference(known, { columns: columns.toReversed(), rows: [CELLS.toReversed()] }), null);
  for (const [at, name] of columns.entries()) {
    for (const value of [null, `${CELLS[at]}1`]) {
      const rows = [CELLS.with(at, value as string)];
      equal(difference(known, { columns, rows }), `other values in ${name}`);
    }
  }
  equal(difference(known, { columns, rows: [CELLS, CELLS] }), '2 rows in place of 1');
  match(difference(known, { columns: columns.slice(1), rows: [CELLS.slice(1)] }) ?? '', /column l/);
});

test('decimals and UUIDs have several texts', () => {
  const known = knownRows(ANSWER);
  const { columns } = known;
  const rows = [CELLS.with(1, `${CELLS[1]}0`).with(8, '01234567-89ab-cdef-0123-456789abcdef')];
  equal(difference(known, { columns, rows }), null);
});

test('the page is the same for the same findings, whatever the place', () => {
  const refusals = ['a', 'b'].map((folder) =>
    steadyText(`Error: no file:/tmp/firn-cli-${folder}/lake/x at 127.0.0.1:${folder.length}\n at`),
  );
  equal(refusals[0], refusals[1]);
  const page = renderCompatibility({
    readers: ['R 1'],
    intro: [],
    sections: [
      {
        title: 'T',
        intro: 'I',
        rows: [
          { title: 'x', findings: new Map([['R 1', { kind: 'equal' }]]) },
          { title: 'y', findings: new Map([['R 1', { kind: 'refused', text: 'no' }]]) },
          { title: 'z', findings: new Map([['R 1', { kind: 'wrong', text: 'no' }]]) },
        ],
      },
    ],
  });
  match(page, /\| x \| equal \|\n\| y \| refused \[1\] \|\n\| z \| \*\*wrong\*\* \[1\] \|/);
  match(page, /1\. R 1: `no`/);
});

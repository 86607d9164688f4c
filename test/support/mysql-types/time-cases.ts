/** Dates and times, with those that are none. */
import type { TypeCase, TypeValue } from './type-case.ts';

const ZEROS = [
  "'0000-00-00'",
  "'2024-00-00'",
  "'2024-02-00'",
  "'0000-01-01'",
  "'2024-02-31'",
  "'2023-02-29'",
  "'1900-02-29'",
  "'2024-00-31'",
];

/** Cases of dates and times. */
export const TIME_CASES: readonly TypeCase[] = [
  {
    name: 'date',
    declaration: 'DATE',
    type: 'date',
    values: [
      ["'1000-01-01'", '1000-01-01'],
      ["'9999-12-31'", '9999-12-31'],
      ["'0001-01-01'", '0001-01-01'],
      ["'1582-10-10'", '1582-10-10'],
      ["'1970-01-01'", '1970-01-01'],
      ["'2024-02-29'", '2024-02-29'],
      ["'1900-03-01'", '1900-03-01'],
    ],
  },
  {
    name: 'date_null',
    declaration: 'DATE',
    type: 'date',
    onMisfit: 'null',
    values: [...ZEROS.map((zero): TypeValue => [zero, null]), ["'2024-02-28'", '2024-02-28']],
  },
  {
    name: 'date_text',
    declaration: 'DATE',
    type: 'string',
    onMisfit: 'text',
    values: [...ZEROS, "'2024-02-28'"].map((zero): TypeValue => [zero, zero.slice(1, -1)]),
  },
  {
    name: 'dt0',
    declaration: 'DATETIME',
    type: 'timestamp',
    values: [
      ["'2024-02-29 23:59:59'", '2024-02-29T23:59:59.000000'],
      ["'9999-12-31 23:59:59'", '9999-12-31T23:59:59.000000'],
      ["'1000-01-01 00:00:00'", '1000-01-01T00:00:00.000000'],
      ["'1969-12-31 23:59:59'", '1969-12-31T23:59:59.000000'],
    ],
  },
  ...[1, 2, 3, 4, 5].map((digits): TypeCase => ({
    name: `dt${digits}`,
    declaration: `DATETIME(${digits})`,
    type: 'timestamp',
    values: [
      [
        `'2024-02-29 23:59:59.${'123456'.slice(0, digits)}'`,
        `2024-02-29T23:59:59.${'123456'.slice(0, digits).padEnd(6, '0')}`,
      ],
      [
        `'0001-01-01 00:00:00.${'000009'.slice(6 - digits)}'`,
        `0001-01-01T00:00:00.${'000009'.slice(6 - digits).padEnd(6, '0')}`,
      ],
    ],
  })),
  {
    name: 'dt6',
    declaration: 'DATETIME(6)',
    type: 'timestamp',
    values: [
      ["'9999-12-31 23:59:59.999999'", '9999-12-31T23:59:59.999999'],
      ["'2024-02-29 00:00:00.000001'", '2024-02-29T00:00:00.000001'],
      ["'1969-12-31 23:59:59.999999'", '1969-12-31T23:59:59.999999'],
      ["'2255-06-05 23:47:34.740993'", '2255-06-05T23:47:34.740993'],
    ],
  },
  {
    name: 'dt_null',
    declaration: 'DATETIME(3)',
    type: 'timestamp',
    onMisfit: 'null',
    values: [
      ["'0000-00-00 00:00:00'", null],
      ["'2024-00-00 01:02:03.5'", null],
      ["'2024-04-31 23:59:59.999'", null],
      ["'0000-00-00 00:00:01'", null],
      ["'2024-04-30 23:59:59.999'", '2024-04-30T23:59:59.999000'],
    ],
  },
  {
    name: 'dt_text',
    declaration: 'DATETIME(3)',
    type: 'string',
    onMisfit: 'text',
    values: [
      ["'0000-00-00 00:00:00'", '0000-00-00 00:00:00.000'],
      ["'2024-00-00 01:02:03.5'", '2024-00-00 01:02:03.500'],
    ],
  },
  ...[0, 1, 2, 3, 4, 5, 6].map((digits): TypeCase => ({
    name: `ts${digits}`,
    declaration: `TIMESTAMP(${digits}) NULL`,
    type: 'timestamptz',
    values: [
      ["'1970-01-01 00:00:01'", '1970-01-01T00:00:01.000000Z'],
      ["'2038-01-19 03:14:07'", '2038-01-19T03:14:07.000000Z'],
      ["'2024-03-31 01:30:00'", '2024-03-31T01:30:00.000000Z'],
    ],
  })),
  {
    name: 'ts_max',
    declaration: 'TIMESTAMP(6) NULL',
    type: 'timestamptz',
    values: [
      ["'2038-01-19 03:14:07.999999'", '2038-01-19T03:14:07.999999Z'],
      ["'1970-01-01 00:00:01.000001'", '1970-01-01T00:00:01.000001Z'],
    ],
  },
  {
    name: 'ts_null',
    declaration: 'TIMESTAMP(6) NULL',
    type: 'timestamptz',
    onMisfit: 'null',
    values: [["'0000-00-00 00:00:00'", null]],
  },
  {
    name: 'ts_text',
    declaration: 'TIMESTAMP(2) NULL',
    type: 'string',
    onMisfit: 'text',
    values: [
      ["'0000-00-00 00:00:00'", '0000-00-00 00:00:00.00'],
      ["'2024-03-31 01:30:00.25'", '2024-03-31 01:30:00.25'],
    ],
  },
  {
    name: 't0',
    declaration: 'TIME',
    type: 'long',
    values: [
      ["'-838:59:59'", '-3020399000000'],
      ["'838:59:59'", '3020399000000'],
      ["'25:00:00'", '90000000000'],
      ["'-00:00:01'", '-1000000'],
      ["'-00:00:00'", '0'],
    ],
  },
  {
    name: 't6_wide',
    declaration: 'TIME(6)',
    type: 'long',
    values: [
      ["'-838:59:58.999999'", '-3020398999999'],
      ["'838:59:58.000001'", '3020398000001'],
      ["'-00:00:00.000001'", '-1'],
      ["'-24:00:00.000000'", '-86400000000'],
      ["'100:00:00.5'", '360000500000'],
    ],
  },
  ...[1, 2, 3, 4, 5, 6].map((digits): TypeCase => ({
    name: `t${digits}`,
    declaration: `TIME(${digits})`,
    type: 'long',
    values: [
      [`'-00:00:00.${'1'.padStart(digits, '0')}'`, `-${10 ** (6 - digits)}`],
      [`'-12:34:56.${'7'.padStart(digits, '0')}'`, `-${45_296_000_000 + 7 * 10 ** (6 - digits)}`],
      ["'838:59:59'", '3020399000000'],
      ["'00:00:00'", '0'],
    ],
  })),
  {
    name: 'time_text',
    declaration: 'TIME(6)',
    type: 'string',
    onMisfit: 'text',
    values: [
      ["'-838:59:58.000001'", '-838:59:58.000001'],
      ["'01:02:03'", '01:02:03.000000'],
    ],
  },
];

/** Bytes, spatial values, vectors, JSON, and what MariaDB has of its own. */
import type { TypeCase, TypeValue } from './type-case.ts';

/** Cases of bytes and what is stored like them. */
export const BYTE_CASES: readonly TypeCase[] = [
  {
    name: 'bin4',
    declaration: 'BINARY(4)',
    type: 'binary',
    values: [
      ["'ab'", '61620000'],
      ["''", '00000000'],
      ["x'00000001'", '00000001'],
      ["x'20202020'", '20202020'],
      ["x'ff00'", 'ff000000'],
    ],
  },
  { name: 'bin0', declaration: 'BINARY(0)', type: 'binary', values: [["''", '']] },
  {
    name: 'varbin',
    declaration: 'VARBINARY(16)',
    type: 'binary',
    values: [
      ["x'00ff10'", '00ff10'],
      ["''", ''],
      ["x'6100'", '6100'],
      ["x'6120'", '6120'],
      ["x'c328'", 'c328'],
    ],
  },
  {
    name: 'blob',
    declaration: 'LONGBLOB',
    type: 'binary',
    values: [
      ["''", ''],
      ["REPEAT(x'00ff', 40000)", '00ff'.repeat(40_000)],
    ],
  },
  {
    name: 'geometry',
    declaration: 'GEOMETRY',
    type: 'binary',
    values: [
      ["ST_GeomFromText('POINT(1 2)')", '0101000000000000000000f03f0000000000000040'],
      [
        "ST_GeomFromText('LINESTRING(0 0,1 1)')",
        '01020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f',
      ],
      [
        "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')",
        '0107000000020000000101000000000000000000f03f000000000000f03f' +
          '01020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f',
      ],
    ],
  },
  // MySQL takes the axes of 4326 as latitude and longitude, and stores longitude first.
  ...(['mysql', 'mariadb'] as const).map((only): TypeCase => ({
    name: 'point4326',
    declaration: 'POINT',
    type: 'binary',
    only,
    values: [
      [
        "ST_GeomFromText('POINT(1 2)', 4326)",
        `0101000020e6100000${
          only === 'mysql' ? '0000000000000040000000000000f03f' : '000000000000f03f0000000000000040'
        }`,
      ],
    ],
  })),
  {
    name: 'point',
    declaration: 'POINT',
    type: 'binary',
    values: [
      ["ST_GeomFromText('POINT(-1 0)')", '0101000000000000000000f0bf0000000000000000'],
      [
        "ST_PointFromText('POINT(1 2)', 3857)",
        '0101000020110f0000000000000000f03f0000000000000040',
      ],
    ],
  },
  {
    name: 'vector',
    declaration: 'VECTOR(3)',
    type: 'binary',
    only: 'mysql',
    values: [["STRING_TO_VECTOR('[1,-2.5,0.1]')", '0000803f000020c0cdcccc3d']],
  },
  {
    name: 'vector_text',
    declaration: 'VECTOR(3)',
    type: 'string',
    only: 'mysql',
    onMisfit: 'text',
    values: [["STRING_TO_VECTOR('[1,-2.5,0.1]')", '[1,-2.5,0.1]']],
  },
  {
    name: 'varchar_compressed',
    declaration: 'VARCHAR(2000) COMPRESSED CHARACTER SET latin1',
    type: 'string',
    only: 'mariadb',
    values: [
      ["REPEAT('é', 1900)", 'é'.repeat(1900)],
      ["'short'", 'short'],
      ["''", ''],
      ["_latin1 x'00'", '\0'],
    ],
  },
  {
    name: 'text_compressed',
    declaration: 'LONGTEXT COMPRESSED CHARACTER SET utf16',
    type: 'string',
    only: 'mariadb',
    values: [
      ["REPEAT('桜', 100000)", '桜'.repeat(100_000)],
      ["'a'", 'a'],
    ],
  },
  {
    name: 'blob_compressed',
    declaration: 'BLOB COMPRESSED',
    type: 'binary',
    only: 'mariadb',
    values: [
      ["REPEAT(x'00ff', 30000)", '00ff'.repeat(30_000)],
      ["x'8a01'", '8a01'],
      ["''", ''],
    ],
  },
  {
    name: 'varbin_compressed',
    declaration: 'VARBINARY(400) COMPRESSED',
    type: 'binary',
    only: 'mariadb',
    values: [
      ["REPEAT(x'00ff', 200)", '00ff'.repeat(200)],
      ["x'00'", '00'],
    ],
  },
  {
    name: 'uuid',
    declaration: 'UUID',
    type: 'uuid',
    only: 'mariadb',
    values: [
      '00112233-4455-1677-8899-aabbccddeeff',
      '00112233-4455-4677-8899-aabbccddee00',
      '00112233-4455-7677-8899-aabb00000000',
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffff20',
    ].map((uuid): TypeValue => [`'${uuid}'`, uuid]),
  },
  {
    name: 'uuid_text',
    declaration: 'UUID',
    type: 'string',
    only: 'mariadb',
    onMisfit: 'text',
    values: [["'00112233-4455-1677-8899-AABBCCDDEE00'", '00112233-4455-1677-8899-aabbccddee00']],
  },
  {
    name: 'inet4',
    declaration: 'INET4',
    type: 'string',
    only: 'mariadb',
    values: ['0.0.0.0', '1.2.3.4', '255.255.255.255', '10.0.0.0'].map((ip): TypeValue => [
      `'${ip}'`,
      ip,
    ]),
  },
  {
    name: 'inet6',
    declaration: 'INET6',
    type: 'string',
    only: 'mariadb',
    values: [
      '::',
      '::1',
      '::ffff',
      '::0.1.0.0',
      '::1.2.3.4',
      '::ffff:1.2.3.4',
      '::ffff:0.0.0.0',
      '1::2:0:3:0:4:0',
      '1:0:0:2::4',
      '::1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7::',
      '0:0:1::',
      '::fffe:102:304',
      '2001:db8::1',
      'abcd:ef01:2345:6789:abcd:ef01:2345:6789',
    ].map((ip): TypeValue => [`'${ip}'`, ip]),
  },
];

/** JSON of MySQL: an expression, and the text that the server makes of it. */
const DOCUMENTS: readonly TypeValue[] = [
  ["'null'", 'null'],
  ["'{}'", '{}'],
  ["'[]'", '[]'],
  ['\'""\'', '""'],
  [
    '\'{"n":12345678901234567890,"d":1.10,"s":"ü"}\'',
    '{"d": 1.1, "n": 12345678901234567890, "s": "ü"}',
  ],
  [
    "'[1.0, 1e15, 1e30, -0.0, 1e-16, 123456789012345678e0]'",
    '[1.0, 1e15, 1e30, -0.0, 1e-16, 1.2345678901234568e17]',
  ],
  [
    "'[18446744073709551615, -9223372036854775808, 65535, 65536, -32768, -32769, 2147483648]'",
    '[18446744073709551615, -9223372036854775808, 65535, 65536, -32768, -32769, 2147483648]',
  ],
  ['\'{"b":1,"a":2,"b":3,"aa":true,"":false}\'', '{"": false, "a": 2, "b": 3, "aa": true}'],
  [
    '\'"\\\\u0000\\\\u001f\\\\ud83d\\\\ude00\\\\"\\\\\\\\\\\\/\\\\n"\'',
    '"\\u0000\\u001f😀\\"\\\\/\\n"',
  ],
  [
    "JSON_ARRAY(CAST(1.10 AS DECIMAL(10,2)), CAST(-0.5 AS DECIMAL(3,2)), TIME'-838:59:59', DATE'2024-02-29')",
    '[1.10, -0.50, "-838:59:59.000000", "2024-02-29"]',
  ],
  [
    "JSON_ARRAY(TIMESTAMP'2024-02-29 23:59:59.000001', CAST(x'00ff' AS BINARY), CAST(2024 AS YEAR))",
    '["2024-02-29 23:59:59.000001", "base64:type15:AP8=", 2024]',
  ],
  [`CONCAT(REPEAT('[', 99), '1', REPEAT(']', 99))`, `${'['.repeat(99)}1${']'.repeat(99)}`],
  [
    "JSON_OBJECT('k', REPEAT('v', 70000), 'l', JSON_ARRAY(70000, -70000, 5))",
    `{"k": "${'v'.repeat(70_000)}", "l": [70000, -70000, 5]}`,
  ],
];

/** Cases of JSON. */
export const JSON_CASES: readonly TypeCase[] = [
  { name: 'json', declaration: 'JSON', type: 'string', only: 'mysql', values: DOCUMENTS },
  {
    name: 'json',
    declaration: 'JSON',
    type: 'string',
    only: 'mariadb',
    values: [
      '{"b":1, "a" : 2,"b":3}',
      '[1.0,1e400,-0,12345678901234567890123]',
      '"\\u0001\\ud83d\\ude00"',
      ' null ',
    ].map((text): TypeValue => [`'${text.replaceAll('\\', '\\\\')}'`, text]),
  },
];

/** Keys of one column, of every type that can be one; each list of values is in no order. */
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';

/** One type of key and values of it as SQL. */
export interface KeyCase {
  readonly type: string;
  readonly values: readonly string[];
}

const KEYS: readonly KeyCase[] = [
  { type: 'BIGINT', values: ['-9223372036854775808', '-1', '0', '1', '9223372036854775807', '7'] },
  {
    type: 'BIGINT UNSIGNED',
    values: ['18446744073709551615', '9223372036854775808', '0', '1', '9007199254740993'],
  },
  { type: 'MEDIUMINT', values: ['-8388608', '8388607', '0', '-1', '5', '6', '7'] },
  { type: 'DECIMAL(30,8)', values: ['-0.00000001', '0', '1.5', '1234567890123456789012.12345678'] },
  { type: 'YEAR', values: ['0', '1901', '2155', '2000', '1970'] },
  { type: 'DATE', values: ["'1000-01-01'", "'9999-12-31'", "'1970-01-01'", "'1969-12-31'"] },
  {
    type: 'DATETIME(6)',
    values: ["'1000-01-01 00:00:00.000001'", "'1969-12-31 23:59:59.999999'", "'2026-01-01'"],
  },
  { type: 'TIMESTAMP(3)', values: ["'1970-01-02'", "'2030-03-31 02:30:00.123'", "'2001-01-01'"] },
  { type: 'TIME(6)', values: ["'-838:59:59'", "'-00:00:00.000001'", "'00:00:00'", "'838:59:59'"] },
  {
    type: "ENUM('zebra','ape','it''s','10','\u00e4') CHARACTER SET utf8mb4",
    values: ["'zebra'", "'ape'", "'it''s'", "'10'", "'\u00e4'"],
  },
  { type: "SET('c','b','a')", values: ["''", "'a'", "'b'", "'c'", "'c,a'", "'c,b,a'"] },
  { type: 'BIT(9)', values: ["b'0'", "b'111111111'", "b'1'", "b'10'"] },
  { type: 'BINARY(3)', values: ["x'000000'", "x'00ff00'", "x'6120'", "x'616161'", "x'ffffff'"] },
  { type: 'VARBINARY(9)', values: ["x''", "x'00'", "x'0000'", "x'ff'", "x'27225c'", "'a'"] },
  {
    type: 'VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci',
    values: [
      "''",
      "'b'",
      "'A'",
      "'\u00e7'",
      "'Z'",
      "'stra\u00dfe'",
      "'strasse'",
      "'it''s'",
      "'\\\\'",
    ],
  },
  {
    type: 'VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci',
    values: ["'b'", "'A'", "'\u00e4x'", "'\u00f6'", "'\u20ac'", "'Z'", "'10'", "'9'"],
  },
  {
    type: 'VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
    values: ["'\u2744'", "'\ud83d\ude00'", "'e'", "'E1'", "'\u00e92'", "'\u0430'", "'z'"],
  },
  {
    type: 'VARCHAR(20) CHARACTER SET ucs2',
    values: ["'a'", "'\u0430'", "'\u4e00'", "'10'", "'9'"],
  },
];

const MARIADB_KEYS: readonly KeyCase[] = [
  {
    type: 'UUID',
    values: [
      "'00000000-0000-0000-0000-000000000000'",
      "'ffffffff-ffff-4fff-bfff-ffffffffffff'",
      "'01890a5d-ac96-774b-bcce-b302099a8057'",
      "'11111111-1111-1111-8111-111111111111'",
    ],
  },
  { type: 'INET6', values: ["'::'", "'::1'", "'ff00::'", "'2001:db8::ff00:42:8329'"] },
];

/** The keys that a server can have. */
export function keyCases(flavour: ServerFlavour): readonly KeyCase[] {
  return flavour === 'mariadb' ? [...KEYS, ...MARIADB_KEYS] : KEYS;
}

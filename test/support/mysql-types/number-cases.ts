/** Numbers: integers, decimals, floats, bits and years. */
import { same } from './type-case.ts';
import type { TypeCase } from './type-case.ts';

/** Cases of numbers. */
export const NUMBER_CASES: readonly TypeCase[] = [
  { name: 'i8', declaration: 'TINYINT', type: 'int', values: same('-128', '127', '0', '-1') },
  { name: 'bool', declaration: 'BOOL', type: 'int', values: same('0', '1', '127', '-1') },
  { name: 'u8', declaration: 'TINYINT UNSIGNED', type: 'int', values: same('0', '128', '255') },
  { name: 'i16', declaration: 'SMALLINT', type: 'int', values: same('-32768', '32767') },
  { name: 'u16', declaration: 'SMALLINT UNSIGNED', type: 'int', values: same('32768', '65535') },
  { name: 'i24', declaration: 'MEDIUMINT', type: 'int', values: same('-8388608', '8388607', '-1') },
  {
    name: 'u24',
    declaration: 'MEDIUMINT UNSIGNED',
    type: 'int',
    values: same('8388608', '16777215', '0'),
  },
  { name: 'i32', declaration: 'INT', type: 'int', values: same('-2147483648', '2147483647', '0') },
  {
    name: 'u32',
    declaration: 'INT UNSIGNED',
    type: 'long',
    values: same('0', '2147483648', '4294967295'),
  },
  {
    name: 'zerofill',
    declaration: 'INT(8) ZEROFILL',
    type: 'long',
    values: [
      ['42', '42'],
      ['0', '0'],
    ],
  },
  {
    name: 'u8_zerofill',
    declaration: 'TINYINT(3) UNSIGNED ZEROFILL',
    type: 'int',
    values: same('0', '7', '255'),
  },
  {
    name: 'u64_zerofill',
    declaration: 'BIGINT ZEROFILL',
    type: 'decimal(20, 0)',
    values: same('0', '7', '18446744073709551615'),
  },
  { name: 'u1', declaration: 'TINYINT(1) UNSIGNED', type: 'int', values: same('0', '1', '255') },
  {
    name: 'i64',
    declaration: 'BIGINT',
    type: 'long',
    values: same(
      '-9223372036854775808',
      '9223372036854775807',
      '9007199254740993',
      '-9007199254740993',
      '-1',
      '-4294967296',
      '0',
    ),
  },
  {
    name: 'u64',
    declaration: 'BIGINT UNSIGNED',
    type: 'decimal(20, 0)',
    values: same('0', '9223372036854775807', '9223372036854775808', '18446744073709551615'),
  },
  {
    name: 'i64_text',
    declaration: 'BIGINT UNSIGNED ZEROFILL',
    type: 'string',
    onMisfit: 'text',
    values: same('18446744073709551615', '0', '7'),
  },
  {
    name: 'd12_2',
    declaration: 'DECIMAL(12,2)',
    type: 'decimal(12, 2)',
    values: [
      ['9999999999.99', '9999999999.99'],
      ['-9999999999.99', '-9999999999.99'],
      ['-0.01', '-0.01'],
      ['-0.00', '0.00'],
      ['-0.001', '0.00'],
      ['1', '1.00'],
    ],
  },
  {
    name: 'd18_2',
    declaration: 'DECIMAL(18,2)',
    type: 'decimal(18, 2)',
    values: same(
      '9999999999999999.99',
      '-9999999999999999.99',
      '90071992547409.91',
      '90071992547409.92',
      '90071992547409.93',
    ),
  },
  {
    name: 'd9_9',
    declaration: 'DECIMAL(9,9)',
    type: 'decimal(9, 9)',
    values: same('0.999999999', '-0.000000001'),
  },
  {
    name: 'd38_10',
    declaration: 'DECIMAL(38,10)',
    type: 'decimal(38, 10)',
    values: same(
      '9999999999999999999999999999.9999999999',
      '-9999999999999999999999999999.9999999999',
      '-0.0000000001',
      '1234567890123456789012345678.0123456789',
    ),
  },
  { name: 'd1_0', declaration: 'DECIMAL(1,0)', type: 'decimal(1, 0)', values: same('-9', '0') },
  {
    name: 'd30_30',
    declaration: 'DECIMAL(30,30)',
    type: 'decimal(30, 30)',
    values: same('0.999999999999999999999999999999', '-0.000000000000000000000000000001'),
  },
  {
    name: 'd12_zerofill',
    declaration: 'DECIMAL(12,4) ZEROFILL',
    type: 'decimal(12, 4)',
    values: same('0.0000', '7.5000', '99999999.9999'),
  },
  {
    name: 'd65_30',
    declaration: 'DECIMAL(65,30)',
    type: 'string',
    values: same(
      '12345678901234567890123456789012345.123456789012345678901234567891',
      '-99999999999999999999999999999999999.999999999999999999999999999999',
      '0.000000000000000000000000000001',
      '-1.000000000000000000000000000000',
    ),
  },
  {
    name: 'd39_0',
    declaration: 'DECIMAL(39,0) ZEROFILL',
    type: 'string',
    values: same('0', '7', '999999999999999999999999999999999999999'),
  },
  {
    name: 'd5_text',
    declaration: 'DECIMAL(5,2)',
    type: 'string',
    onMisfit: 'text',
    values: same('0.10', '-999.99', '12.00'),
  },
  {
    name: 'f32',
    declaration: 'FLOAT',
    type: 'float',
    values: [
      ['16777216', '16777216'],
      ['0.1', '0.10000000149011612'],
      ['1e10', '10000000000'],
      ['1.4e-45', '1.401298464324817e-45'],
      ['3.4028234e38', '3.4028234663852886e+38'],
      ['-1.17549435e-38', '-1.1754943508222875e-38'],
    ],
  },
  // MariaDB stores a zero without a sign.
  ...(['FLOAT', 'DOUBLE'] as const).map((declaration): TypeCase => ({
    name: `${declaration.toLowerCase()}_zero`,
    declaration,
    type: declaration.toLowerCase(),
    only: 'mysql',
    values: [['-1e-300 * 1e-300', '-0']],
  })),
  {
    name: 'f32_scaled',
    declaration: 'FLOAT(7,4)',
    type: 'float',
    values: [
      ['123.4567', '123.45670318603516'],
      ['-0.0001', '-0.00009999999747378752'],
    ],
  },
  {
    name: 'f32_zerofill',
    declaration: 'FLOAT ZEROFILL',
    type: 'float',
    values: same('0', '1.5'),
  },
  { name: 'real', declaration: 'REAL', type: 'double', values: same('0.1', '-1e-300') },
  { name: 'f53', declaration: 'FLOAT(53)', type: 'double', values: same('0.1', '16777217') },
  {
    name: 'f64_zerofill',
    declaration: 'DOUBLE(20,3) ZEROFILL',
    type: 'double',
    values: same('0', '7.125'),
  },
  {
    name: 'f32_text',
    declaration: 'FLOAT',
    type: 'string',
    onMisfit: 'text',
    values: [
      ['0.1', '0.1'],
      ['16777216', '16777216'],
      ['1.4e-45', '1e-45'],
      ['3.4028234e38', '3.4028235e+38'],
    ],
  },
  {
    name: 'f64',
    declaration: 'DOUBLE',
    type: 'double',
    values: [
      ['1e308', '1e+308'],
      ['1.7976931348623157e308', '1.7976931348623157e+308'],
      ['5e-324', '5e-324'],
      ['2.2250738585072014e-308', '2.2250738585072014e-308'],
      ['0.1', '0.1'],
      ['1e15', '1000000000000000'],
      ['123456789012345680', '123456789012345680'],
      ['0.1e0+0.2e0', '0.30000000000000004'],
    ],
  },
  {
    name: 'f64_scaled',
    declaration: 'DOUBLE(20,3)',
    type: 'double',
    values: [
      ['0.001', '0.001'],
      ['12345678901234.567', '12345678901234.566'],
    ],
  },
  {
    name: 'bit1',
    declaration: 'BIT(1)',
    type: 'boolean',
    values: [
      ["b'0'", 'false'],
      ["b'1'", 'true'],
    ],
  },
  {
    name: 'bit10',
    declaration: 'BIT(10)',
    type: 'long',
    values: [
      ["b'1000000001'", '513'],
      ["b'0'", '0'],
      ["b'1111111111'", '1023'],
    ],
  },
  {
    name: 'bit63',
    declaration: 'BIT(63)',
    type: 'long',
    values: [['0x7fffffffffffffff', '9223372036854775807']],
  },
  {
    name: 'bit64',
    declaration: 'BIT(64)',
    type: 'decimal(20, 0)',
    values: [
      ['0xffffffffffffffff', '18446744073709551615'],
      ['0x8000000000000000', '9223372036854775808'],
      ["b'1'", '1'],
    ],
  },
  {
    name: 'bit_text',
    declaration: 'BIT(64)',
    type: 'string',
    onMisfit: 'text',
    values: [['0xffffffffffffffff', '18446744073709551615']],
  },
  {
    name: 'year',
    declaration: 'YEAR',
    type: 'int',
    values: [
      ['0', '0'],
      ['1901', '1901'],
      ['2155', '2155'],
      ['2024', '2024'],
    ],
  },
  {
    name: 'year_text',
    declaration: 'YEAR',
    type: 'string',
    onMisfit: 'text',
    values: [
      ['0', '0000'],
      ['2024', '2024'],
    ],
  },
];

/** BIT of each width, as columns of one table. */
export const BIT_CASES: readonly TypeCase[] = Array.from({ length: 62 }, (_, index): TypeCase => {
  const all = 2n ** BigInt(index + 2) - 1n;
  return {
    name: `b${index + 2}`,
    declaration: `BIT(${index + 2})`,
    type: 'long',
    values: [
      [`${all}`, `${all}`],
      [`${all - 1n}`, `${all - 1n}`],
      ['0', '0'],
    ],
  };
});

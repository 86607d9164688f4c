/** Text of every kind of character set, ENUM and SET. */
import type { TypeCase } from './type-case.ts';

/** Cases of text. */
export const TEXT_CASES: readonly TypeCase[] = [
  {
    name: 'char5',
    declaration: 'CHAR(5) CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["'ab'", 'ab'],
      ["'ab  '", 'ab'],
      ["''", ''],
      ["' x'", ' x'],
      ["'naïve'", 'naïve'],
      ["'😀😀😀😀😀'", '😀😀😀😀😀'],
    ],
  },
  {
    name: 'vc300',
    declaration: 'VARCHAR(300) CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["''", ''],
      ["_utf8mb4 x'61006200'", 'a\0b\0'],
      ["_utf8mb4 x'efbfbf'", '\uffff'],
      ["'trail  '", 'trail  '],
      ["'naïve 桜 😀 e\u0301 \u202eא'", 'naïve 桜 😀 e\u0301 \u202eא'],
      ["REPEAT('桜', 300)", '桜'.repeat(300)],
      ["REPEAT('x', 300)", 'x'.repeat(300)],
    ],
  },
  {
    name: 'text_long',
    declaration: 'LONGTEXT CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["''", ''],
      ["REPEAT('aé', 40000)", 'aé'.repeat(40_000)],
    ],
  },
  {
    name: 'text_tiny',
    declaration: 'TINYTEXT CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["''", ''],
      ["REPEAT('x', 255)", 'x'.repeat(255)],
    ],
  },
  {
    name: 'text_64k',
    declaration: 'TEXT CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["REPEAT('x', 65535)", 'x'.repeat(65_535)],
      ["REPEAT('😀', 16383)", '😀'.repeat(16_383)],
    ],
  },
  {
    name: 'text_medium',
    declaration: 'MEDIUMTEXT CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["REPEAT('y', 65536)", 'y'.repeat(65_536)],
      ["'  '", '  '],
    ],
  },
  { name: 'char0', declaration: 'CHAR(0)', type: 'string', values: [["''", '']] },
  {
    name: 'char255',
    declaration: 'CHAR(255) CHARACTER SET utf8mb4',
    type: 'string',
    values: [
      ["REPEAT('😀', 255)", '😀'.repeat(255)],
      ["'\\0 \\0 '", '\0 \0'],
    ],
  },
  {
    name: 'vc3',
    declaration: 'VARCHAR(10) CHARACTER SET utf8mb3',
    type: 'string',
    values: [["'é桜'", 'é桜']],
  },
  {
    name: 'ascii',
    declaration: 'VARCHAR(10) CHARACTER SET ascii',
    type: 'string',
    values: [["'~a'", '~a']],
  },
  ...[
    [
      'latin1',
      "CONVERT(x'80818d8f909d9fa0e9ff' USING latin1)",
      '€\u0081\u008d\u008f\u0090\u009dŸ\u00a0éÿ',
    ],
    ['cp1250', "'Łódź'", 'Łódź'],
    ['cp1251', "'Привет'", 'Привет'],
    ['cp1256', "'سلام'", 'سلام'],
    ['cp1257', "'ąčę'", 'ąčę'],
    ['cp852', "'čá'", 'čá'],
    ['cp866', "'Привет░'", 'Привет░'],
    ['dec8', "'éÿ'", 'éÿ'],
    ['hp8', "'éŠ'", 'éŠ'],
    ['latin5', "'ğış'", 'ğış'],
    ['latin7', "'ąčę'", 'ąčę'],
    ['keybcs2', "'čáž'", 'čáž'],
    ['koi8u', "'Їжак'", 'Їжак'],
    ['macce', "'čáž'", 'čáž'],
    ['macroman', "'é∞'", 'é∞'],
    ['armscii8', "'Հայ'", 'Հայ'],
    ['geostd8', "'საქ'", 'საქ'],
    ['tis620', "'สวัสดี'", 'สวัสดี'],
    ['latin2', "'čáÝ'", 'čáÝ'],
    ['greek', "'Ωμέγα'", 'Ωμέγα'],
    ['hebrew', "'שלום'", 'שלום'],
    ['koi8r', "'Привет'", 'Привет'],
    ['cp850', "'é░'", 'é░'],
    ['swe7', "'åäö A'", 'åäö A'],
    ['gbk', "'a桜中文'", 'a桜中文'],
    ['gb2312', "'中文'", '中文'],
    ['big5', "'中文'", '中文'],
    ['sjis', "'桜ｱ表'", '桜ｱ表'],
    ['cp932', "'桜ｱ①'", '桜ｱ①'],
    ['ujis', "'桜ｱ丂'", '桜ｱ丂'],
    ['eucjpms', "'桜ｱ①丂'", '桜ｱ①丂'],
    ['euckr', "'한글 갂'", '한글 갂'],
    ['ucs2', "'aé桜 '", 'aé桜 '],
    ['utf16', "'aé😀 '", 'aé😀 '],
    ['utf16le', "'aé😀 '", 'aé😀 '],
    ['utf32', "'aé😀 '", 'aé😀 '],
  ].flatMap(([charset = '', sql = '', lake = '']): TypeCase[] => [
    {
      name: `vc_${charset}`,
      declaration: `VARCHAR(20) CHARACTER SET ${charset}`,
      type: 'string',
      values: [
        [sql, lake],
        ["''", ''],
      ],
    },
    {
      name: `char_${charset}`,
      declaration: `CHAR(70) CHARACTER SET ${charset}`,
      type: 'string',
      values: [
        [sql, lake.trimEnd()],
        ["''", ''],
      ],
    },
    {
      name: `text_${charset}`,
      declaration: `TEXT CHARACTER SET ${charset}`,
      type: 'string',
      values: [[sql, lake]],
    },
  ]),
  {
    name: 'vc_gb18030',
    declaration: 'VARCHAR(20) CHARACTER SET gb18030',
    type: 'string',
    only: 'mysql',
    values: [["'a中😀ḿ'", 'a中😀ḿ']],
  },
  {
    name: 'tis_misfit',
    declaration: 'VARCHAR(20) CHARACTER SET cp1250',
    type: 'string',
    onMisfit: 'null',
    values: [
      ["CONVERT(x'4181' USING cp1250)", null],
      ["'Ł'", 'Ł'],
    ],
  },
  {
    name: 'enum',
    declaration: "ENUM('a','b,c','d''e','f\"g','h\\\\i','ü') CHARACTER SET utf8mb4",
    type: 'string',
    values: [
      ["'b,c'", 'b,c'],
      ['3', "d'e"],
      ['4', 'f"g'],
      ['5', 'h\\i'],
      ["'ü'", 'ü'],
      ["'no such'", ''],
    ],
  },
  ...['binary', 'latin1', 'gbk', 'sjis', 'ucs2', 'utf16', 'utf32', 'utf8mb3'].flatMap(
    (charset): TypeCase[] => {
      const [odd, other] = charset === 'latin1' ? ['é€', 'ÿ'] : ['中文', '文'];
      const labels = `('${odd}','a b','${other}','\\n\\t%_',"'",'"') CHARACTER SET ${charset}`;
      return [
        {
          name: `enum_${charset}`,
          declaration: `ENUM${labels}`,
          type: 'string',
          values: [
            ['1', odd ?? ''],
            ['3', other ?? ''],
            ['4', '\n\t%_'],
            ['5', "'"],
            ['6', '"'],
            ['0', ''],
          ],
        },
        {
          name: `set_${charset}`,
          declaration: `SET${labels}`,
          type: 'string',
          values: [
            ['7', `${odd},a b,${other}`],
            ['63', `${odd},a b,${other},\n\t%_,',"`],
            ['0', ''],
          ],
        },
      ];
    },
  ),
  // A label of bytes that are no text.
  {
    name: 'enum_misfit',
    declaration: "ENUM(x'ff','a') CHARACTER SET binary",
    type: 'string',
    onMisfit: 'null',
    values: [
      ['1', null],
      ['2', 'a'],
    ],
  },
  {
    name: 'enum_empty',
    declaration: "ENUM('x','','ü') CHARACTER SET latin1",
    type: 'string',
    values: [
      ["''", ''],
      ['0', ''],
      ["'ü'", 'ü'],
    ],
  },
  {
    name: 'enum_wide',
    declaration: `ENUM(${Array.from({ length: 300 }, (_, index) => `'n${index}'`).join(',')})`,
    type: 'string',
    values: [
      ["'n255'", 'n255'],
      ["'n299'", 'n299'],
      ["'n0'", 'n0'],
    ],
  },
  {
    name: 'set',
    declaration: "SET('x','y','z') CHARACTER SET latin1",
    type: 'string',
    values: [
      ["'z,x'", 'x,z'],
      ["''", ''],
      ["'x,y,z'", 'x,y,z'],
    ],
  },
  {
    name: 'set64',
    declaration: `SET(${Array.from({ length: 64 }, (_, index) => `'b${index}'`).join(',')})`,
    type: 'string',
    values: [
      ["'b63'", 'b63'],
      ['18446744073709551615', Array.from({ length: 64 }, (_, index) => `b${index}`).join(',')],
    ],
  },
];

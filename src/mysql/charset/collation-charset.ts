/**
 * Character sets by collation id, as the log's table maps name them. Ids never change their
 * meaning; both servers agree on those they share. Ranges may hold ids that no server gave out yet
 * where the scheme of ids leaves no doubt. From `information_schema.COLLATIONS` of MySQL 9.7 and
 * MariaDB 10.11.
 */

/** Ids below 1024: single ids and ranges. */
const CLASSIC_IDS: Readonly<Record<string, string>> = {
  armscii8: '32 64',
  ascii: '11 65',
  big5: '1 84',
  binary: '63',
  cp1250: '26 34 44 66 99',
  cp1251: '14 23 50-52',
  cp1256: '57 67',
  cp1257: '29 58-59',
  cp850: '4 80',
  cp852: '40 81',
  cp866: '36 68',
  cp932: '95-96',
  dec8: '3 69',
  eucjpms: '97-98',
  euckr: '19 85',
  gb18030: '248-250',
  gb2312: '24 86',
  gbk: '28 87',
  geostd8: '92-93',
  greek: '25 70',
  hebrew: '16 71',
  hp8: '6 72',
  keybcs2: '37 73',
  koi8r: '7 74',
  koi8u: '22 75',
  latin1: '5 8 15 31 47-49 94',
  latin2: '2 9 21 27 77',
  latin5: '30 78',
  latin7: '20 41-42 79',
  macce: '38 43',
  macroman: '39 53',
  sjis: '13 88',
  swe7: '10 82',
  tis620: '18 89',
  ucs2: '35 90 128-151 159 640-671',
  ujis: '12 91',
  utf16: '54-55 101-124 672-703',
  utf16le: '56 62',
  utf32: '60-61 160-183 736-767',
  utf8mb3: '33 76 83 192-215 223 576-607',
  // From 255 on MySQL's utf8mb4_0900_… and what came after them.
  utf8mb4: '45-46 224-247 255-323 608-639',
};

/** MariaDB's collations without padding are the padded ones, moved by this much. */
const NOPAD_FIRST = 1024;
const NOPAD_END = 2048;

/** MariaDB's Unicode 14 collations: blocks of 256 ids, one for each set in this order. */
const UNICODE_14_SETS = ['utf8mb3', 'utf8mb4', 'ucs2', 'utf16', 'utf32'];
const UNICODE_14_FIRST = 2048;

const classicSets = new Map<number, string>();
for (const [charset, ranges] of Object.entries(CLASSIC_IDS)) {
  for (const range of ranges.split(' ')) {
    const [first, last] = range.split('-').map((id) => Number.parseInt(id, 10));
    for (let id = first ?? 0; id <= (last ?? first ?? 0); id++) classicSets.set(id, charset);
  }
}

/** The character set of a collation; `null` when no server is known to have such a collation. */
export function charsetOfCollation(collationId: number): string | null {
  if (collationId >= UNICODE_14_FIRST) {
    return UNICODE_14_SETS[(collationId - UNICODE_14_FIRST) >> 8] ?? null;
  }
  const id =
    collationId >= NOPAD_FIRST && collationId < NOPAD_END ? collationId - NOPAD_FIRST : collationId;
  return classicSets.get(id) ?? null;
}

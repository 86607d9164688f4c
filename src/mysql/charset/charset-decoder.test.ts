/** Character sets: tables that this Node makes right, and bytes that are no text. */
import { equal, notEqual } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { ColumnBuilder } from '../../model/column-builder.ts';
import { decodeText, textAppender } from './charset-decoder.ts';
import { CHARSET_PATCHES } from './charset-patches.ts';
import { charsetTable } from './charset-table.ts';
import { charsetOfCollation } from './collation-charset.ts';

function decoded(charset: string, hex: string): string | null {
  const bytes = decodeText(charset, Buffer.from(hex, 'hex'));
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}

describe('a character set', () => {
  test('has the table that both servers have, whatever this Node knows of Unicode', () => {
    for (const charset of Object.keys(CHARSET_PATCHES))
      notEqual(charsetTable(charset), null, charset);
  });

  test('is decoded as the servers do', () => {
    equal(decoded('latin1', '80818d8f909d'), '€\u0081\u008d\u008f\u0090\u009d');
    equal(decoded('gbk', '61d6d0'), 'a中');
    equal(decoded('sjis', '815f8160'), '\\〜');
    equal(decoded('cp932', '8160'), '～');
    equal(decoded('euckr', '8141'), '갂');
    equal(decoded('ujis', '8fb0a1'), '丂');
    equal(decoded('gb18030', '8135f437a8bc90308130'), '\ue7c7ḿ\u{10000}');
    equal(decoded('utf16', 'd83dde00'), '😀');
    equal(decoded('utf16le', '3dd800de'), '😀');
    equal(decoded('utf32', '0001f600'), '😀');
    equal(decoded('swe7', '5b5c5d'), 'ÄÖÅ');
  });

  test('has no character for some bytes, and does not make one up', () => {
    for (const [charset = '', hex = ''] of [
      ['cp1250', '4181'],
      ['gbk', '81'],
      ['gbk', '8020'],
      ['big5', 'a15a'],
      ['ujis', '8fb0'],
      ['gb18030', '8130'],
      ['gb18030', 'ff308130'],
      ['ucs2', 'd83dde00'],
      ['ucs2', '61'],
      ['utf16', 'd83d'],
      ['utf16', 'de00d83d'],
      ['utf16', 'd83d0041'],
      ['utf32', '00110000'],
      ['utf8mb4', 'eda080'],
      ['utf8mb4', 'ff'],
      ['ascii', '80'],
    ]) {
      equal(decoded(charset, hex), null, `${charset} ${hex}`);
      const builder = new ColumnBuilder({ kind: 'string' });
      const bytes = Buffer.from(hex, 'hex');
      equal(textAppender(charset)?.(bytes, viewOf(bytes), 0, bytes.length, builder), false);
      equal(builder.rowCount, 0);
    }
    equal(textAppender('klingon'), null);
  });
});

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

describe('text', () => {
  test('of UTF-8 takes what is UTF-8, however short', () => {
    const append = textAppender('utf8mb4');
    const parts = [
      '61',
      'c3a9',
      'c1a9',
      'e6a19c',
      'e0a080',
      'e09fbf',
      'ed9fbf',
      'eda080',
      'efbfbf',
    ];
    parts.push(
      'f0908080',
      'f08fbfbf',
      'f48fbfbf',
      'f4908080',
      'f5808080',
      '80',
      'bf',
      'c3',
      'e6a1',
    );
    // Short, longer than loops over bytes take, longer than loops over words take.
    const letters = fc
      .tuple(fc.constantFrom(0, 100, 500), fc.array(fc.constantFrom(...parts), { maxLength: 4 }))
      .map(([padding, chosen]) => ['61'.repeat(padding), ...chosen]);
    fc.assert(
      fc.property(letters, (chosen) => {
        const bytes = Buffer.from(chosen.join(''), 'hex');
        const builder = new ColumnBuilder({ kind: 'string' });
        const taken = append?.(bytes, viewOf(bytes), 0, bytes.length, builder);
        equal(taken, isUtf8(bytes), chosen.join(' '));
        equal(builder.rowCount, isUtf8(bytes) ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
  });

  test('has a set by its collation on both servers', () => {
    const ids = [8, 33, 45, 63, 255, 250, 1057, 1070, 2048, 2304, 2560, 2816, 3072];
    equal(
      ids.map((id) => charsetOfCollation(id)).join(' '),
      'latin1 utf8mb3 utf8mb4 binary utf8mb4 gb18030 utf8mb3 utf8mb4 utf8mb3 utf8mb4 ucs2 utf16 utf32',
    );
    for (const id of [0, 17, 500, 1000, 4000]) equal(charsetOfCollation(id), null, `${id}`);
  });
});

/**
 * Every code of every character set, decoded here and by the server (`CONVERT(... USING utf8mb4)`).
 * Where the server has no character, or only U+FFFD, there must be none here.
 */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText } from '../../src/mysql/charset/charset-decoder.ts';
import { charsetOfCollation } from '../../src/mysql/charset/collation-charset.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { LiveServer } from './support/live-server.ts';
import { openLiveServer, skipWithout } from './support/live-server.ts';

const SINGLE =
  'armscii8 ascii cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 geostd8 greek hebrew hp8 ' +
  'keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman swe7 tis620';
const MULTIPLE = 'big5 cp932 eucjpms euckr gb2312 gbk sjis ujis gb18030';
const WIDE = 'ucs2 utf16 utf16le utf32';

function hex(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0');
}

/** Codes of one byte, of two, of three behind 0x8f, and of four as GB 18030 has them. */
function codesOf(charset: string): string[] {
  const codes = Array.from({ length: 256 }, (_, code) => hex(code, 1));
  if (SINGLE.split(' ').includes(charset)) return codes;
  for (let code = 0x8000; code <= 0xffff; code++) codes.push(hex(code, 2));
  const threeBytes = /jpms|ujis/.test(charset) ? 0xfefe : 0;
  for (let code = 0xa1a1; code <= threeBytes; code++) {
    if ((code & 255) >= 0xa1) codes.push(`8f${hex(code, 2)}`);
  }
  const fourBytes = charset === 'gb18030' ? 60_000 : 0;
  for (let index = 0; index < fourBytes; index++) {
    const linear = index < 50_000 ? index : 188_000 + (index - 50_000) * 105;
    codes.push(
      hex(0x81 + Math.floor(linear / 12_600), 1) +
        hex(0x30 + (Math.floor(linear / 1260) % 10), 1) +
        hex(0x81 + (Math.floor(linear / 10) % 126), 1) +
        hex(0x30 + (linear % 10), 1),
    );
  }
  return codes;
}

/** Every code unit, and some pairs. */
function wideCodes(charset: string): string[] {
  const codes: string[] = [];
  if (charset === 'utf32') {
    for (let code = 0; code <= 0x11_ffff; code += code < 0x1_1000 ? 1 : 97)
      codes.push(hex(code, 4));
    return codes;
  }
  for (let code = 0; code <= 0xffff; code++) codes.push(hex(code, 2));
  for (let code = 0; code < 2000; code++) {
    const high = 0xd800 + ((code * 31) % 1024);
    const low = 0xdc00 + ((code * 17) % 1024);
    const swapped = (unit: number): string => hex(((unit & 255) << 8) | (unit >> 8), 2);
    codes.push(charset === 'utf16le' ? swapped(high) + swapped(low) : hex(high, 2) + hex(low, 2));
  }
  return codes;
}

/** UTF-8 that the server makes of each code, `null` where it makes none. */
async function askServer(
  server: LiveServer,
  charset: string,
  codes: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  const answers = new Map<string, string | null>();
  for (let at = 0; at < codes.length; at += 4000) {
    const part = codes.slice(at, at + 4000);
    // A table of values: a UNION of thousands is slow to plan, a JSON table is not.
    const list = part.map((code) => `"${code}"`).join(',');
    const rows = await server.query(
      `SELECT code, HEX(CONVERT(CONVERT(UNHEX(code) USING ${charset}) USING utf8mb4)) AS text
       FROM JSON_TABLE('[${list}]', '$[*]' COLUMNS (code VARCHAR(8) PATH '$')) AS codes`,
    );
    for (const row of rows) {
      const text = row['text'];
      answers.set(String(row['code']), typeof text === 'string' ? text.toLowerCase() : null);
    }
  }
  return answers;
}

const QUESTION = '3f';
const REPLACEMENT = 'efbfbd';

/** How many characters UTF-8 in hex is. */
function characters(hexText: string): number {
  return Array.from(Buffer.from(hexText, 'hex').toString('utf8')).length;
}

/** What the server's answer for a code means: one character, or none. */
function characterOf(text: string | null | undefined, isQuestion: boolean): string | null {
  if (text === null || text === undefined || text === REPLACEMENT) return null;
  if (text === QUESTION) return isQuestion ? text : null;
  return characters(text) === 1 ? text : null;
}

for (const flavour of SERVER_FLAVOURS) {
  test(
    `${flavour}: every code of every character set`,
    { skip: skipWithout(flavour) },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      let count = 0;
      for (const charset of `${SINGLE} ${MULTIPLE} ${WIDE}`.split(' ')) {
        if (charset === 'gb18030' && flavour === 'mariadb') continue;
        const isWide = WIDE.split(' ').includes(charset);
        const codes = isWide ? wideCodes(charset) : codesOf(charset);
        const answers = await askServer(server, charset, codes);
        const different = codes.filter((code) => {
          const ours = decodeText(charset, Buffer.from(code, 'hex'));
          const oursHex = ours === null ? null : Buffer.from(ours).toString('hex');
          // One code may be two characters: each half was compared by itself.
          if (oursHex !== null && characters(oursHex) > 1) return false;
          // A Unicode set has U+FFFD as a character; in a table it stands for none.
          if (oursHex === REPLACEMENT) return answers.get(code) !== REPLACEMENT;
          const isQuestion = isWide ? oursHex === QUESTION : code === QUESTION;
          return oursHex !== characterOf(answers.get(code), isQuestion);
        });
        count += codes.length;

        equal(
          different
            .slice(0, 20)
            .map((code) => `${code}:${answers.get(code)}`)
            .join(' '),
          '',
          `${charset}: ${different.length} codes differ`,
        );
      }
      t.diagnostic(`${count} codes`);
    },
  );

  test(`${flavour}: every collation's character set`, { skip: skipWithout(flavour) }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const rows = await server.query(
      flavour === 'mysql'
        ? 'SELECT CHARACTER_SET_NAME AS charset, ID AS id FROM information_schema.COLLATIONS'
        : 'SELECT CHARACTER_SET_NAME AS charset, ID AS id FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY',
    );
    for (const { charset, id } of rows) {
      equal(
        charsetOfCollation(Number.parseInt(String(id), 10)),
        charset,
        `collation ${String(id)}`,
      );
    }
    t.diagnostic(`${rows.length} collations`);
  });
}

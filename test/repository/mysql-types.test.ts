/**
 * The page of the MySQL source says of every type what the program decides: its tables are those
 * that the mapping itself gives.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatColumnType } from '../../src/model/column-type.ts';
import { decodeText } from '../../src/mysql/charset/charset-decoder.ts';
import { mapColumn } from '../../src/mysql/column-mapping.ts';
import type { ColumnMapping } from '../../src/mysql/column-mapping.ts';
import { typeCasesOf } from '../support/mysql-types/type-cases.ts';

const PAGE = readFileSync('docs/sources/mysql.md', 'utf8');

/** A row of the page: what it calls its types, and declarations that it speaks of. */
interface PageRow {
  readonly label: string;
  /** As `information_schema` has them, with ` character set …` behind text. */
  readonly columns: readonly string[];
  /** What the page says where the program has nothing to say. */
  readonly remark?: string;
}

const UTF8 = ' character set utf8mb4';
const TEXTS = ['char(5)', 'varchar(9)', 'tinytext', 'text', 'mediumtext', 'longtext'];
const TWICE = ['cp932', 'eucjpms', 'sjis', 'ujis', 'armscii8'];
const COMPLETE =
  'utf8mb4 utf8mb3 latin1 latin2 latin5 latin7 cp850 cp852 cp866 koi8r koi8u keybcs2 macce macroman';
const PARTIAL =
  'ascii big5 cp1250 cp1251 cp1256 cp1257 dec8 euckr gb18030 gb2312 gbk geostd8 greek hebrew hp8 ' +
  'swe7 tis620 ucs2 utf16 utf16le utf32';

const texts = (charsets: string | readonly string[]): string[] =>
  (typeof charsets === 'string' ? charsets.split(' ') : charsets).flatMap((charset) =>
    TEXTS.map((text) => `${text} character set ${charset}`),
  );

const SPATIAL = 'point linestring polygon multipoint multilinestring multipolygon';

const ROWS: readonly PageRow[] = [
  {
    label: 'TINYINT, SMALLINT, MEDIUMINT, INT',
    columns: ['tinyint', 'tinyint(3) unsigned', 'smallint', 'mediumint unsigned', 'int'],
    remark: 'the first three with UNSIGNED too',
  },
  {
    label: 'TINYINT(1), BOOL',
    columns: ['tinyint(1)'],
    remark: 'a number like any other TINYINT',
  },
  { label: 'YEAR', columns: ['year', 'year(4)'] },
  { label: 'INT UNSIGNED, BIGINT', columns: ['int unsigned', 'int(10) zerofill', 'bigint'] },
  { label: 'BIGINT UNSIGNED', columns: ['bigint unsigned', 'bigint(20) unsigned zerofill'] },
  {
    label: 'DECIMAL(p, s) up to 38 digits',
    columns: ['decimal(38,10)', 'decimal(10,0) unsigned', 'decimal(9,9)'],
  },
  { label: 'DECIMAL with more digits', columns: ['decimal(39,0)', 'decimal(65,30)'] },
  { label: 'FLOAT', columns: ['float', 'float(7,4)'], remark: 'exact, bit by bit' },
  { label: 'DOUBLE, REAL', columns: ['double', 'double(20,3)'], remark: 'exact, bit by bit' },
  { label: 'BIT(1)', columns: ['bit(1)'] },
  { label: 'BIT(2) to BIT(63)', columns: ['bit(2)', 'bit(63)'] },
  { label: 'BIT(64)', columns: ['bit(64)'] },
  { label: 'DATE', columns: ['date'] },
  { label: 'DATETIME', columns: ['datetime', 'datetime(6)'] },
  { label: 'TIMESTAMP', columns: ['timestamp', 'timestamp(3)'] },
  { label: 'TIME', columns: ['time', 'time(6)'] },
  {
    label: `CHAR, VARCHAR, TEXT in ${COMPLETE.replaceAll(' ', ', ')}`,
    columns: texts(COMPLETE),
    remark: 'decoded as the server does; latin1 is cp1252',
  },
  { label: `the same in ${TWICE.join(', ')}`, columns: texts(TWICE) },
  { label: 'the same in any other character set', columns: texts(PARTIAL) },
  {
    label: 'BINARY, VARBINARY, BLOB',
    columns: ['binary(4)', 'varbinary(9)', 'tinyblob', 'blob', 'mediumblob', 'longblob'],
    remark: 'BINARY with its padding',
  },
  { label: 'ENUM', columns: [`enum('a','b')${UTF8}`, "enum('a') character set binary"] },
  { label: 'SET', columns: [`set('a','b')${UTF8}`] },
  { label: 'JSON of MySQL', columns: ['json'] },
  {
    label: 'JSON of MariaDB',
    columns: [`longtext${UTF8}`],
    remark: 'it is LONGTEXT: its text as it was written',
  },
  {
    label: 'GEOMETRY and its kinds',
    columns: ['geometry', ...SPATIAL.split(' '), 'geometrycollection', 'geomcollection'],
  },
  { label: 'VECTOR', columns: ['vector(3)'] },
  { label: 'UUID', columns: ['uuid'] },
  { label: 'INET4, INET6', columns: ['inet4', 'inet6'] },
];

/** With `onMisfit: text`. */
const TEXT_ROWS: readonly PageRow[] = [
  {
    label: 'whole numbers, DECIMAL',
    columns: ['tinyint', 'smallint', 'mediumint', 'int', 'bigint unsigned', 'decimal(9,2)'],
  },
  { label: 'FLOAT, DOUBLE', columns: ['float', 'double'] },
  { label: 'BIT', columns: ['bit(1)', 'bit(64)'] },
  {
    label: 'DATE, DATETIME, TIME, YEAR, UUID',
    columns: ['date', 'datetime(3)', 'time', 'year', 'uuid'],
  },
  { label: 'TIMESTAMP', columns: ['timestamp'] },
  { label: 'VECTOR', columns: ['vector(3)'] },
  {
    label: 'BINARY, VARBINARY, BLOB, GEOMETRY',
    columns: ['binary(4)', 'varbinary(4)', 'blob', 'point'],
  },
];

const REFUSED_ROWS: readonly PageRow[] = [
  {
    label: 'DATETIME, TIMESTAMP and TIME as MariaDB 5.3 stored them',
    columns: ['datetime /* mariadb-5.3 */', 'time(3) /* mariadb-5.3 */'],
  },
  {
    label: 'text in a character set of a newer server, such as `utf9`',
    columns: ['text character set utf9'],
  },
  { label: 'any type of a newer server, such as `xmltype`', columns: ['xmltype'] },
];

function mapping(column: string, onMisfit: 'halt' | 'text'): ColumnMapping {
  const [columnType = '', charset = null] = column.split(' character set ');
  const dataType = /^[a-z0-9]+/.exec(columnType)?.[0] ?? '';
  const rest = { collation: null, nullable: true, generated: false, invisible: false };
  return mapColumn({ name: 'v', dataType, columnType, charset, ...rest }, 'mariadb', onMisfit);
}

/** What the program says of a declaration: the type in the lake, and a note. */
function decision(column: string, onMisfit: 'halt' | 'text' = 'halt'): string {
  const mapped = mapping(column, onMisfit);
  if (mapped.kind === 'refused') return `refused | ${mapped.reason}`;
  const { type, note } = mapped;
  const isDeclared = column.startsWith('decimal') && type.kind === 'decimal';
  return `${isDeclared ? 'decimal(p, s)' : formatColumnType(type)} | ${note ?? ''}`;
}

/** The page's line of a row; all its declarations must be decided alike. */
function lineOf({ label, columns, remark }: PageRow, onMisfit: 'halt' | 'text' = 'halt'): string {
  const decisions = new Set(columns.map((column) => decision(column, onMisfit)));
  equal(decisions.size, 1, `${label}: ${[...decisions].join(', ')}`);
  const [type = '', note = ''] = [...decisions][0]?.split(' | ') ?? [];
  ok(note === '' || remark === undefined, `${label} has a note and a remark`);
  return type === 'refused'
    ? `| ${label} | ${note} |`
    : `| ${label} | ${type} | ${note || (remark ?? '')} |`;
}

/** The lines of the table below a head. */
function pageTable(head: string): readonly string[] {
  const lines = PAGE.split('\n');
  const start = lines.indexOf(head);
  ok(start >= 0, `the page has no table ${head}`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) => line.replace(/ +\|$/, ' |'));
}

const squeeze = (line: string): string => line.replace(/ +\|$/, ' |');

test('the page says of every type what the program decides (spec: V6, Y16)', () => {
  const heads = [
    ['| in MySQL or MariaDB | in the lake | |', ROWS.map((row) => lineOf(row))],
    ['| with `onMisfit: text` | in the lake | |', TEXT_ROWS.map((row) => lineOf(row, 'text'))],
    ['| refused | |', REFUSED_ROWS.map((row) => lineOf(row))],
  ] as const;
  for (const [head, expected] of heads) deepEqual(pageTable(head), expected.map(squeeze));
});

test('the page has every type that a server of the tests has', () => {
  const firstWord = (declaration: string): string => /^[a-z0-9]+/i.exec(declaration)?.[0] ?? '';
  const known = new Set(ROWS.flatMap(({ columns }) => columns.map(firstWord)));
  const aliases = new Set(['bool', 'real']);
  const missing = [...typeCasesOf('mysql'), ...typeCasesOf('mariadb')]
    .map(({ declaration }) => firstWord(declaration).toLowerCase())
    .filter((name) => !known.has(name) && !aliases.has(name));
  deepEqual([...new Set(missing)], []);
});

/** Codes of one and two bytes that a set reads as one character; those of two by their text. */
function charactersOf(charset: string): { readonly undefinedBytes: number; doubles: number } {
  const seen = new Set<string>();
  const singles = new Set<number>();
  let doubles = 0;
  const add = (code: readonly number[]): boolean => {
    const bytes = decodeText(charset, Uint8Array.from(code));
    if (bytes === null) return false;
    const text = Buffer.from(bytes).toString();
    if (seen.has(text)) doubles += 1;
    seen.add(text);
    return true;
  };
  for (let byte = 0; byte < 256; byte++) if (add([byte])) singles.add(byte);
  for (let first = 0x81; first < 256; first++) {
    if (singles.has(first)) continue;
    for (let second = 0x40; second < 256; second++) add([first, second]);
  }
  return { undefinedBytes: 256 - singles.size, doubles };
}

test('what may be lost of text is said of the sets that can lose it, and of no other', () => {
  const wide = /^(?:utf|ucs)/;
  for (const charset of `${COMPLETE} ${PARTIAL} ${TWICE.join(' ')}`.split(' ')) {
    if (wide.test(charset)) continue;
    const { undefinedBytes, doubles } = charactersOf(charset);
    const note = decision(`text character set ${charset}`).split(' | ')[1] ?? '';
    equal(note.includes('two codes'), doubles > 0, `${charset}: ${doubles} characters twice`);
    if (doubles === 0) equal(note !== '', undefinedBytes > 0, `${charset}: ${undefinedBytes}`);
  }
});

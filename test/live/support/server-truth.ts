/**
 * What a server itself says of the values of a table, as text that a reader of the lake can be
 * compared with. Asks for hexadecimal digits and for the binary protocol, and uses nothing of what
 * is tested.
 */
import type { RowDataPacket } from 'mysql2/promise';
import type { TypeCase } from '../../support/mysql-types/type-case.ts';
import type { LiveServer, Row } from './live-server.ts';

/** Values of a column by the row's id; text of a value, `null` for NULL. */
export type ColumnTruth = ReadonlyMap<number, string | null>;

/** Values longer than so many bytes are compared by their SHA-256. */
export const DIGEST_ABOVE = 1_000_000;

const SPATIAL = /^(?:geometry|point|linestring|polygon|multi\w+|geometrycollection)\b/i;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : String(value));

/** Every column `c_…` of a table. The session must be in UTC and without `sql_mode`. */
export async function serverTruth(
  server: LiveServer,
  table: string,
  cases: readonly TypeCase[],
): Promise<ReadonlyMap<string, ColumnTruth>> {
  const truth = new Map<string, ColumnTruth>();
  const floats = cases.filter(({ declaration }) => /^(?:FLOAT|DOUBLE)/.test(declaration));
  const others = cases.filter((one) => !floats.includes(one));
  const list = others.map((one, index) => `${expression(one, server)} AS v${index}`);
  const rows = await server.query(`SELECT id, ${['1', ...list].join(', ')} FROM ${table}`);
  for (const [index, one] of others.entries()) {
    truth.set(
      one.name,
      byId(rows, (row) => canonical(one, row[`v${index}`])),
    );
  }
  if (floats.length === 0) return truth;
  const connection = await server.connect();
  const names = floats.map(({ name }) => `c_${name}`).join(', ');
  // A prepared statement is answered in binary: the four or eight bytes themselves.
  const binary = `SELECT id, ${names} FROM ${table}`;
  const [exactRows] = await connection.execute<RowDataPacket[]>(binary);
  connection.destroy();
  for (const one of floats) {
    const numberText = (value: unknown): string | null =>
      value === null ? null : floatText(Number(value));
    truth.set(
      one.name,
      byId(exactRows, (row) => numberText(row[`c_${one.name}`])),
    );
  }
  return truth;
}

function byId(rows: readonly Row[], read: (row: Row) => string | null): ColumnTruth {
  return new Map(rows.map((row) => [Number(row['id']), read(row)]));
}

/** A number as both sides write it. */
export function floatText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function expression(one: TypeCase, { flavour }: LiveServer): string {
  const { declaration, name, onMisfit } = one;
  const column = `c_${name}`;
  if (SPATIAL.test(declaration)) {
    const binary = flavour === 'mysql' ? `${column}, 'axis-order=long-lat'` : column;
    return `CONCAT(ST_SRID(${column}), ' ', HEX(ST_AsBinary(${binary})))`;
  }
  if (declaration.startsWith('BIT')) return `CAST(CAST(${column} AS UNSIGNED) AS CHAR)`;
  if (declaration.startsWith('VECTOR')) {
    return one.type === 'string' ? `VECTOR_TO_STRING(${column})` : digested(column);
  }
  if (one.type === 'binary') return digested(column);
  if (one.type === 'string' && !/^(?:DEC|BIG|DATE|TIME|YEAR|UUID|INET)/.test(declaration)) {
    const text = digested(`CONVERT(${column} USING utf8mb4)`);
    const charset = /CHARACTER SET (\w+)/.exec(declaration)?.[1] ?? '';
    // What the server cannot give back as it was is no text of its character set.
    const isText = `HEX(CONVERT(CONVERT(${column} USING utf8mb4) USING ${charset})) = HEX(${column})`;
    return onMisfit === 'null' ? `IF(${isText}, ${text}, NULL)` : text;
  }
  return `CAST(${column} AS CHAR)`;
}

function digested(bytes: string): string {
  return `IF(LENGTH(${bytes}) > ${DIGEST_ABOVE}, CONCAT('sha256:', SHA2(${bytes}, 256)), HEX(${bytes}))`;
}

/** What the server said, as {@link ColumnTruth} has it. */
function canonical(one: TypeCase, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = textOf(value);
  if (text.startsWith('sha256:')) return text;
  const { declaration, type } = one;
  if (SPATIAL.test(declaration)) return extendedBinary(text);
  if (declaration.startsWith('VECTOR') && type === 'string') return vectorList(text);
  if (type === 'binary') return text.toLowerCase();
  if (type === 'boolean') return text === '0' ? 'false' : 'true';
  if (/^TIME\b/.test(declaration)) return type === 'long' ? microseconds(text) : text;
  if (type === 'date' || type.startsWith('timestamp')) return isoText(text, type);
  if (type === 'int' || type === 'long' || type.endsWith(', 0)')) return String(BigInt(text));
  if (/ZEROFILL|^DECIMAL/.test(declaration)) return text.replace(/^(-?)0+(?=\d)/, '$1');
  if (type !== 'string' || /^(?:BIT|DATE|TIME|YEAR|UUID|INET)/.test(declaration)) return text;
  return Buffer.from(text, 'hex').toString('utf8');
}

/** Well-known binary with its reference system in it. */
function extendedBinary(text: string): string {
  const [srid = '', hex = ''] = text.toLowerCase().split(' ');
  if (srid === '0') return hex;
  const bytes = Buffer.from(hex, 'hex');
  bytes.writeUInt32LE(bytes.readUInt32LE(1) + 0x2000_0000, 1);
  const own = Buffer.alloc(4);
  own.writeUInt32LE(Number(srid));
  return Buffer.concat([bytes.subarray(0, 5), own, bytes.subarray(5)]).toString('hex');
}

/** The numbers of a vector, each as near as a float is. */
export function vectorList(text: string): string {
  const numbers = JSON.parse(text) as number[];
  return numbers.map((number) => floatText(Math.fround(number))).join(' ');
}

function microseconds(text: string): string {
  const [, sign, hours, minutes, seconds, fraction = ''] =
    /^(-?)(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const whole = (BigInt(hours ?? '') * 60n + BigInt(minutes ?? '')) * 60n + BigInt(seconds ?? '');
  const span = whole * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return String(sign === '-' ? -span : span);
}

/** ISO 8601 with microseconds; `null` for what is no date. */
function isoText(text: string, type: string): string | null {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d\d)-(\d\d)/.exec(text) ?? [];
  const made = new Date(0);
  made.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isDate = made.getUTCMonth() === Number(month) - 1 && made.getUTCDate() === Number(day);
  if (!isDate || Number(year) === 0) return null;
  if (type === 'date') return text;
  const [date = '', time = ''] = text.split(' ');
  const [clock = '', fraction = ''] = time.split('.');
  return `${date}T${clock}.${fraction.padEnd(6, '0')}${type === 'timestamptz' ? 'Z' : ''}`;
}

/** Values out of row images; the bytes are MySQL 9.7's and MariaDB 10.11's own. */
import { equal, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import { ColumnBuilder } from '../model/column-builder.ts';
import type { ColumnType } from '../model/column-type.ts';
import { parseColumnType } from '../model/column-type.ts';
import { lakeText } from '../../test/support/lake-text.ts';
import { imageReader } from './image-reader.ts';
import type { LogColumn } from './log-column.ts';
import { LOG_TYPE } from './log-type.ts';

interface Sample {
  readonly hex: string;
  readonly log: Partial<LogColumn> & Pick<LogColumn, 'typeCode'>;
  readonly type: string;
  readonly sourceType: string;
  readonly onMisfit?: 'halt' | 'null';
}

function columnTypeOf(text: string): ColumnType {
  const type = parseColumnType(text);
  if (type === null) throw new Error(text);
  return type;
}

/** The value between two other bytes, so that a reader that takes one too many is found. */
function readImage(sample: Sample): string | null {
  const type = columnTypeOf(sample.type);
  const log: LogColumn = {
    meta: 0,
    nullable: true,
    name: 'v',
    unsigned: false,
    collationId: null,
    labels: null,
    visible: true,
    ...sample.log,
  };
  const column = { name: 'v', type, sourceType: sample.sourceType };
  const read = imageReader(log, column, sample.onMisfit ?? 'halt');
  const bytes = Buffer.from(`aa${sample.hex}aa`, 'hex');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const builder = new ColumnBuilder(type);
  read(bytes, view, 1, bytes.length - 1, builder);
  equal(builder.rowCount, 1);
  return lakeText(type, builder.finish(), 0);
}

const decimal = (precision: number, scale: number): Sample['log'] => ({
  typeCode: LOG_TYPE.decimal,
  meta: precision | (scale << 8),
});

describe('a row image', () => {
  test('has numbers (spec: Y15)', () => {
    const long = { typeCode: LOG_TYPE.longlong, unsigned: true };
    const u64 = { log: long, type: 'decimal(20, 0)', sourceType: 'bigint unsigned' };
    equal(readImage({ ...u64, hex: 'ffffffffffffffff' }), '18446744073709551615');
    const i24 = { log: { typeCode: LOG_TYPE.int24 }, type: 'int', sourceType: 'mediumint' };
    equal(readImage({ ...i24, hex: '000080' }), '-8388608');
    const widened = { ...i24, type: 'long' };
    equal(readImage({ ...widened, hex: 'ffffff' }), '-1');
    const bit = { typeCode: LOG_TYPE.bit, meta: 2 | (1 << 8) };
    equal(readImage({ hex: '0201', log: bit, type: 'long', sourceType: 'bit(10)' }), '513');
    const year = { log: { typeCode: LOG_TYPE.year }, type: 'int', sourceType: 'year' };
    equal(readImage({ ...year, hex: '7c' }), '2024');
    equal(readImage({ ...year, hex: '00' }), '0');
  });

  test('has decimals to the last digit (spec: Y15)', () => {
    const d18 = { log: decimal(18, 2), type: 'decimal(18, 2)', sourceType: 'decimal(18,2)' };
    equal(readImage({ ...d18, hex: '7ffea028c4d6edaea2' }), '-90071992547409.93');
    const d65 = { log: decimal(65, 30), type: 'string', sourceType: 'decimal(65,30)' };
    const hex = '7ffffffffffffffffffffffffffffffee2329affffffffffffffffffffff';
    equal(readImage({ ...d65, hex }), '-1.500000000000000000000000000000');
  });

  test('has dates and times (spec: Y15)', () => {
    const time = { log: { typeCode: LOG_TYPE.time, meta: 6 }, type: 'long', sourceType: 'time(6)' };
    equal(readImage({ ...time, hex: '4b9105000000' }), '-3020399000000');
    const moment = { typeCode: LOG_TYPE.datetime, meta: 3 };
    const datetime = { log: moment, type: 'timestamp', sourceType: 'datetime(3)' };
    equal(readImage({ ...datetime, hex: '99b2bb7efb04ce' }), '2024-02-29T23:59:59.123000');
    const stamp = { typeCode: LOG_TYPE.timestamp, meta: 2 };
    const timestamp = { log: stamp, type: 'timestamptz', sourceType: 'timestamp(2)' };
    equal(readImage({ ...timestamp, hex: '65e11a7f19' }), '2024-02-29T23:59:59.250000Z');
    const date = { log: { typeCode: LOG_TYPE.date }, type: 'date', sourceType: 'date' };
    equal(readImage({ ...date, hex: '5dd00f' }), '2024-02-29');
  });

  test('has dates that are none: halt, NULL, or text (spec: Y16)', () => {
    const zero = { hex: '000000', log: { typeCode: LOG_TYPE.date }, sourceType: 'date' };
    equal(readImage({ ...zero, type: 'date', onMisfit: 'null' }), null);
    equal(readImage({ ...zero, type: 'string' }), '0000-00-00');
    throws(
      () => readImage({ ...zero, type: 'date' }),
      (error) => isFirnError(error, 'SOURCE-VALUE-MISFIT') && error.message.includes('Column v: '),
    );
  });
});

describe('a row image of other types', () => {
  test('has JSON as the server writes it (spec: Y15)', () => {
    const log = { typeCode: LOG_TYPE.json, meta: 4 };
    const json = { log, type: 'string', sourceType: 'json' };
    const object =
      '0004004f00200001002100010022000100230001000224000b3b000a43000c4b0061646e73' +
      '0500170004000004010004020005ffff071300701101009a9999999999f13fd20a1feb8ca954ab03c3bc0a';
    equal(
      readImage({ ...json, hex: object }),
      '{"a": [null, true, false, -1, 70000], "d": 1.1, "n": 12345678901234567890, "s": "ü\\n"}',
    );
    const scalars =
      '0205003e000f13000f1c000f26000f30000f3a00f6070b02800000010a0b080000000591cbffff' +
      '0a080000000000bab2190c08010000fb7ebbb2190f0200ff';
    equal(
      readImage({ ...json, hex: scalars }),
      '[1.10, "-838:59:59.000000", "2024-02-29", "2024-02-29 23:59:59.000001", "base64:type15:AP8="]',
    );
    throws(
      () => readImage({ ...json, hex: object.slice(0, -2) }),
      (error) => isFirnError(error, 'VALUE-DAMAGED'),
    );
  });

  test('has text of its column, and bytes with their padding (spec: Y15)', () => {
    const text = (collationId: number): Sample['log'] => ({
      typeCode: LOG_TYPE.varchar,
      meta: 20,
      collationId,
    });
    const string = { type: 'string', sourceType: 'varchar(20) character set utf8mb4' };
    equal(readImage({ ...string, hex: '80e9', log: text(8) }), '€é');
    equal(readImage({ ...string, hex: 'd6d0', log: text(28) }), '中');
    equal(readImage({ ...string, hex: 'c3a9', log: text(2304) }), 'é');
    const binary = { typeCode: LOG_TYPE.string, meta: 4, collationId: 63 };
    const padded = { log: binary, type: 'binary', sourceType: 'binary(4)' };
    equal(readImage({ ...padded, hex: '6162' }), '61620000');
    const uuid = {
      log: { ...binary, meta: 16, collationId: null },
      type: 'uuid',
      sourceType: 'uuid',
    };
    equal(
      readImage({ ...uuid, hex: '00112233445546778899aabbccddee' }),
      '00112233-4455-4677-8899-aabbccddee00',
    );
  });

  test('has labels by number (spec: Y15)', () => {
    const labels = ['78', 'fc'].map((hex) => Buffer.from(hex, 'hex'));
    const log = { meta: 1, collationId: 8, labels };
    const set = { ...log, typeCode: LOG_TYPE.set };
    const sourceType = "set('x','ü') character set latin1";
    equal(readImage({ hex: '03', log: set, type: 'string', sourceType }), 'x,ü');
    const choice = { ...log, typeCode: LOG_TYPE.enum };
    equal(readImage({ hex: '02', log: choice, type: 'string', sourceType }), 'ü');
    equal(readImage({ hex: '00', log: choice, type: 'string', sourceType }), '');
    throws(
      () => readImage({ hex: '03', log: choice, type: 'string', sourceType }),
      (error) => isFirnError(error, 'VALUE-DAMAGED'),
    );
  });
});

describe('a row image', () => {
  test('keeps the reference system of a spatial value (spec: Y15)', () => {
    const log = { typeCode: LOG_TYPE.geometry, meta: 4 };
    const point = '0101000000000000000000f03f0000000000000040';
    const column = { log, type: 'binary', sourceType: 'point' };
    equal(readImage({ ...column, hex: `00000000${point}` }), point);
    const ewkb = '0101000020e6100000000000000000f03f0000000000000040';
    equal(readImage({ ...column, hex: `e6100000${point}` }), ewkb);
  });

  test('of another type than the schema says stops by name', () => {
    const log = { typeCode: LOG_TYPE.longlong };
    throws(
      () => readImage({ hex: '00', log, type: 'int', sourceType: 'int' }),
      (error) => isFirnError(error, 'VALUE-TYPE-DIFFERS'),
    );
    const unknown = { typeCode: LOG_TYPE.varchar, collationId: 1000 };
    throws(
      () => readImage({ hex: '00', log: unknown, type: 'string', sourceType: 'varchar(1)' }),
      (error) => isFirnError(error, 'VALUE-CHARSET-UNKNOWN'),
    );
  });
});

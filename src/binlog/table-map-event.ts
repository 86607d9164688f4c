/**
 * Table maps: the columns of the row images that follow, from the log itself. With
 * `binlog_row_metadata=FULL` they say everything that decoding needs; nothing is looked up in the
 * server, whose tables may have changed since.
 */
import { LOG_TYPE } from '../mysql/log-type.ts';
import type { MysqlFlavour } from '../mysql/mysql-column.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';
import type { LogTable, LogTableColumn, MappedColumn } from './log-table.ts';
import { readTableMetadata } from './table-metadata.ts';

/** Most columns of a table of either server. */
const COLUMNS_MAX = 4096;

const TABLE_ID_BYTES = 6;
const FLAG_BYTES = 2;

/** The table id that opens a table map and a rows event. */
function readTableId(cursor: ByteCursor): number {
  return cursor.uint(TABLE_ID_BYTES);
}

/** Reads the body of TABLE_MAP_EVENT. */
export function readTableMap(body: Uint8Array, flavour: MysqlFlavour): LogTable {
  const cursor = new ByteCursor(body);
  const tableId = readTableId(cursor);
  cursor.skip(FLAG_BYTES);
  const namespace = cursor.text(cursor.uint(1));
  cursor.skip(1);
  const table = cursor.text(cursor.uint(1));
  cursor.skip(1);
  const mapped = readColumns(cursor);
  const metadata = readTableMetadata(new ByteCursor(cursor.rest()), mapped, flavour);
  const columns = mapped.map((column, index): LogTableColumn => {
    return {
      ...column,
      name: metadata.names[index] ?? null,
      unsigned: metadata.unsigned.has(index),
      collationId: metadata.collations.get(index) ?? null,
      labels: metadata.labels.get(index) ?? null,
      visible: !metadata.hidden.has(index),
      geometryType: metadata.geometryTypes.get(index) ?? null,
      vectorDimensions: metadata.vectorDimensions.get(index) ?? null,
    };
  });
  return {
    tableId,
    namespace,
    table,
    columns,
    primaryKey: metadata.primaryKey,
    named: columns.every(({ name }) => name !== null),
    definition: body.slice(TABLE_ID_BYTES + FLAG_BYTES),
  };
}

function readColumns(cursor: ByteCursor): readonly MappedColumn[] {
  const count = cursor.packedInt();
  if (count < 1 || count > COLUMNS_MAX) throw malformed('a table has an impossible column count');
  const types = cursor.take(count);
  const metadata = new ByteCursor(cursor.take(cursor.packedInt()));
  const nullBits = cursor.take((count + 7) >> 3);
  const columns: MappedColumn[] = [];
  let known = true;
  for (const [index, type] of types.entries()) {
    const nullable = (((nullBits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
    const size = metadataBytes(type);
    // Behind a type that is not known nothing can be placed; its rows are refused anyway.
    known &&= size !== null;
    const meta = known ? metadata.uint(size ?? 0) : 0;
    columns.push({ ...realType(type, meta), nullable });
  }
  return columns;
}

/** CHAR, ENUM and SET share a code: the low byte tells which, with two bits of CHAR's length. */
function realType(type: number, meta: number): Pick<MappedColumn, 'typeCode' | 'meta'> {
  if (type !== LOG_TYPE.string) return { typeCode: type, meta };
  const low = meta & 255;
  const high = meta >> 8;
  if (low === LOG_TYPE.enum || low === LOG_TYPE.set) return { typeCode: low, meta: high };
  return { typeCode: type, meta: high | (((low & 0x30) ^ 0x30) << 4) };
}

function metadataBytes(type: number): number | null {
  switch (type) {
    case LOG_TYPE.varchar:
    case LOG_TYPE.varString:
    case LOG_TYPE.string:
    case LOG_TYPE.enum:
    case LOG_TYPE.set:
    case LOG_TYPE.decimal:
    case LOG_TYPE.bit:
    case LOG_TYPE.varcharCompressed:
      return 2;
    case LOG_TYPE.float:
    case LOG_TYPE.double:
    case LOG_TYPE.tinyBlob:
    case LOG_TYPE.mediumBlob:
    case LOG_TYPE.longBlob:
    case LOG_TYPE.blob:
    case LOG_TYPE.blobCompressed:
    case LOG_TYPE.geometry:
    case LOG_TYPE.json:
    case LOG_TYPE.vector:
    case LOG_TYPE.time:
    case LOG_TYPE.datetime:
    case LOG_TYPE.timestamp:
      return 1;
    case LOG_TYPE.tiny:
    case LOG_TYPE.short:
    case LOG_TYPE.int24:
    case LOG_TYPE.long:
    case LOG_TYPE.longlong:
    case LOG_TYPE.year:
    case LOG_TYPE.date:
    case LOG_TYPE.newDate:
    case LOG_TYPE.timeOld:
    case LOG_TYPE.timestampOld:
    case LOG_TYPE.datetimeOld:
      return 0;
    default:
      return null;
  }
}

/**
 * Binary log files as a dump connection would deliver them, and readers that keep every value as
 * the log's own bytes: what the tests of the log decoder share.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { BinlogReader } from '../../src/binlog/binlog-reader.ts';
import type { LogEvent } from '../../src/binlog/log-event.ts';
import type { LogTable } from '../../src/binlog/log-table.ts';
import { compileTable } from '../../src/binlog/table-reader.ts';
import type { TableReader } from '../../src/binlog/table-reader.ts';
import { CHANGE_OPS } from '../../src/model/change-batch.ts';
import type { ChangeBatch } from '../../src/model/change-batch.ts';
import type { ColumnBuilder } from '../../src/model/column-builder.ts';
import { isValid } from '../../src/model/column-vector.ts';
import type { ColumnVector } from '../../src/model/column-vector.ts';
import type { MysqlFlavour } from '../../src/mysql/mysql-column.ts';
import type { ValueReader } from '../../src/mysql/value-reader.ts';

const MAGIC_BYTES = 4;
const HEADER_BYTES = 19;
const PACKET_BYTES_MAX = 0xff_ff_ff;
/** Longer values are shown by their start, length and checksum. */
const LONG_VALUE = 64;

/** One of the recorded log files, `mysql-types` for example. */
export function goldenLog(name: string): Uint8Array {
  return readFileSync(join(import.meta.dirname, '..', 'golden', 'binlog', `${name}.binlog`));
}

/** An event with header and checksum. */
export function makeEvent(event: {
  readonly typeCode: number;
  readonly body: Uint8Array;
  readonly flags?: number;
  readonly logPosition: number;
  readonly checksum?: boolean;
}): Uint8Array {
  const checked = event.checksum ?? true;
  const size = HEADER_BYTES + event.body.length + (checked ? 4 : 0);
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(1_795_000_000, 0);
  bytes[4] = event.typeCode;
  bytes.writeUInt32LE(7, 5);
  bytes.writeUInt32LE(size, 9);
  bytes.writeUInt32LE(event.logPosition, 13);
  bytes.writeUInt16LE(event.flags ?? 0, 17);
  bytes.set(event.body, HEADER_BYTES);
  if (checked) bytes.writeUInt32LE(crc32(bytes.subarray(0, size - 4)), size - 4);
  return bytes;
}

/** The rotate event that opens a dump. */
export function openingRotate(fileName: string, position = 4, checksum = true): Uint8Array {
  const body = Buffer.alloc(8 + fileName.length);
  body.writeBigUInt64LE(BigInt(position), 0);
  body.write(fileName, 8);
  return makeEvent({ typeCode: 4, body, flags: 0x20, logPosition: 0, checksum });
}

/** The events of a log file. */
export function eventsOf(file: Uint8Array): readonly Uint8Array[] {
  const bytes = Buffer.from(file);
  const events: Uint8Array[] = [];
  for (let at = MAGIC_BYTES; at < bytes.length;) {
    const size = bytes.readUInt32LE(at + 9);
    events.push(bytes.subarray(at, at + size));
    at += size;
  }
  return events;
}

/** Events as packets of a connection, an event above 16 MiB in several. */
export function packetsOf(events: readonly Uint8Array[]): Buffer {
  const packets: Uint8Array[] = [];
  let sequence = 1;
  for (const event of events) {
    const payload = Buffer.concat([Buffer.of(0), event]);
    let length = PACKET_BYTES_MAX;
    for (let at = 0; length === PACKET_BYTES_MAX; at += length) {
      length = Math.min(payload.length - at, PACKET_BYTES_MAX);
      const header = Buffer.alloc(4);
      header.writeUIntLE(length, 0, 3);
      header[3] = sequence++ & 255;
      packets.push(header, payload.subarray(at, at + length));
    }
  }
  return Buffer.concat(packets);
}

/** A recorded file as the bytes of a dump connection. */
export function dumpOf(name: string): Buffer {
  return packetsOf([openingRotate('binlog.000002'), ...eventsOf(goldenLog(name))]);
}

/** Keeps the value's own bytes. */
export function readRaw(
  bytes: Uint8Array,
  _view: DataView,
  at: number,
  end: number,
  builder: ColumnBuilder,
): void {
  builder.appendRun(bytes, at, end);
}

/** Bounds and before images of a reader; all have defaults. */
export interface RawTableOptions {
  readonly beforeImages?: 'key' | 'full';
  readonly batchRowsMax?: number;
  readonly batchBytesMax?: number;
  readonly read?: ValueReader;
}

/** A reader of all columns as bytes; without a known key the first column is it. */
export function rawTable(log: LogTable, options: RawTableOptions = {}): TableReader {
  const columns = log.columns.map(({ name }, index) => {
    const sourceName = name ?? `@${index + 1}`;
    const type = { kind: 'binary' } as const;
    return { id: index + 1, name: sourceName, sourceName, type, sourceType: 'raw' };
  });
  const keyColumnIds = (log.primaryKey ?? [{ column: 0 }]).map(({ column }) => column + 1);
  return compileTable({
    log,
    schema: { table: log, version: 1, columns, keyColumnIds },
    readers: columns.map((_, column) => ({ column, read: options.read ?? readRaw })),
    beforeImages: options.beforeImages ?? 'key',
    batchRowsMax: options.batchRowsMax ?? 10_000,
    batchBytesMax: options.batchBytesMax ?? 2 ** 24,
  });
}

/** Reads a dump in the given chunks and says in lines of text everything that came out. */
export function readDump(
  chunks: Iterable<Uint8Array>,
  flavour: MysqlFlavour,
  options: RawTableOptions = {},
): readonly string[] {
  const lines: string[] = [];
  const readers = new Map<LogTable, TableReader>();
  const reader = new BinlogReader({
    flavour,
    wants(log) {
      const table = rawTable(log, options);
      readers.set(log, table);
      return table;
    },
  });
  for (const chunk of chunks) {
    for (const event of reader.push(chunk)) {
      lines.push(eventLine(event));
      if (event.kind === 'rows-refused') reader.askAgain(event.table);
      if (event.kind !== 'rows') continue;
      const batch = readers.get(event.table)?.cut(1) ?? null;
      if (batch !== null) lines.push(...rowLines(batch));
    }
  }
  return lines;
}

/** What is in every event. */
const PLACE_KEYS = new Set([
  'kind',
  'fileName',
  'startOffset',
  'endOffset',
  'timestampSec',
  'serverId',
  'checksum',
]);

/** An event in one line; GTIDs, times and checksums of a recording as they are. */
export function eventLine(event: LogEvent): string {
  const { kind, fileName, startOffset, endOffset } = event;
  const known = 'table' in event ? { ...event, table: tableText(event.table, kind) } : event;
  const facts = Object.entries(known).flatMap(([key, value]) => {
    if (PLACE_KEYS.has(key)) return [];
    const text = value instanceof Error ? value.message : String(value);
    return [`${key}=${text.replaceAll(/\s+/g, ' ')}`];
  });
  return `${fileName}:${startOffset}..${endOffset} ${kind} ${facts.join(' ')}`;
}

function tableText(table: LogTable, kind: string): string {
  const name = `${table.namespace}.${table.table}`;
  if (kind !== 'table-map') return name;
  const key = table.primaryKey?.map((part) => `${part.column}/${part.prefixLength}`).join(',');
  const columns = table.columns.map((column) => {
    const labels = column.labels?.map((label) => Buffer.from(label).toString()).join('|');
    return [
      `\n    ${column.name} type=${column.typeCode} meta=${column.meta}`,
      column.nullable ? '' : ' not-null',
      column.unsigned ? ' unsigned' : '',
      column.collationId === null ? '' : ` collation=${column.collationId}`,
      labels === undefined ? '' : ` labels=${labels}`,
      column.visible ? '' : ' hidden',
      column.geometryType === null ? '' : ` geometry=${column.geometryType}`,
      column.vectorDimensions === null ? '' : ` dimensions=${column.vectorDimensions}`,
    ].join('');
  });
  return `${name} key=${key ?? 'none'} named=${table.named}${columns.join('')}`;
}

/** The rows of a batch, one a line, values in hex. */
export function rowLines(batch: ChangeBatch): readonly string[] {
  const lines: string[] = [];
  for (let row = 0; row < batch.rowCount; row++) {
    const op = CHANGE_OPS[batch.op[row] ?? 0];
    const values = batch.columns.map((column) => valueText(column, row)).join(' ');
    const before = batch.before?.map((column) => valueText(column, row)).join(' ');
    const tx = batch.tx === null ? '-' : Buffer.from(valueText(batch.tx, row), 'hex').toString();
    const seq = `${(batch.seq[row] ?? 0n) >> 40n}/${(batch.seq[row] ?? 0n) & 0xff_ffff_ffffn}`;
    const place = `${op} seq=${seq} row=${batch.row[row]} ts=${batch.commitTsUs[row]} tx=${tx}`;
    lines.push(`  ${place}: ${values}${before === undefined ? '' : ` before: ${before}`}`);
  }
  return lines;
}

function valueText(vector: ColumnVector, row: number): string {
  if (!isValid(vector, row)) return 'null';
  if (vector.kind !== 'bytes') return String(vector.values[row]);
  const bytes = vector.data.subarray(vector.offsets[row], vector.offsets[row + 1]);
  const hex = Buffer.from(bytes).toString('hex');
  if (bytes.length > LONG_VALUE) return `${hex.slice(0, 16)}..${bytes.length}:${crc32(bytes)}`;
  return hex === '' ? '""' : hex;
}

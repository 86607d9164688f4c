/**
 * The binary log as it comes from a dump connection: bytes in, events out, rows straight into the
 * columns of their tables. Pure and synchronous. Every event is checked before it is believed: the
 * packet's number, the event's length, CRC32 and offset; whatever the bytes are, the outcome is
 * events or a coded error with its place.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../kernel/assert.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableName } from '../model/table-schema.ts';
import type { MysqlFlavour } from '../mysql/mysql-column.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';
import { readTransactionPayload } from './compressed-run.ts';
import { readErrorPacket, readRotate } from './control-events.ts';
import { EventHeaders, openInnerEvent } from './event-header.ts';
import type { OpenEvent } from './event-header.ts';
import { EVENT_TYPE, ROWS_EVENTS } from './event-type.ts';
import type { RowsEventShape } from './event-type.ts';
import type { EventPlace, LogEvent, LogEventBody } from './log-event.ts';
import { LogOffsets } from './log-offsets.ts';
import type { LogTable } from './log-table.ts';
import { PacketFramer } from './packet-framer.ts';
import { byteRun, NO_TABLE_ID, readRowsHead } from './rows-event.ts';
import type { ByteRun } from './rows-event.ts';
import { readSmallEvent } from './small-event.ts';
import { TableCache } from './table-cache.ts';
import type { KnownTable } from './table-cache.ts';
import { readTableMap } from './table-map-event.ts';
import type { RowsRun, TableReader } from './table-reader.ts';

/** What a reader needs to know. */
export interface BinlogReaderOptions {
  readonly flavour: MysqlFlavour;
  /**
   * Asked once per table definition: where the table's rows go, a reader compiled for exactly this
   * definition, or `null` for nowhere.
   */
  readonly wants: (table: LogTable) => TableReader | null;
  /** Bytes of an event, compressed or not; 1 GiB is the protocol's own bound and the default. */
  readonly eventBytesMax?: number;
}

const EVENT_BYTES_MAX = 2 ** 30;
const IGNORABLE = 0x80;

const PACKET = { event: 0, end: 254, error: 255 } as const;

interface Transaction {
  readonly tx: Uint8Array | null;
  readonly commitTsUs: bigint | null;
}

const NO_TRANSACTION: Transaction = { tx: null, commitTsUs: null };

/** Reads one dump connection. After an error it is spent: connect again at a committed place. */
export class BinlogReader {
  /** Whether rows are passed over without a look, of whatever table they are. */
  isPassing = false;
  readonly #flavour: MysqlFlavour;
  readonly #wants: BinlogReaderOptions['wants'];
  readonly #eventBytesMax: number;
  readonly #framer: PacketFramer;
  readonly #offsets = new LogOffsets();
  readonly #tables = new TableCache();
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Uint8Array | null = null;
  readonly #headers = new EventHeaders();
  #transaction: Transaction = NO_TRANSACTION;
  /**
   * What the present packet still has to give, innermost last to be opened, first to be emptied.
   */
  #ready: LogEventBody | null = null;
  #place: EventPlace = NOWHERE;
  #rows: { readonly known: KnownTable; readonly run: RowsRun } | null = null;
  #payload: { run: ByteRun; readonly rowCounts: Map<string, number> } | null = null;

  constructor(options: BinlogReaderOptions) {
    this.#flavour = options.flavour;
    this.#wants = options.wants;
    this.#eventBytesMax = options.eventBytesMax ?? EVENT_BYTES_MAX;
    this.#framer = new PacketFramer(this.#eventBytesMax + 1);
  }

  /** Name of the file that is being read; empty before the first event. */
  get fileName(): string {
    return this.#offsets.fileName;
  }

  /** Offset after the last event. */
  get offset(): number {
    return this.#offsets.offset;
  }

  /**
   * Reads the next bytes of the connection, from the first byte of the server's answer to the dump
   * command. The events are to be taken one by one and to the end before more bytes are given; what
   * a `wants` reader holds can be cut after each. Keeps at most one incomplete event.
   *
   * @throws {FirnError} LOG-PACKET-LOST, LOG-CHECKSUM, LOG-EVENT-MALFORMED, LOG-EVENT-TOO-LARGE,
   *   LOG-FORMAT-UNKNOWN, LOG-TABLE-UNKNOWN, LOG-FILE-NUMBER; what `wants` throws
   */
  *push(chunk: Uint8Array): Generator<LogEvent, void, undefined> {
    this.#framer.feed(chunk);
    while (this.#step(() => this.#openPacket())) {
      for (;;) {
        const body = this.#step(() => this.#nextBody());
        if (body === null) break;
        yield placed(body, this.#place);
      }
    }
  }

  /**
   * Gives the rows of a table that was just described a reader after all: right after its
   * `table-map` event, when `wants` could not decide at once.
   */
  attach(table: LogTable, reader: TableReader): void {
    const known = this.#tables.get(table.tableId);
    assert(known?.table === table, 'the table was just described');
    assert(reader.fits(table), 'a reader is compiled for the table it reads');
    known.reader = reader;
  }

  /** Asks `wants` again at the next map of `table`: it was added, halted or is to go on. */
  askAgain(table: TableName): void {
    const name = formatTableName(table);
    for (const known of this.#tables.values()) {
      if (formatTableName(known.table) === name) known.stale = true;
    }
  }

  /** Does one step and gives errors of the log their place. */
  #step<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isFirnError(error) || error.where !== null) throw error;
      const { what, remedy, cause } = error;
      const where = `${this.#offsets.fileName}:${this.#offsets.offset}`;
      throw new FirnError(error.code, { what, remedy, cause, where });
    }
  }

  #openPacket(): boolean {
    const framer = this.#framer;
    if (!framer.next()) return false;
    const { bytes, at, end } = framer;
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const kind = bytes[at];
    if (kind === PACKET.event) {
      this.#openEvent({ bytes, view: this.#view, at: at + 1, end });
      return true;
    }
    this.#place = { ...NOWHERE, ...this.#offsets.standing() };
    const cursor = new ByteCursor(bytes, at + 1, end);
    if (kind === PACKET.error) this.#ready = { kind: 'server-error', ...readErrorPacket(cursor) };
    else if (kind === PACKET.end) this.#ready = { kind: 'end' };
    else throw malformed('a packet of the log begins with an unknown byte');
    return true;
  }

  #nextBody(): LogEventBody | null {
    for (;;) {
      if (this.#ready !== null) {
        const body = this.#ready;
        this.#ready = null;
        return body;
      }
      if (this.#rows !== null) return this.#readRows(this.#rows);
      if (this.#payload === null) return null;
      this.#openInnerEvent(this.#payload);
    }
  }

  #openEvent(packet: ByteRun): void {
    const event = this.#headers.open(packet, this.#offsets);
    this.#place = event.place;
    this.#readEvent(event);
  }

  #openInnerEvent(payload: { run: ByteRun }): void {
    const { run } = payload;
    if (run.at === run.end) {
      this.#payload = null;
      return;
    }
    const event = openInnerEvent(run, this.#place);
    payload.run = { ...run, at: event.end };
    this.#place = event.place;
    this.#readEvent(event);
  }

  #readEvent(event: OpenEvent): void {
    const { typeCode } = event;
    const shape = ROWS_EVENTS.get(typeCode);
    if (shape !== undefined) return this.#openRows(event, shape);
    switch (typeCode) {
      case EVENT_TYPE.tableMap:
        return this.#readTableMap(event);
      case EVENT_TYPE.partialUpdateRows:
        return this.#refusePartialJson(event);
      case EVENT_TYPE.transactionPayload: {
        if (event.inner) throw malformed('a compressed transaction holds another');
        const cursor = new ByteCursor(event.bytes, event.at, event.end);
        const events = readTransactionPayload(cursor, this.#eventBytesMax);
        this.#payload = { run: byteRun(events), rowCounts: new Map() };
        return;
      }
      case EVENT_TYPE.rotate:
        return this.#readRotate(event);
      default:
        this.#readSmall(event);
    }
  }

  #readRotate(event: OpenEvent): void {
    if (event.inner) throw malformed('a compressed transaction holds a rotate event');
    const rotate = readRotate(new ByteCursor(event.bytes, event.at, event.end));
    this.#offsets.rotate(rotate);
    const { fileName: nextFileName, position } = rotate;
    const { artificial } = event;
    this.#ready = { kind: 'rotate', nextFileName, position, artificial };
    if (artificial) this.#place = { ...this.#place, ...this.#offsets.standing() };
  }

  #readSmall(event: OpenEvent): void {
    const body = readSmallEvent(event, {
      flavour: this.#flavour,
      bytesMax: this.#eventBytesMax,
      ignorable: (event.flags & IGNORABLE) !== 0,
    });
    if (body === null) return;
    this.#ready = body;
    if (body.kind === 'gtid') {
      const tx = Buffer.from(body.gtid, 'latin1');
      this.#transaction = { tx, commitTsUs: body.originalCommitUs ?? secondsUs(event.place) };
    } else if (body.kind === 'anonymous-gtid') {
      this.#transaction = { tx: null, commitTsUs: body.originalCommitUs };
    } else if (body.kind === 'heartbeat') {
      this.#offsets.heartbeat({ fileName: body.logFileName, position: body.position });
    }
  }

  #readTableMap(event: OpenEvent): void {
    const body = event.bytes.subarray(event.at, event.end);
    const cursor = new ByteCursor(body);
    const tableId = cursor.uint(6);
    cursor.skip(2);
    if (this.#tables.touch(tableId, cursor.rest()) !== null) return;
    const table = readTableMap(body, this.#flavour);
    const reader = this.#wants(table);
    assert(reader === null || reader.fits(table), 'a reader is compiled for the table it reads');
    this.#tables.set({ table, reader, stale: false });
    this.#ready = { kind: 'table-map', table };
  }

  #knownTable(event: OpenEvent): KnownTable | null {
    const tableId = new ByteCursor(event.bytes, event.at, event.end).uint(6);
    const known = this.#tables.get(tableId);
    if (known !== undefined) return known;
    if (tableId === NO_TABLE_ID) return null;
    throw new FirnError('LOG-TABLE-UNKNOWN', {
      what: `Rows of table id ${tableId} came without its description`,
    });
  }

  #openRows(event: OpenEvent, shape: RowsEventShape): void {
    const known = this.#knownTable(event);
    if (known === null || known.reader === null || this.isPassing) return;
    let images: ByteRun;
    try {
      const body = { bytes: event.bytes, view: event.view, at: event.at + 6, end: event.end };
      images = readRowsHead(body, known.table, { shape, bytesMax: this.#eventBytesMax });
    } catch (error) {
      return this.#refuse(known, error);
    }
    if (images.at === images.end) return;
    const run: RowsRun = {
      ...images,
      change: shape.change,
      index: this.#payload?.rowCounts.get(formatTableName(known.table)) ?? 0,
      seq: this.#offsets.sequenceAt(event.place.startOffset),
      commitTsUs: this.#transaction.commitTsUs ?? secondsUs(event.place),
      tx: this.#transaction.tx,
    };
    this.#rows = { known, run };
  }

  #readRows(rows: { readonly known: KnownTable; readonly run: RowsRun }): LogEventBody | null {
    const { known, run } = rows;
    const { table, reader } = known;
    assert(reader !== null, 'rows are opened for wanted tables only');
    const firstIndex = run.index;
    try {
      reader.append(run);
    } catch (error) {
      this.#rows = null;
      this.#refuse(known, error);
      return this.#nextBody();
    }
    if (run.at >= run.end) this.#rows = null;
    this.#payload?.rowCounts.set(formatTableName(table), run.index);
    const rowCount = run.index - firstIndex;
    const at = this.#place.startOffset;
    return { kind: 'rows', table, change: run.change, rowCount, at, firstIndex };
  }

  #refusePartialJson(event: OpenEvent): void {
    const known = this.#knownTable(event);
    if (known === null || known.reader === null || this.isPassing) return;
    const what =
      'Only the changed parts of JSON values are logged: PARTIAL_JSON is on in a session';
    this.#refuse(known, new FirnError('LOG-JSON-PARTIAL', { what }));
  }

  /** Takes no more rows of a table whose rows cannot be read; another error is the whole log's. */
  #refuse(known: KnownTable, error: unknown): void {
    if (!isFirnError(error) || error.disposition !== 'halt-table') throw error;
    const { what, remedy, cause } = error;
    const place = `${this.#place.fileName}:${this.#place.startOffset}`;
    const where = `${formatTableName(known.table)} at ${place}`;
    known.reader = null;
    const placed = new FirnError(error.code, { what, remedy, cause, where });
    this.#ready = { kind: 'rows-refused', table: known.table, error: placed };
  }
}

const NOWHERE: EventPlace = {
  timestampSec: 0,
  serverId: 0,
  fileName: '',
  startOffset: 0,
  endOffset: 0,
  checksum: null,
};

/**
 * One literal behind one spread: much faster than two spreads, and this is made for every event.
 */
function placed(body: LogEventBody, place: EventPlace): LogEvent {
  return {
    ...body,
    timestampSec: place.timestampSec,
    serverId: place.serverId,
    fileName: place.fileName,
    startOffset: place.startOffset,
    endOffset: place.endOffset,
    checksum: place.checksum,
  };
}

function secondsUs({ timestampSec }: EventPlace): bigint {
  return BigInt(timestampSec) * 1_000_000n;
}

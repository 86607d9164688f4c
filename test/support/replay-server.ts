/**
 * A server on loopback whose log is one of the recorded files: it answers what Firn's stream asks a
 * server, and sends the log from where it is asked to. Its connections can be cut at any byte.
 */
import type { TestContext } from 'node:test';
import { BinlogReader } from '../../src/binlog/binlog-reader.ts';
import type { LogEvent } from '../../src/binlog/log-event.ts';
import type { LogTable } from '../../src/binlog/log-table.ts';
import { present } from '../../src/kernel/assert.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { emptyGtidSet } from '../../src/mysql/gtid-set.ts';
import type { MysqlFlavour } from '../../src/mysql/mysql-column.ts';
import { markAt, proofOf } from '../../src/sources/mysql/log/log-place.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import { eventsOf, goldenLog, makeEvent, openingRotate, packetsOf } from './binlog-packets.ts';
import { EOF, OK, greeting, rowsBodies, startRogue } from './rogue-server.ts';
import type { RogueServer, RogueSession } from './rogue-server.ts';

/** A recorded log as a server has it. */
export interface Recording {
  readonly flavour: MysqlFlavour;
  readonly events: readonly Uint8Array[];
  /** Offset behind the last event. */
  readonly end: number;
  /** The place behind the head of the file, before the first transaction. */
  readonly start: SourcePosition;
  /** All tables that it describes, as they are described first. */
  readonly tables: readonly TableSchema[];
  /** Offsets at which a transaction, or something outside of one, ended. */
  readonly borders: ReadonlySet<number>;
  readonly executed: string;
}

/** A server that replays, and the bytes that its connections were sent. */
export interface ReplayServer extends RogueServer {
  readonly sent: readonly number[];
  /** Bytes sent on the connection that followed the log last, at the end of each of its events. */
  readonly eventEnds: readonly number[];
  /** The next connections are cut after so many bytes, by their number from now on. */
  plan(cutAfter: (connection: number) => number): void;
}

const FILE = 'binlog.000002';
const UUID = '1f620bfc-e5c2-11f1-b883-02fc00000001';
const WRITE_ROWS = 30;
const SOURCE_ID = 'mysql:replay';

/** Reads one of the recorded files, `mysql-changes` for example. */
export function recordingOf(name: string): Recording {
  const all = eventsOf(goldenLog(name));
  // The rotate event at the end leads to a file that was not recorded.
  const events = all.at(-1)?.[4] === 4 ? all.slice(0, -1) : all;
  return recordingFrom(name.startsWith('mysql') ? 'mysql' : 'mariadb', events);
}

/**
 * A log with a transaction of more rows than Firn holds before it gives some out: an INSERT of
 * three rows, so many times, and another transaction behind it.
 */
export function longRecording(inserts: number): Recording {
  const all = eventsOf(goldenLog('mysql-changes'));
  const at = all.findIndex((event) => event[4] === WRITE_ROWS);
  const head = all.slice(at - 3, at);
  const [rows = OK, end = OK] = all.slice(at, at + 2);
  const events = [...all.slice(0, 2), ...head, ...Array<Uint8Array>(inserts).fill(rows), end];
  let offset = 4;
  const moved = [...events, ...all.slice(at + 2, at + 7)].map((event) => {
    offset += event.length;
    const flags = (event[17] ?? 0) | ((event[18] ?? 0) << 8);
    const body = event.subarray(19, -4);
    return makeEvent({ typeCode: event[4] ?? 0, body, flags, logPosition: offset });
  });
  return recordingFrom('mysql', moved);
}

function recordingFrom(flavour: MysqlFlavour, events: readonly Uint8Array[]): Recording {
  const log = new BinlogReader({ flavour, wants: () => null });
  const bytes = packetsOf([openingRotate(FILE), ...events]);
  const read = [...log.push(bytes)].filter(({ kind }) => kind !== 'rotate');
  const executed = emptyGtidSet(flavour);
  const tables = new Map<string, TableSchema>();
  const borders = new Set<number>();
  for (const event of read) {
    if (event.kind === 'gtid') executed.add(event.gtid);
    if (isEnd(event)) borders.add(event.endOffset);
    if (event.kind !== 'table-map' || tables.has(event.table.table)) continue;
    tables.set(event.table.table, schemaOf(event.table));
  }
  const format = present(
    read.find(({ kind }) => kind === 'format'),
    'a format',
  );
  const first = present(
    read.find(({ kind }) => kind === 'gtid' || kind === 'anonymous-gtid'),
    'a transaction',
  );
  const place = {
    fileName: FILE,
    offset: first.startOffset,
    gtids: emptyGtidSet(flavour),
    serverUuid: flavour === 'mysql' ? UUID : 'id-7',
    proof: proofOf(format),
    repeatsUntil: null,
  };
  return {
    flavour,
    events,
    end: present(read.at(-1), 'an event').endOffset,
    start: markAt(place, { sourceId: SOURCE_ID, epoch: 1 }).position,
    tables: [...tables.values()],
    borders: borders.add(first.startOffset),
    executed: executed.format(),
  };
}

function isEnd(event: LogEvent): boolean {
  if (event.kind === 'query') return !/^(?:BEGIN|XA (?:START|END))/.test(event.sql);
  return event.kind === 'xid' || event.kind === 'xa-prepare';
}

/** Numbers as int, everything else as text. */
function schemaOf(log: LogTable): TableSchema {
  const columns = log.columns.map(({ name, typeCode }, index) => {
    const sourceName = name ?? `@${index}`;
    const isNumber = typeCode === 3;
    const type = { kind: isNumber ? 'int' : 'string' } as const;
    const sourceType = isNumber ? 'int' : typeCode === 245 ? 'json' : 'text';
    return { id: index + 1, name: sourceName, sourceName, type, sourceType };
  });
  const { namespace, table } = log;
  const keyColumnIds = (log.primaryKey ?? []).map(({ column }) => column + 1);
  return { table: { namespace, table }, version: 1, columns, keyColumnIds };
}

/** Starts a server for a recording; it ends with the test. */
export async function startReplay(t: TestContext, recording: Recording): Promise<ReplayServer> {
  const sent: number[] = [];
  const eventEnds: number[] = [];
  let next = 0;
  let cutAfter: (connection: number) => number = () => Infinity;
  const rogue = await startRogue(
    t,
    async (session) => {
      const index = sent.push(0) - 1;
      session.socket.on('close', () => (sent[index] = session.sent));
      await answer(session, recording, eventEnds);
    },
    () => cutAfter(next++),
  );
  return {
    ...rogue,
    // Whoever streams from here may have a clock that hurries.
    address: { ...rogue.address, connectMsMax: 60_000, queryMsMax: 3_600_000 },
    sent,
    eventEnds,
    plan: (faults) => {
      next = 0;
      cutAfter = faults;
      sent.length = 0;
    },
  };
}

async function answer(
  session: RogueSession,
  recording: Recording,
  eventEnds: number[],
): Promise<void> {
  session.send(greeting());
  await session.read();
  session.send(OK);
  for (;;) {
    const command = await session.read();
    if (command === null || command[0] === 1) return void session.socket.destroy();
    if (command[0] === 0x12) {
      const ends = dump(session, recording, command);
      if (ends !== null) eventEnds.splice(0, Infinity, ...ends);
    } else if (command[0] !== 3) session.send(OK);
    else for (const body of told(command.toString('utf8', 1), recording)) session.send(body);
  }
}

function told(sql: string, recording: Recording): readonly Uint8Array[] {
  const { flavour, end, executed } = recording;
  const row = (...values: readonly string[]): readonly Uint8Array[] =>
    rowsBodies(values.length, [values]);
  if (sql.startsWith('SET')) return [OK];
  if (sql.startsWith('SELECT VERSION()')) {
    return flavour === 'mysql' ? row('9.7.4', 'replay') : row('10.11.14-MariaDB', 'replay');
  }
  if (sql.startsWith('SELECT @@server_uuid')) return row(UUID, 'ON', executed, '');
  if (sql.startsWith('SELECT @@server_id, @@gtid')) return row('7', executed);
  if (sql === 'SELECT @@server_id') return row('7');
  if (sql.startsWith('SELECT BINLOG_GTID_POS')) return row('');
  if (sql.startsWith('SELECT @@lower_case')) return row('0');
  if (sql === 'SHOW BINARY LOGS') return row(FILE, `${end}`);
  if (/^SHOW (?:BINARY LOG|MASTER) STATUS$/.test(sql)) return row(FILE, `${end}`);
  if (/^SHOW (?:REPLICAS|SLAVE HOSTS)$/.test(sql)) return rowsBodies(5, []);
  throw new Error(`a statement that no replay answers: ${sql}`);
}

/**
 * The file's name, its format, and its events from the asked offset on; where each of them ended
 * for a reader that follows the log.
 */
function dump(
  session: RogueSession,
  recording: Recording,
  command: Buffer,
): readonly number[] | null {
  const from = command.readUInt32LE(1);
  const isScan = (command.readUInt16LE(5) & 1) === 1;
  const send = (event: Uint8Array): void => session.send(Buffer.concat([Buffer.of(0), event]));
  // Packets as full as a server's.
  session.socket.cork();
  send(openingRotate(FILE, from));
  const ends: number[] = [];
  let offset = 4;
  for (const event of recording.events) {
    const isFormat = offset === 4;
    if (offset >= from) send(event);
    else if (isFormat) send(formatAgain(event));
    offset += event.length;
    ends.push(session.sent);
  }
  if (isScan) session.send(EOF);
  session.socket.uncork();
  return isScan ? null : ends;
}

/** The format of a file before events from its middle: it stands at no offset. */
function formatAgain(event: Uint8Array): Uint8Array {
  return makeEvent({ typeCode: 15, body: event.subarray(19, -4), logPosition: 0 });
}

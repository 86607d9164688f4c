/**
 * A server on loopback that speaks the protocol of MySQL as far as a test wants it to, and then
 * does what no server does. Everything that clients send is kept.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { MysqlAddress } from '../../src/sources/mysql/login.ts';

/** One client's connection. */
export interface RogueSession {
  readonly socket: Socket;
  /** Bytes of packets sent so far. */
  readonly sent: number;
  /** The next packet of the client; `null` when the client is gone. */
  read(): Promise<Buffer | null>;
  /** Sends one packet, its number counted on from the last one of either side. */
  send(body: Uint8Array): void;
  /** Sends one packet under a number of its own. */
  sendAs(sequence: number, body: Uint8Array): void;
}

/** Bodies of packets in answer to a statement; `undefined` for what a server would say. */
export type Answers = (sql: string, session: RogueSession) => readonly Uint8Array[] | undefined;

/** A server that runs. */
export interface RogueServer {
  readonly address: MysqlAddress;
  /** Everything that clients sent. */
  received(): Buffer;
}

/** What every client of a rogue has as its secret. */
export const ROGUE_PASSWORD = 'hunter2 geheim';

/** LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_RESULTS, PLUGIN_AUTH. */
const CAPABILITIES = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x20000 | 0x80000;

/** Packet body of OK. */
export const OK = Uint8Array.of(0, 0, 0, 2, 0, 0, 0);

/** Packet body of EOF. */
export const EOF = Uint8Array.of(0xfe, 0, 0, 2, 0);

/** Packet body of an error. */
export function errorBody(number: number, words: string): Uint8Array {
  return Buffer.concat([Buffer.of(0xff, number & 255, number >> 8), Buffer.from(`#HY000${words}`)]);
}

/** Packet body of the first word of a server. */
export function greeting(plugin = 'mysql_native_password', version = '8.4.0'): Uint8Array {
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(CAPABILITIES);
  return Buffer.concat([
    Buffer.of(10),
    Buffer.from(`${version}\0`),
    Buffer.of(7, 0, 0, 0),
    Buffer.from('saltsalt\0'),
    flags.subarray(0, 2),
    Buffer.of(45, 2, 0),
    flags.subarray(2),
    Buffer.of(21),
    Buffer.alloc(10),
    Buffer.from('saltsaltsalt\0'),
    Buffer.from(`${plugin}\0`),
  ]);
}

/** A text with its length before it. */
export function packedText(text: string | Uint8Array | null): Uint8Array {
  if (text === null) return Buffer.of(0xfb);
  const bytes = Buffer.from(text);
  const head = bytes.length < 251 ? Buffer.of(bytes.length) : Buffer.of(0xfc, 0, 0);
  if (bytes.length >= 251) head.writeUInt16LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Packet bodies of an answer with rows. */
export function rowsBodies(
  columnCount: number,
  rows: readonly (readonly (string | null)[])[],
): readonly Uint8Array[] {
  const column = Buffer.concat([
    ...['def', '', '', '', 'c', ''].map(packedText),
    Buffer.of(12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0),
  ]);
  return [
    Buffer.of(columnCount),
    ...Array.from({ length: columnCount }, () => column),
    EOF,
    ...rows.map((row) => Buffer.concat(row.map(packedText))),
    EOF,
  ];
}

/** A packet. */
export function packet(sequence: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

/** Logs a client in and answers its statements until it goes. */
export async function serve(session: RogueSession, answers: Answers): Promise<void> {
  session.send(greeting());
  await session.read();
  session.send(OK);
  for (;;) {
    const command = await session.read();
    if (command === null || command[0] === 1) return void session.socket.destroy();
    const sql = command[0] === 3 ? command.toString('utf8', 1) : '';
    const usual = sql.startsWith('SELECT VERSION()') ? rowsBodies(2, [['8.4.0', 'rogue']]) : [OK];
    for (const body of answers(sql, session) ?? usual) session.send(body);
  }
}

/**
 * Starts a server whose connections run `script`; it ends with the test. `cutAfter` is asked at
 * each connection how many bytes it may send before it is closed (after an odd number) or reset
 * (after an even one).
 */
export async function startRogue(
  t: TestContext,
  script: (session: RogueSession) => Promise<void>,
  cutAfter: () => number = () => Infinity,
): Promise<RogueServer> {
  const sockets = new Set<Socket>();
  const received: Buffer[] = [];
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Clients cut the connection: that is what they should do.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    void script(sessionOf(socket, cutAfter()));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  const { port } = listener.address() as AddressInfo;
  return {
    address: {
      host: '127.0.0.1',
      port,
      user: 'firn',
      password: ROGUE_PASSWORD,
      tls: { kind: 'off' },
      connectMsMax: 2000,
      queryMsMax: 2000,
    },
    received: () => Buffer.concat(received),
  };
}

function sessionOf(socket: Socket, cutAfter: number): RogueSession {
  let bytes = Buffer.alloc(0);
  let sequence = 0;
  let wake: (() => void) | null = null;
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake?.();
  });
  socket.on('close', () => wake?.());
  let sent = 0;
  const sendAs = (number: number, body: Uint8Array): void => {
    sequence = (number + 1) & 255;
    if (socket.destroyed || sent >= cutAfter) return;
    const piece = packet(number, body).subarray(0, cutAfter - sent);
    sent += piece.length;
    if (sent < cutAfter) socket.write(piece);
    else if (sent % 2 === 0) socket.write(piece, () => socket.resetAndDestroy());
    else socket.end(piece, () => socket.destroy());
  };
  return {
    socket,
    async read() {
      while (bytes.length < 4 || bytes.length < 4 + bytes.readUIntLE(0, 3)) {
        if (socket.destroyed) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const length = bytes.readUIntLE(0, 3);
      sequence = ((bytes[3] ?? 0) + 1) & 255;
      const body = bytes.subarray(4, 4 + length);
      bytes = bytes.subarray(4 + length);
      return body;
    },
    get sent() {
      return sent;
    },
    send: (body) => sendAs(sequence, body),
    sendAs,
  };
}

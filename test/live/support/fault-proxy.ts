/**
 * A proxy on loopback between Firn and a server that does what networks do: cuts at a byte, gets
 * slow, goes silent with the connection open, flips a bit. Bytes are counted per connection, from
 * the server to the client.
 */
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

/** What happens to the bytes of a connection. */
export type Fault =
  | { readonly kind: 'none' }
  /** Both sides are reset once so many bytes have passed. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'slow'; readonly bytesPerSec: number }
  /** From this byte on nothing passes, either way, and nothing is closed. */
  | { readonly kind: 'silent'; readonly afterBytes: number }
  /** The bits of `mask` (1 to 255) are flipped in one byte. */
  | { readonly kind: 'flip'; readonly atByte: number; readonly mask: number };

/** The proxy. */
export interface FaultProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Connections taken so far; the next one has this index. */
  readonly connectionCount: number;
  /** Bytes that came from the server, on the connection that brought the most. */
  readonly bytesMax: number;
  /** Faults of connections made from now on, by their index. */
  plan(faultOf: (index: number) => Fault): void;
  /** Another server stands behind the address from the next connection on. */
  lead(target: ProxyTarget): void;
  /** Resets every living connection. */
  cutAll(): void;
  /** An address of the server, through the proxy. */
  through(url: string): string;
}

/** A server behind a proxy. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** Longest piece that passes at once on a slow connection. */
const SLOW_PIECE = 1024;

interface Pass {
  readonly fault: Fault;
  readonly client: Socket;
  readonly server: Socket;
  count: number;
}

function reset(pass: Pass): void {
  pass.client.resetAndDestroy();
  pass.server.resetAndDestroy();
}

async function passSlowly(pass: Pass, chunk: Buffer, bytesPerSec: number): Promise<void> {
  pass.server.pause();
  for (let at = 0; at < chunk.length && !pass.client.destroyed; at += SLOW_PIECE) {
    const piece = chunk.subarray(at, at + SLOW_PIECE);
    pass.client.write(piece);
    await sleep((piece.length / bytesPerSec) * 1000);
  }
  pass.server.resume();
}

/** Hands bytes of the server on, or not. */
function forward(pass: Pass, chunk: Buffer): void {
  const { fault, client, server } = pass;
  const start = pass.count;
  pass.count += chunk.length;
  if (fault.kind === 'slow') {
    void passSlowly(pass, chunk, fault.bytesPerSec);
  } else if (fault.kind === 'cut' && pass.count >= fault.afterBytes) {
    client.write(chunk.subarray(0, Math.max(0, fault.afterBytes - start)), () => reset(pass));
    server.pause();
  } else if (fault.kind === 'silent' && pass.count > fault.afterBytes) {
    client.write(chunk.subarray(0, Math.max(0, fault.afterBytes - start)));
    server.pause();
    client.pause();
  } else {
    const at = fault.kind === 'flip' ? fault.atByte - start : -1;
    const flipped = chunk[at];
    if (fault.kind === 'flip' && flipped !== undefined) chunk[at] = flipped ^ fault.mask;
    if (!client.write(chunk)) server.pause();
  }
}

/** Starts a proxy before the server at `target`; it ends with the test. */
export async function startFaultProxy(t: TestContext, first: ProxyTarget): Promise<FaultProxy> {
  let target = first;
  let faultOf: (index: number) => Fault = () => ({ kind: 'none' });
  const passes = new Set<Pass>();
  let connectionCount = 0;
  let bytesMax = 0;
  const listener = createServer({ noDelay: true }, (client) => {
    const fault = faultOf(connectionCount);
    connectionCount += 1;
    const server = createConnection({ host: target.host, port: target.port, noDelay: true });
    const pass: Pass = { fault, client, server, count: 0 };
    passes.add(pass);
    const end = (): void => {
      client.destroy();
      server.destroy();
      passes.delete(pass);
    };
    server.on('data', (chunk: Buffer) => {
      forward(pass, chunk);
      bytesMax = Math.max(bytesMax, pass.count);
    });
    client.on('drain', () => server.resume());
    client.pipe(server);
    // A reset of either side is what this proxy is for.
    client.on('error', () => undefined).on('close', end);
    server.on('error', () => undefined).on('close', end);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = listener.address() as AddressInfo;
  const cutAll = (): void => passes.forEach((pass) => reset(pass));
  t.after(() => {
    cutAll();
    listener.close();
  });
  return {
    host: '127.0.0.1',
    port,
    get connectionCount() {
      return connectionCount;
    },
    get bytesMax() {
      return bytesMax;
    },
    plan: (next) => {
      faultOf = next;
    },
    lead: (next) => {
      target = next;
    },
    cutAll,
    through: (url) => {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.href;
    },
  };
}

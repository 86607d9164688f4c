/**
 * Kafka Connect and Flink's JobManager as far as reconciling asks them, over real HTTP: a process
 * of its own, so that its memory is not the program's. Prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Connector {
  config: unknown;
  state: string;
}

const connectors = new Map<string, Connector>();

function statusOf({ state }: Connector): unknown {
  const tasks = state === 'RUNNING' ? [{ id: 0, state }] : [];
  return { connector: { state }, tasks };
}

function offsetsOf(name: string): unknown {
  const offset = {
    file: 'binlog.000002',
    pos: 4,
    gtids: 'b227aa95-e5e5-11f1-8a59-02fc00000001:1-8',
  };
  return { offsets: [{ partition: { server: name }, offset }] };
}

/** The status and JSON of an answer. */
function answer(method: string, path: string, body: unknown): readonly [number, unknown?] {
  if (path.startsWith('/jobs/')) return [200, { name: path.slice(6), state: 'RUNNING' }];
  if (path === '/connectors' && method === 'POST') {
    const { name, config } = body as { readonly name: string; readonly config: object };
    connectors.set(name, { config: { ...config, name }, state: 'STOPPED' });
    return [201, {}];
  }
  const [, , encoded = '', what = ''] = path.split('/');
  const name = decodeURIComponent(encoded);
  const connector = connectors.get(name);
  if (connector === undefined) return [404, { error_code: 404, message: 'not there' }];
  if (method === 'GET' && what === 'config') return [200, connector.config];
  if (method === 'GET' && what === 'status') return [200, statusOf(connector)];
  if (method === 'GET' && what === 'offsets') return [200, offsetsOf(name)];
  if (what === 'config') connector.config = { ...(body as object), name };
  if (what === 'resume') connector.state = 'RUNNING';
  if (what === 'stop') connector.state = 'STOPPED';
  return [202];
}

const server = createServer((message, response) => {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text === '' ? null : JSON.parse(text);
    const [status, json] = answer(message.method ?? '', message.url ?? '', body);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(json === undefined ? '' : JSON.stringify(json));
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});

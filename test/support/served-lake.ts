/**
 * An empty lake in a folder, with its catalog served over HTTP in this process. Requests go through
 * real sockets; nothing of the server is replaced.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startCatalogServer } from '../../src/catalog-server/catalog-server.ts';
import type { CatalogServer, ServedRequest } from '../../src/catalog-server/catalog-server.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { parseJson, stringifyJson } from '../../src/kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../src/kernel/lossless-json.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { ServedCatalog } from '../../src/ports/served-catalog.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openServedSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';

/** A lake to serve. */
export interface ServedLakeOptions {
  /** Holds `catalog.db`, and the warehouse unless that is somewhere else. */
  readonly folder: string;
  /** Default: `warehouse` in the folder. */
  readonly warehouse?: string;
  readonly token?: string;
  /** Stands between server and catalog, for faults. */
  readonly wrap?: (catalog: ServedCatalog) => ServedCatalog;
}

/** An answer, with its JSON parsed without loss. */
export interface RestResponse {
  readonly status: number;
  readonly headers: Headers;
  /** `{}` for an answer without a body. */
  readonly body: JsonObject;
}

/** A request without its path. */
export interface RestCall {
  readonly method?: string;
  readonly body?: JsonValue;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A lake with its server. */
export class ServedLakePlace {
  readonly url: string;
  /** Root of the warehouse as a URI. */
  readonly root: string;
  /** Requests in the order in which they were answered. */
  readonly served: ServedRequest[];
  readonly #server: CatalogServer;
  readonly #catalog: ServedCatalog;

  private constructor(parts: {
    readonly server: CatalogServer;
    readonly catalog: ServedCatalog;
    readonly root: string;
    readonly served: ServedRequest[];
  }) {
    this.#server = parts.server;
    this.#catalog = parts.catalog;
    this.root = parts.root;
    this.served = parts.served;
    this.url = `http://127.0.0.1:${parts.server.port}`;
  }

  /** Opens the lake and starts the server at a free port. */
  static async open(options: ServedLakeOptions): Promise<ServedLakePlace> {
    const clock = systemClock;
    const random = systemRandom;
    const warehouse = options.warehouse ?? join(options.folder, 'warehouse');
    mkdirSync(warehouse, { recursive: true });
    const store = createLocalObjectStore({ folder: warehouse, clock, random });
    const path = join(options.folder, 'catalog.db');
    const opened = await openServedSqliteCatalog({ path, name: 'firn', store, clock, random });
    const catalog = options.wrap?.(opened) ?? opened;
    const served: ServedRequest[] = [];
    const server = await startCatalogServer({
      catalog,
      store,
      clientConfig: { 'client.region': 'somewhere' },
      clock,
      random,
      host: '127.0.0.1',
      port: 0,
      access: { hosts: ['lake.example'], token: options.token ?? null },
      onServed: (request) => served.push(request),
    });
    return new ServedLakePlace({ server, catalog, root: store.root, served });
  }

  /** Sends a request. */
  async call(path: string, call: RestCall = {}): Promise<RestResponse> {
    const { method = call.body === undefined ? 'GET' : 'POST', headers = {} } = call;
    const text = call.text ?? (call.body === undefined ? null : stringifyJson(call.body));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(text === null ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(text === null ? {} : { body: text }),
    });
    const answer = await response.text();
    const body = answer === '' ? {} : (parseJson(answer) as JsonObject);
    return { status: response.status, headers: response.headers, body };
  }

  /** Ends server and catalog. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.#catalog.close();
  }
}

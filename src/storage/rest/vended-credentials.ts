/**
 * Keys of the object store that a REST catalog gives out with its tables (Iceberg REST
 * specification, `LoadTableResult`: `storage-credentials`, and `s3.…` in `config`). Each counts for
 * the locations that begin with its prefix, the longest prefix first, and is replaced before it
 * ends, or when the store refuses it. Kept in memory only, and bounded.
 */
import { jsonFields } from '../../iceberg/json-fields.ts';
import { stringRecord } from '../../iceberg/snapshot.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type { TableIdentifier } from '../../ports/catalog.ts';
import type { SigningKeys } from '../http/signature-v4.ts';
import { spelledTable, tablePath } from './rest-address.ts';
import type { RestClient } from './rest-client.ts';
import { answerError, answerObject, unreadable } from './rest-failure.ts';
import type { RestSettings } from './rest-settings.ts';

/** Where new keys come from. */
export interface VendedFrom {
  /** Loads a table with its keys. */
  readonly reload: (identifier: TableIdentifier) => Promise<unknown>;
  readonly client: RestClient;
  readonly settings: RestSettings;
}

interface VendedKeys {
  /** The keys count for the locations that begin with these characters. */
  readonly prefix: string;
  readonly keys: SigningKeys;
  /** Milliseconds since 1970; `null`: nobody said. */
  readonly expiresAtMs: number | null;
  /** On the monotonic clock. */
  readonly sinceMs: number;
}

interface TableKeys {
  readonly identifier: TableIdentifier;
  /** The table's folder, with its last slash: its keys are for nothing else. */
  readonly folder: string;
  readonly all: readonly VendedKeys[];
}

/** Tables whose keys are kept at most. */
const tablesMax = 10_000;
/** Keys are replaced so long before their end. */
const marginMs = 5 * 60_000;
/** Keys that end sooner than twice the margin are not replaced more often than this. */
const restMs = 10_000;

/** The keys that the tables of one catalog came with. */
export class VendedCredentials {
  /** Asks for keys when a table is loaded. */
  readonly loadHeaders = { 'x-iceberg-access-delegation': 'vended-credentials' };
  readonly #clock: Clock;
  readonly #tables = new Map<string, TableKeys>();
  readonly #renewals = new Map<string, Promise<void>>();
  #from: VendedFrom | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Says where new keys come from. */
  connect(from: VendedFrom): void {
    this.#from = from;
  }

  /** Keeps the keys in the result of loading a table, or of asking for its keys alone. */
  keep(identifier: TableIdentifier, result: JsonObject): void {
    const name = spelledTable(identifier);
    const found = this.#read(result, name);
    const folder = found.folder ?? this.#tables.get(name)?.folder;
    if (folder === undefined || found.all.length === 0) return;
    this.#tables.delete(name);
    this.#tables.set(name, { identifier, folder, all: found.all });
    for (const oldest of this.#tables.keys()) {
      if (this.#tables.size <= tablesMax) break;
      this.#tables.delete(oldest);
    }
  }

  /** The keys for a location; `null`: it is in no table that came with keys for it. */
  async current(location: string): Promise<SigningKeys | null> {
    const found = this.#find(location);
    if (found === null) return null;
    if (!this.#isOld(found.vended)) return found.vended.keys;
    try {
      await this.#renew(found.identifier);
    } catch (error) {
      // What there is may still be taken; when it is not, asking again is the store's client's.
      if (!isFirnError(error) || error.disposition !== 'retry') throw error;
    }
    return this.#find(location)?.vended.keys ?? null;
  }

  /** Other keys for a location than `refused`, if the catalog has others. */
  async renewed(location: string, refused: SigningKeys): Promise<SigningKeys | null> {
    const found = this.#find(location);
    if (found === null) return null;
    if (found.vended.keys.secretAccessKey !== refused.secretAccessKey) return found.vended.keys;
    await this.#renew(found.identifier);
    return this.#find(location)?.vended.keys ?? null;
  }

  #find(location: string): { identifier: TableIdentifier; vended: VendedKeys } | null {
    for (const { identifier, folder, all } of this.#tables.values()) {
      if (!location.startsWith(folder)) continue;
      const fitting = all.filter(({ prefix }) => location.startsWith(prefix));
      const [vended] = fitting.toSorted((one, two) => two.prefix.length - one.prefix.length);
      if (vended !== undefined) return { identifier, vended };
    }
    return null;
  }

  #isOld({ expiresAtMs, sinceMs }: VendedKeys): boolean {
    if (expiresAtMs === null || this.#clock.nowMs() < expiresAtMs - marginMs) return false;
    return this.#clock.monotonicMs() - sinceMs >= restMs || this.#clock.nowMs() >= expiresAtMs;
  }

  /** However many wait for new keys of a table, one asks. */
  #renew(identifier: TableIdentifier): Promise<void> {
    const name = spelledTable(identifier);
    const known = this.#renewals.get(name);
    if (known !== undefined) return known;
    const renewal = this.#ask(identifier).finally(() => this.#renewals.delete(name));
    this.#renewals.set(name, renewal);
    return renewal;
  }

  async #ask(identifier: TableIdentifier): Promise<void> {
    const from = this.#from;
    if (from === null) return;
    const { client, settings } = from;
    if (settings.offers('GET', 'namespaces/{namespace}/tables/{table}/credentials') !== true) {
      await from.reload(identifier);
      return;
    }
    const path = `${tablePath(settings.paths, identifier)}/credentials`;
    const where = spelledTable(identifier);
    const answered = await client.ask({ method: 'GET', path, where });
    if (answered.answer.status !== 200) throw answerError(answered.answer, answered);
    const object = answerObject(answered.answer);
    if (object === null) throw unreadable('it is no whole JSON document', where);
    this.keep(identifier, object);
  }

  /** The keys in a result: those with a prefix of their own, and those of the whole table. */
  #read(
    result: JsonObject,
    where: string,
  ): Omit<TableKeys, 'identifier' | 'folder'> & {
    readonly folder: string | null;
  } {
    try {
      const fields = jsonFields(result, where);
      const listed = (fields.optionalList('storage-credentials') ?? []).map((item, index) => {
        const credential = jsonFields(item, `${where}: storage-credentials[${index}]`);
        const config = stringRecord(credential.value('config'), credential.where);
        return this.#keysIn(config, credential.text('prefix'));
      });
      const config = stringRecord(fields.value('config'), `${where}: config`);
      const metadata = fields.value('metadata');
      const location = metadata === null ? null : jsonFields(metadata, where).text('location');
      const folder = location === null ? null : `${plain(location).replace(/\/+$/, '')}/`;
      const all = [...listed, this.#keysIn(config, '')].filter((keys) => keys !== null);
      return { folder, all };
    } catch (error) {
      // The parser's own message names keys and places only, never values.
      if (!isFirnError(error, 'ICEBERG-JSON-INVALID')) throw error;
      throw new FirnError('CATALOG-REMOTE-REFUSED', {
        what: `the keys that the catalog gives out cannot be read: ${error.what}`,
        where,
      });
    }
  }

  #keysIn(config: Readonly<Record<string, string>>, prefix: string): VendedKeys | null {
    const accessKeyId = config['s3.access-key-id'];
    const secretAccessKey = config['s3.secret-access-key'];
    if (accessKeyId === undefined || secretAccessKey === undefined) return null;
    const text = config['s3.session-token-expires-at-ms'] ?? config['expiration-time'] ?? '';
    return {
      prefix: plain(prefix),
      keys: { accessKeyId, secretAccessKey, sessionToken: config['s3.session-token'] ?? null },
      expiresAtMs: /^\d{1,15}$/.test(text) ? Number.parseInt(text, 10) : null,
      sinceMs: this.#clock.monotonicMs(),
    };
  }
}

/** A location in the spelling of the object store. */
function plain(location: string): string {
  return location.replace(/^s3[an]:/, 's3:');
}

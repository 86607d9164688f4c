/**
 * A foreign REST catalog (Iceberg REST specification) as a catalog of Firn's. The server keeps the
 * metadata and writes its files; what it says is believed no further than the specification goes:
 * a missing answer leaves the outcome open, an older state of a table is noticed, a table is made
 * under a uuid of Firn's own, so that a creation that was answered late is found again.
 */
import { updatesOfNewTable } from '../../iceberg/updates/commit-json.ts';
import type { TableMetadata } from '../../iceberg/table-metadata.ts';
import { jsonFields } from '../../iceberg/json-fields.ts';
import { assert, present, unreachable } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type { Random } from '../../kernel/random.ts';
import { retry } from '../../kernel/retry.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import type {
  Catalog,
  CommitOutcome,
  LoadedTable,
  TableCommit,
  TableIdentifier,
} from '../../ports/catalog.ts';
import type { Authorization } from './authorization.ts';
import { CommitKeys } from './commit-keys.ts';
import {
  levelsOf,
  namespacePath,
  restAddress,
  spelledTable,
  tablePath,
  tablesPath,
} from './rest-address.ts';
import { RestClient } from './rest-client.ts';
import type { RestCall } from './rest-client.ts';
import { commitAll, commitOne } from './rest-commits.ts';
import type { CommitParts } from './rest-commits.ts';
import { answerError, answerObject, isMissing, problemOf, unreadable } from './rest-failure.ts';
import { CATALOG_ID_PROPERTY, readSettings } from './rest-settings.ts';
import type { RestSettings } from './rest-settings.ts';
import { isGone, listAll, loadTable, namespaceInList } from './rest-tables.ts';
import { SeenTables } from './seen-tables.ts';
import type { VendedCredentials } from './vended-credentials.ts';

/** What a REST catalog is opened with. */
export interface RestCatalogOptions {
  /** What `/v1/` comes after: `https://host/path`. */
  readonly uri: string;
  /** The server's own name of the catalog; `null`: it has one only. */
  readonly warehouse: string | null;
  readonly authorization: Authorization;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  /** Of requests that may be sent twice. */
  readonly retryPolicy?: RetryPolicy;
  /** Keeps the keys that tables come with; without it none are asked for. */
  readonly credentials?: VendedCredentials;
}

/** Namespace that keeps the id of a catalog whose server knows none. */
const ID_NAMESPACE = '_firn';
/** Levels of namespaces that are looked into. */
const DEPTH_MAX = 16;
/** Times a drop is sent while there is no answer. */
const DROPS_MAX = 5;
const dropPolicy: RetryPolicy = { attemptsMax: DROPS_MAX, pauseMs: 150, pauseMsMax: 2000 };

/**
 * Opens a REST catalog: asks the server for its settings.
 *
 * @throws {FirnError} CATALOG-REMOTE-…
 */
export async function openRestCatalog(options: RestCatalogOptions): Promise<Catalog> {
  const address = restAddress(options.uri);
  const client = new RestClient({ ...options, address });
  const settings = await readSettings(client, { address, warehouse: options.warehouse });
  return new RestCatalog({ ...options, client, settings });
}

interface RestCatalogParts extends RestCatalogOptions {
  readonly client: RestClient;
  readonly settings: RestSettings;
}

class RestCatalog implements Catalog {
  readonly name: string;
  readonly commitsAtomically: boolean;
  readonly #parts: RestCatalogParts;
  readonly #working: CommitParts;

  constructor(parts: RestCatalogParts) {
    const { client, settings, clock, random, credentials } = parts;
    this.name = parts.warehouse ?? restAddress(parts.uri).host;
    this.commitsAtomically = settings.offers('POST', 'transactions/commit') === true;
    this.#parts = parts;
    this.#working = {
      client,
      clock,
      random,
      paths: settings.paths,
      seen: new SeenTables(),
      keys: settings.takesKeys ? new CommitKeys({ clock, random }) : null,
      loadHeaders: credentials?.loadHeaders ?? {},
      onLoaded: (identifier, result) => credentials?.keep(identifier, result),
    };
    credentials?.connect({
      reload: (identifier) => this.loadTable(identifier),
      client,
      settings,
    });
  }

  async catalogId(): Promise<string> {
    const { settings, clock, random } = this.#parts;
    if (settings.catalogId !== null) return settings.catalogId;
    const kept = await this.#keptId();
    if (kept !== null) return kept;
    // Of two that make the namespace at once one wins, and both read its id.
    const properties = { [CATALOG_ID_PROPERTY]: uuidV7(clock, random) };
    await this.#makeNamespace(ID_NAMESPACE, properties);
    const made = await this.#keptId();
    if (made !== null) return made;
    throw new FirnError('CATALOG-REMOTE-REFUSED', {
      what: `the catalog does not keep the property ${CATALOG_ID_PROPERTY} of a namespace`,
      where: ID_NAMESPACE,
    });
  }

  async ensureNamespace(namespace: string): Promise<void> {
    if ((await this.#properties(namespace)) === null) await this.#makeNamespace(namespace, {});
  }

  async listNamespaces(): Promise<readonly string[]> {
    const found: string[] = [];
    let level = await this.#namespacesBelow(null);
    for (let depth = 1; level.length > 0 && depth <= DEPTH_MAX; depth++) {
      found.push(...level);
      const below = await Promise.all(level.map((parent) => this.#namespacesBelow(parent)));
      level = below.flat();
    }
    return found.filter((namespace) => namespace !== ID_NAMESPACE);
  }

  async listTables(namespace: string): Promise<readonly TableIdentifier[]> {
    const { client, settings } = this.#parts;
    const path = tablesPath(settings.paths, namespace);
    const list = { path, query: [], key: 'identifiers', where: namespace } as const;
    const items = (await listAll(client, list)) ?? [];
    return items.map((item) => {
      return { namespace, name: jsonFields(item, namespace).text('name') };
    });
  }

  /** The server writes what the updates say; the uuid and the ids of the metadata stay. */
  async createTable(identifier: TableIdentifier, metadata: TableMetadata): Promise<LoadedTable> {
    const where = spelledTable(identifier);
    const outcome = await commitOne(this.#working, {
      identifier,
      requirements: [{ kind: 'assert-create' }],
      updates: updatesOfNewTable(metadata),
    });
    switch (outcome.kind) {
      case 'committed': {
        const made = present(outcome.tables[0], 'the table of a creation');
        // The answer to a commit brings no keys for the table's files.
        return this.#parts.credentials === undefined
          ? made
          : ((await this.loadTable(identifier)) ?? made);
      }
      case 'unknown':
        throw new FirnError('CATALOG-CREATE-UNKNOWN', {
          what: 'no answer to the creation of a table',
          where,
          cause: outcome.cause,
        });
      case 'conflict': {
        const there = await this.loadTable(identifier);
        if (there?.metadata.tableUuid === metadata.tableUuid) return there;
        if (there === null) {
          // Taken a moment ago, and free now.
          throw new FirnError('CATALOG-CREATE-UNKNOWN', { what: outcome.reason, where });
        }
        throw new FirnError('CATALOG-TABLE-EXISTS', { what: 'another table has this name', where });
      }
      default:
        return unreachable(outcome);
    }
  }

  loadTable(identifier: TableIdentifier): Promise<LoadedTable | null> {
    return loadTable(this.#working, identifier);
  }

  async commit(commits: readonly TableCommit[]): Promise<CommitOutcome> {
    const [first] = commits;
    if (first === undefined) return { kind: 'committed', tables: [] };
    if (commits.length === 1) return commitOne(this.#working, first);
    assert(this.commitsAtomically, 'only a catalog that can commits to several tables at once');
    return commitAll(this.#working, commits);
  }

  /**
   * A drop whose answer is missing may be carried out late, so it is sent again only while the same
   * table is there: another one may have got its name since.
   */
  async dropTable(identifier: TableIdentifier): Promise<void> {
    const { client, settings, clock, random } = this.#parts;
    const path = tablePath(settings.paths, identifier);
    const query = [['purgeRequested', 'false']] as const;
    let uuid: string | null = null;
    await retry({ clock, random }, dropPolicy, async () => {
      const there = await this.#uuidOf(identifier);
      uuid ??= there;
      if (there === null || there !== uuid) return;
      const where = spelledTable(identifier);
      const sent = await client.send({ method: 'DELETE', path, query, where });
      if (sent.kind === 'unanswered') throw sent.cause;
      if (sent.answer.status >= 300 && !isGone(sent)) throw answerError(sent.answer, sent);
    });
  }

  /** Uuid of the table of this name, empty where its metadata is lost; `null`: there is none. */
  async #uuidOf(identifier: TableIdentifier): Promise<string | null> {
    try {
      return (await this.loadTable(identifier))?.metadata.tableUuid ?? null;
    } catch (error) {
      if (isFirnError(error, 'CATALOG-METADATA-MISSING')) return '';
      throw error;
    }
  }

  async close(): Promise<void> {
    // Idle connections keep no process alive.
  }

  /** Properties of a namespace; `null`: it is not there. */
  async #properties(namespace: string): Promise<JsonObject | null> {
    const { client, settings } = this.#parts;
    const call: RestCall = {
      method: 'GET',
      path: namespacePath(settings.paths, namespace),
      where: namespace,
    };
    const answered = await client.ask(call);
    if (isGone(answered)) return null;
    if (answered.answer.status !== 200) throw answerError(answered.answer, answered);
    const object = answerObject(answered.answer);
    if (object === null) throw unreadable('it is no whole JSON document', namespace);
    const fields = jsonFields(object, namespace);
    return fields.value('properties') === null
      ? {}
      : jsonFields(fields.value('properties'), namespace).object;
  }

  async #keptId(): Promise<string | null> {
    const id = (await this.#properties(ID_NAMESPACE))?.[CATALOG_ID_PROPERTY];
    return typeof id === 'string' ? id : null;
  }

  /** Makes a namespace, and those above it where the server wants them first. */
  async #makeNamespace(namespace: string, properties: JsonObject): Promise<void> {
    const { client, settings } = this.#parts;
    const levels = levelsOf(namespace);
    // Asked for its path only to refuse a name that could not be asked for later.
    namespacePath(settings.paths, namespace);
    const path = `${settings.paths.root}/namespaces`;
    const body = { namespace: levels, properties };
    for (let attempt = 1; ; attempt++) {
      const answered = await client.ask({ method: 'POST', path, body, where: namespace });
      const { status } = answered.answer;
      if (status === 200 || status === 409) return;
      const missing = isMissing(problemOf(answered.answer, answered.headers), 'namespace');
      if (status !== 404 || !missing || levels.length === 1 || attempt > 1) {
        throw answerError(answered.answer, answered);
      }
      await this.#makeNamespace(levels.slice(0, -1).join('.'), {});
    }
  }

  async #namespacesBelow(parent: string | null): Promise<readonly string[]> {
    const { client, settings } = this.#parts;
    const { root, separator } = settings.paths;
    const where = parent ?? root;
    const query = parent === null ? [] : ([['parent', parent.replaceAll('.', separator)]] as const);
    const list = { path: `${root}/namespaces`, query, key: 'namespaces', where } as const;
    const items = (await listAll(client, list)) ?? [];
    const depth = parent === null ? 1 : levelsOf(parent).length + 1;
    // A server that knows no levels gives its whole list again.
    return items
      .map((item) => namespaceInList(item, where))
      .filter((name) => name !== null)
      .filter((name) => levelsOf(name).length === depth)
      .filter((name) => parent === null || name.startsWith(`${parent}.`));
  }
}
